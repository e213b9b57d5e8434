"""The stand-in for the AWS Load Balancer Controller: it gives Ingresses addresses, and no more.

No load balancer is made, and `.invalid` resolves nowhere. Real is who waits for whom: an Ingress
that is deleted stays until this has taken off the finalizer that it put there.
https://kubernetes-sigs.github.io/aws-load-balancer-controller/latest/how-it-works/
"""

from collections.abc import Iterator

from sandbox.kubernetes_api import KubernetesApi, Object, items, section
from sandbox.providers.charts import ALB
from sandbox.rounds import Stopwatch, unless_it_changed

FINALIZER = "ingress.k8s.aws/resources"

# What AWS takes until a load balancer is gone is more like a minute.
_DELETION_SECONDS = 3.0
_NETWORKING = "networking.k8s.io/v1"
_TARGET_TYPE = "alb.ingress.kubernetes.io/target-type"


class LoadBalancerController:
    """Looks after the Ingresses of its classes."""

    def __init__(self, api: KubernetesApi) -> None:
        self._api = api
        self._clock = Stopwatch()
        self._said: dict[str, str] = {}

    def reconcile(self) -> None:
        """Give an address to each Ingress that is there, and let go of each that is deleted."""
        classes = [
            each["metadata"]["name"]
            for each in self._api.list(_NETWORKING, "IngressClass")
            if each["spec"]["controller"] == ALB
        ]
        for ingress in self._api.list(_NETWORKING, "Ingress"):
            with unless_it_changed():
                if "deletionTimestamp" in ingress["metadata"]:
                    self._let_go(ingress)
                elif ingress["spec"].get("ingressClassName") in classes:
                    self._give_address(ingress)

    def _give_address(self, ingress: Object) -> None:
        finalizers = _finalizers(ingress)
        if FINALIZER not in finalizers:
            self._patch(ingress, {"metadata": {"finalizers": [*finalizers, FINALIZER]}})
        if refused := "; ".join(self._faults(ingress)):
            self._say(ingress, f"gets no address: {refused}")
        elif not items(ingress, "status", "loadBalancer", "ingress"):
            metadata = ingress["metadata"]
            host = f"{metadata['name']}.{metadata['namespace']}.sandbox.invalid"
            status = {"loadBalancer": {"ingress": [{"hostname": host}]}}
            self._patch(ingress, {"status": status}, subresource="status")
            self._say(ingress, f"is {host}; no load balancer is made in the sandbox")

    def _let_go(self, ingress: Object) -> None:
        finalizers = _finalizers(ingress)
        held = self._clock.held(ingress["metadata"]["uid"], FINALIZER in finalizers)
        if held >= _DELETION_SECONDS:
            rest = [each for each in finalizers if each != FINALIZER]
            version = ingress["metadata"]["resourceVersion"]
            self._patch(ingress, {"metadata": {"finalizers": rest, "resourceVersion": version}})
            self._say(ingress, "is gone; no load balancer had to be deleted in the sandbox")

    def _faults(self, ingress: Object) -> Iterator[str]:
        """Yield why the real one would make no load balancer, as far as it is known here."""
        namespace = ingress["metadata"]["namespace"]
        services = {
            each["metadata"]["name"]: each["spec"]
            for each in self._api.list("v1", "Service", namespace)
        }
        to_pods = section(ingress, "metadata", "annotations").get(_TARGET_TYPE) == "ip"
        for name, port in sorted({*_backends(ingress)}):
            spec = services.get(name)
            if spec is None:
                yield f"there is no Service {name}"
            elif port not in [each["port"] for each in items(spec, "ports")]:
                yield f"Service {name} has no port {port}"
            elif not to_pods and spec["type"] == "ClusterIP":
                yield f"Service {name} has no node ports, and {_TARGET_TYPE} is not ip"

    def _patch(self, ingress: Object, patch: Object, *, subresource: str = "") -> None:
        name, namespace = ingress["metadata"]["name"], ingress["metadata"]["namespace"]
        self._api.patch(_NETWORKING, "Ingress", name, patch, namespace, subresource=subresource)

    def _say(self, ingress: Object, what: str) -> None:
        metadata = ingress["metadata"]
        if self._said.get(metadata["uid"]) != what:
            self._said[metadata["uid"]] = what
            print(f"Ingress {metadata['namespace']}/{metadata['name']} {what}", flush=True)


def _finalizers(ingress: Object) -> list[str]:
    return ingress["metadata"].get("finalizers") or []


def _backends(ingress: Object) -> Iterator[tuple[str, int]]:
    for rule in items(ingress, "spec", "rules"):
        for path in items(rule, "http", "paths"):
            service = section(path, "backend", "service")
            yield service["name"], section(service, "port").get("number", 0)
