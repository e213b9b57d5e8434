"""The stand-in for GKE's load balancer controllers: they give out addresses, and no more.

No load balancer is made, and the addresses lead nowhere. Real is who waits for whom: a Service of
type LoadBalancer or a Gateway that is deleted stays until this has taken off the finalizer that it
put there.
https://docs.cloud.google.com/kubernetes-engine/docs/concepts/service-load-balancer
https://docs.cloud.google.com/kubernetes-engine/docs/concepts/gateway-api
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any

from sandbox.gke.addresses import free_address, reserved_address
from sandbox.gke.definitions import GATEWAY_API, GATEWAY_CONTROLLER
from sandbox.kubernetes_api import KubernetesApi, Object, items, section
from sandbox.providers.values import is_list, is_mapping
from sandbox.rounds import Stopwatch, unless_it_changed

# https://github.com/kubernetes/ingress-gce/blob/master/pkg/utils/common/finalizer.go
SERVICE_FINALIZERS: Mapping[bool, str] = {
    False: "gke.networking.io/l4-netlb-v2",
    True: "gke.networking.io/l4-ilb-v2",
}
"""What holds a Service whose load balancer is external, and one whose is internal."""
GATEWAY_FINALIZER = "gateway.finalizer.networking.gke.io"

# What Google takes until a load balancer is gone is more like minutes.
_DELETION_SECONDS = 3.0
_TYPE = "networking.gke.io/load-balancer-type"
_NAMED = "NamedAddress"
# Certificate Manager's, instead of a listener's own.
_CERTIFICATES = "networking.gke.io/certmap"
_NOT_MADE = "no load balancer is made in the sandbox"


class LoadBalancers:
    """Looks after the Services of type LoadBalancer and the Gateways of a cluster."""

    def __init__(
        self, api: KubernetesApi, reserved: Callable[[str, bool], str | None] = reserved_address
    ) -> None:
        """Take what tells an address by its name and by whether it is an internal one."""
        self._api = api
        self._reserved = reserved
        self._clock = Stopwatch()
        self._said: dict[str, str] = {}

    def reconcile(self) -> None:
        """Give an address to each that is there, and let go of each that is deleted."""
        services = self._api.list("v1", "Service")
        gateways = self._api.list(GATEWAY_API, "Gateway")
        taken = {*_addresses_of_services(services), *_addresses_of_gateways(gateways)}
        for service in services:
            with unless_it_changed():
                self._look_after_service(service, taken)
        if gateways:
            routes = self._api.list(GATEWAY_API, "HTTPRoute")
            classes = {
                each["metadata"]["name"]: each["spec"]["controllerName"]
                for each in self._api.list(GATEWAY_API, "GatewayClass")
            }
            for gateway in gateways:
                with unless_it_changed():
                    self._look_after_gateway(gateway, classes, routes, services, taken)

    def _look_after_service(self, service: Object, taken: set[str]) -> None:
        spec = service["spec"]
        # One that has a class is left to the controller of that class.
        if spec["type"] != "LoadBalancer" or _is_deleted(service) or spec.get("loadBalancerClass"):
            self._let_go(service, SERVICE_FINALIZERS.values())
            return
        internal = section(service, "metadata", "annotations").get(_TYPE) == "Internal"
        self._hold(service, SERVICE_FINALIZERS[internal])
        # What another controller of the sandbox gave it is no address of GKE's.
        if any("ip" in each for each in items(service, "status", "loadBalancer", "ingress")):
            return
        address = spec.get("loadBalancerIP") or free_address(
            _called(service), taken, internal=internal
        )
        taken.add(address)
        status = {"loadBalancer": {"ingress": [{"ip": address, "ipMode": "VIP"}]}}
        self._patch(service, {"status": status}, subresource="status")
        self._say(service, f"is {address}; {_NOT_MADE}")

    def _look_after_gateway(
        self,
        gateway: Object,
        classes: Mapping[str, str],
        routes: Sequence[Object],
        services: Sequence[Object],
        taken: set[str],
    ) -> None:
        name = gateway["spec"]["gatewayClassName"]
        if _is_deleted(gateway):
            self._let_go(gateway, [GATEWAY_FINALIZER])
        elif name not in classes:
            self._say(gateway, f"gets no address: there is no GatewayClass {name}")
        elif classes[name] == GATEWAY_CONTROLLER:
            self._hold(gateway, GATEWAY_FINALIZER)
            attached = [each for each in routes if _is_attached(each, gateway)]
            internal = "rilb" in name
            address = self._address_of(gateway, taken, internal=internal)
            faults = [*_faults(gateway, address, attached, services)]
            self._report(gateway, address, len(attached), faults)

    def _address_of(self, gateway: Object, taken: set[str], *, internal: bool) -> str | None:
        for asked in items(gateway, "spec", "addresses"):
            if asked["type"] == _NAMED:
                return self._reserved(asked["value"], internal)
            return asked["value"]
        if known := items(gateway, "status", "addresses"):
            return known[0]["value"]
        address = free_address(_called(gateway), taken, internal=internal)
        taken.add(address)
        return address

    def _report(
        self, gateway: Object, address: str | None, attached: int, faults: Sequence[str]
    ) -> None:
        refused = "; ".join(faults)
        condition = partial(_condition, gateway, refused)
        status: Object = {
            "conditions": [condition("Accepted"), condition("Programmed")],
            "addresses": [] if refused else [{"type": "IPAddress", "value": address}],
            "listeners": [
                {
                    "name": each["name"],
                    "attachedRoutes": attached,
                    "supportedKinds": [{"group": "gateway.networking.k8s.io", "kind": "HTTPRoute"}],
                    "conditions": [condition("Programmed")],
                }
                for each in items(gateway, "spec", "listeners")
            ],
        }
        if _without_times(status) != _without_times(section(gateway, "status")):
            self._patch(gateway, {"status": status}, subresource="status")
        self._say(
            gateway, f"gets no address: {refused}" if refused else f"is {address}; {_NOT_MADE}"
        )

    def _hold(self, owner: Object, finalizer: str) -> None:
        finalizers = _finalizers(owner)
        if finalizer not in finalizers:
            self._patch(owner, {"metadata": {"finalizers": [*finalizers, finalizer]}})

    def _let_go(self, owner: Object, ours: Collection[str]) -> None:
        finalizers = _finalizers(owner)
        rest = [each for each in finalizers if each not in ours]
        held = self._clock.held(owner["metadata"]["uid"], rest != finalizers)
        if held >= _DELETION_SECONDS:
            version = owner["metadata"]["resourceVersion"]
            self._patch(owner, {"metadata": {"finalizers": rest, "resourceVersion": version}})
            self._say(owner, "is let go; no load balancer had to be deleted in the sandbox")

    def _patch(self, owner: Object, patch: Object, *, subresource: str = "") -> None:
        metadata = owner["metadata"]
        self._api.patch(
            owner["apiVersion"],
            owner["kind"],
            metadata["name"],
            patch,
            metadata["namespace"],
            subresource=subresource,
        )

    def _say(self, owner: Object, what: str) -> None:
        if self._said.get(owner["metadata"]["uid"]) != what:
            self._said[owner["metadata"]["uid"]] = what
            print(f"{_called(owner)} {what}", flush=True)


def _faults(
    gateway: Object, address: str | None, routes: Sequence[Object], services: Sequence[Object]
) -> Iterator[str]:
    """Yield why the real one would make no load balancer, as far as it is known here."""
    if address is None:
        yield f"no address is reserved as {items(gateway, 'spec', 'addresses')[0]['value']}"
    certified = _CERTIFICATES in section(gateway, "metadata", "annotations")
    for listener in items(gateway, "spec", "listeners"):
        if listener["protocol"] == "HTTPS" and not ("tls" in listener or certified):
            yield f"its listener {listener['name']} has no certificate"
    ports = {
        (each["metadata"]["namespace"], each["metadata"]["name"]): [
            port["port"] for port in items(each, "spec", "ports")
        ]
        for each in services
    }
    for route, namespace, name, port in sorted({*_backends(routes)}):
        if (namespace, name) not in ports:
            yield f"there is no Service {name} for its HTTPRoute {route}"
        elif port not in ports[namespace, name]:
            yield f"Service {name} of its HTTPRoute {route} has no port {port}"


def _backends(routes: Sequence[Object]) -> Iterator[tuple[str, str, str, int]]:
    for route in routes:
        own = route["metadata"]["namespace"]
        for rule in items(route, "spec", "rules"):
            for backend in items(rule, "backendRefs"):
                if backend["kind"] == "Service":
                    namespace = backend.get("namespace", own)
                    yield route["metadata"]["name"], namespace, backend["name"], backend["port"]


def _is_attached(route: Object, gateway: Object) -> bool:
    own = route["metadata"]["namespace"]
    return any(
        parent["kind"] == "Gateway"
        and parent["name"] == gateway["metadata"]["name"]
        and parent.get("namespace", own) == gateway["metadata"]["namespace"]
        for parent in items(route, "spec", "parentRefs")
    )


def _condition(gateway: Object, refused: str, kind: str) -> Object:
    good = kind == "Accepted" or not refused
    return {
        "type": kind,
        "status": str(good),
        "reason": kind if good else "Invalid",
        "message": "" if good else refused,
        "observedGeneration": gateway["metadata"]["generation"],
        "lastTransitionTime": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
    }


def _without_times(status: Any) -> Any:
    if is_list(status):
        return [_without_times(each) for each in status]
    if not is_mapping(status):
        return status
    return {
        key: _without_times(value) for key, value in status.items() if key != "lastTransitionTime"
    }


def _addresses_of_services(services: Sequence[Object]) -> Iterator[str]:
    for each in services:
        for ingress in items(each, "status", "loadBalancer", "ingress"):
            yield ingress.get("ip", "")


def _addresses_of_gateways(gateways: Sequence[Object]) -> Iterator[str]:
    for each in gateways:
        for address in items(each, "status", "addresses"):
            yield address["value"]


def _called(owner: Object) -> str:
    metadata = owner["metadata"]
    return f"{owner['kind']} {metadata['namespace']}/{metadata['name']}"


def _is_deleted(owner: Object) -> bool:
    return "deletionTimestamp" in owner["metadata"]


def _finalizers(owner: Object) -> list[str]:
    return owner["metadata"].get("finalizers") or []
