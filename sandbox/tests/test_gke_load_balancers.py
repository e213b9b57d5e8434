"""GKE's load balancers, on a real API server: addresses given, Services and Gateways let go."""

import re
import time
from collections.abc import Iterator
from ipaddress import IPv4Address, IPv4Network
from types import SimpleNamespace
from typing import Any

import pytest

from sandbox.gke import addresses, definitions
from sandbox.gke.load_balancers import GATEWAY_FINALIZER, SERVICE_FINALIZERS, LoadBalancers
from sandbox.kubernetes_api import ApiError, KubernetesApi, Object
from sandbox.providers.plugin import NotInitialized
from sandbox.tests import gke_objects
from sandbox.tests.gke_objects import GATEWAY_API
from sandbox.tests.kubernetes_program import Program

REST = {"name": "rest", "port": 8501}
EXTERNAL = {"cloud.google.com/l4-rbs": "enabled"}
INTERNAL = {"networking.gke.io/load-balancer-type": "Internal"}
EXAMPLES = [IPv4Network("203.0.113.0/24"), IPv4Network("198.51.100.0/24")]
NAMED = [{"type": "NamedAddress", "value": "web-address"}]


class Cluster:
    """A namespace with a Service, and GKE's load balancer controllers, which go by hand."""

    def __init__(self, api: KubernetesApi, space: str) -> None:
        self.api, self.space = api, space
        self.balancers = LoadBalancers(api)
        self.service("web", type="ClusterIP")

    def service(self, name: str, annotations: Object | None = None, **spec: Any) -> None:
        given = {"name": name, "namespace": self.space, "annotations": annotations or EXTERNAL}
        whole = {"type": "LoadBalancer", "ports": [REST], "selector": {"app": "web"}, **spec}
        body = {"apiVersion": "v1", "kind": "Service", "metadata": given, "spec": whole}
        self.api.create(body)

    def gateway(self, **spec: Any) -> None:
        self.api.create(gke_objects.gateway(self.space, **spec))

    def route(self, **changes: Any) -> None:
        self.api.create(gke_objects.route(self.space, **changes))

    def live(self, kind: str, name: str = "web") -> Object:
        return self.api.get("v1" if kind == "Service" else GATEWAY_API, kind, name, self.space)

    def finalizers(self, kind: str, name: str = "web") -> list[str]:
        return self.live(kind, name)["metadata"].get("finalizers", [])

    def names(self, kind: str) -> list[str]:
        api_version = "v1" if kind == "Service" else GATEWAY_API
        return [each["metadata"]["name"] for each in self.api.list(api_version, kind, self.space)]

    def address(self, service: str = "external") -> str | None:
        ingress = self.live("Service", service)["status"]["loadBalancer"].get("ingress", [])
        return ingress[0].get("ip") if ingress else None

    def gateway_address(self) -> str | None:
        given = self.live("Gateway")["status"].get("addresses", [])
        return given[0]["value"] if given else None

    def programmed(self) -> tuple[str, str]:
        conditions = self.live("Gateway")["status"]["conditions"]
        (found,) = [each for each in conditions if each["type"] == "Programmed"]
        return found["status"], found["message"]

    def reconcile(self) -> None:
        """Go round, and again once it would have been long enough for a load balancer to go."""
        self.balancers.reconcile()
        time.sleep(0.3)
        self.balancers.reconcile()

    def clear(self) -> None:
        """Leave nothing behind that would wait for somebody to let it go."""
        for kind, api_version in (("Service", "v1"), ("Gateway", GATEWAY_API)):
            for name in self.names(kind):
                self.api.delete(api_version, kind, name, self.space)
                if self.names(kind) and name in self.names(kind):
                    nobody = {"metadata": {"finalizers": None}}
                    self.api.patch(api_version, kind, name, nobody, self.space)


@pytest.fixture(scope="module", autouse=True)
def installed(api_server) -> None:
    definitions.install(KubernetesApi.from_kubeconfig(api_server))


@pytest.fixture
def cluster(api: KubernetesApi, space: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cluster]:
    monkeypatch.setattr("sandbox.gke.load_balancers._DELETION_SECONDS", 0.2)
    cluster = Cluster(api, space)
    yield cluster
    cluster.clear()


def said_of(cluster: Cluster, capsys: pytest.CaptureFixture[str]) -> list[str]:
    """Return what was said of the test's own objects: others' are in the same cluster."""
    return [line for line in capsys.readouterr().out.splitlines() if cluster.space in line]


def test_a_service_gets_an_address_that_leads_nowhere_and_is_held(cluster, capsys):
    cluster.service("external")
    cluster.reconcile()

    assert any(IPv4Address(cluster.address()) in network for network in EXAMPLES)
    assert cluster.finalizers("Service", "external") == [SERVICE_FINALIZERS[False]]
    assert said_of(cluster, capsys) == [
        f"Service {cluster.space}/external is {cluster.address()}; "
        "no load balancer is made in the sandbox"
    ]


def test_an_internal_one_gets_a_private_address(cluster):
    cluster.service("external", INTERNAL)
    cluster.reconcile()

    assert IPv4Address(cluster.address()) in IPv4Network("10.0.0.0/8")
    assert cluster.finalizers("Service", "external") == [SERVICE_FINALIZERS[True]]


def test_it_gets_the_address_that_it_asks_for(cluster):
    cluster.service("external", loadBalancerIP="198.51.100.77")
    cluster.reconcile()

    assert cluster.address() == "198.51.100.77"


def test_a_service_of_another_type_or_class_is_not_touched(cluster, capsys):
    cluster.service("external", loadBalancerClass="example.com/other")
    cluster.reconcile()

    assert cluster.address() is None
    assert cluster.finalizers("Service") == cluster.finalizers("Service", "external") == []
    assert said_of(cluster, capsys) == []


def test_a_service_without_an_annotation_gets_an_external_address_too(cluster):
    cluster.service("external", {"example.com/team": "models"})
    deadline = time.monotonic() + 10
    while cluster.address() is None and time.monotonic() < deadline:
        cluster.reconcile()

    assert any(IPv4Address(cluster.address()) in network for network in EXAMPLES)


def test_no_two_have_one_address(cluster, monkeypatch):
    same = SimpleNamespace(digest=lambda: bytes(4))
    monkeypatch.setattr(addresses, "hashlib", SimpleNamespace(sha256=lambda _: same))
    for each in range(6):
        cluster.service(f"external-{each}")
    cluster.gateway(gatewayClassName="gke-l7-global-external-managed")
    cluster.reconcile()

    given = {cluster.address(f"external-{each}") for each in range(6)}
    assert len({*given, cluster.gateway_address()}) == 7


def test_a_deleted_service_is_let_go_after_a_while(cluster):
    cluster.service("external")
    cluster.balancers.reconcile()
    cluster.api.delete("v1", "Service", "external", cluster.space)
    cluster.balancers.reconcile()
    assert cluster.names("Service") == ["external", "web"]

    cluster.reconcile()
    assert cluster.names("Service") == ["web"]


def test_one_that_goes_meanwhile_keeps_none_of_the_others_from_its_address(
    cluster, capsys, monkeypatch
):
    patch = cluster.api.patch

    def refused(api_version: str, kind: str, name: str, *rest: Any, **more: Any) -> Object:
        if name == "going":
            raise ApiError(404, "NotFound", f"{kind} going is gone")
        return patch(api_version, kind, name, *rest, **more)

    monkeypatch.setattr(cluster.api, "patch", refused)
    cluster.service("going")
    cluster.service("staying")
    going = gke_objects.gateway(cluster.space)
    cluster.api.create({**going, "metadata": {**going["metadata"], "name": "going"}})
    cluster.gateway()
    cluster.reconcile()

    assert cluster.address("staying") is not None
    assert cluster.gateway_address() is not None
    assert [line for line in said_of(cluster, capsys) if "going" in line] == []


def test_a_service_that_is_one_no_longer_is_let_go(cluster):
    cluster.service("external")
    cluster.balancers.reconcile()
    cluster.api.patch("v1", "Service", "external", {"spec": {"type": "ClusterIP"}}, cluster.space)
    cluster.reconcile()

    assert cluster.finalizers("Service", "external") == []
    assert cluster.address() is None


def test_a_gateway_gets_an_address_that_leads_nowhere_and_is_held(cluster, capsys):
    cluster.gateway()
    cluster.route()
    cluster.reconcile()

    assert IPv4Address(cluster.gateway_address()) in IPv4Network("10.0.0.0/8")
    assert cluster.finalizers("Gateway") == [GATEWAY_FINALIZER]
    assert cluster.programmed() == ("True", "")
    (listener,) = cluster.live("Gateway")["status"]["listeners"]
    assert (listener["name"], listener["attachedRoutes"]) == ("http", 1)
    assert said_of(cluster, capsys) == [
        f"Gateway {cluster.space}/web is {cluster.gateway_address()}; "
        "no load balancer is made in the sandbox"
    ]


@pytest.mark.parametrize(
    ("class_name", "internal"),
    [("gke-l7-rilb", True), ("gke-l7-global-external-managed", False)],
)
def test_a_reserved_address_is_always_the_same(cluster, class_name, internal):
    cluster.gateway(gatewayClassName=class_name, addresses=NAMED)
    cluster.reconcile()

    expected = addresses.reserved_address("web-address", internal)
    assert cluster.gateway_address() == expected
    assert IPv4Address(expected).is_private
    assert (IPv4Address(expected) in IPv4Network("10.0.0.0/8")) is internal


def test_a_reserved_address_is_what_whoever_reserved_it_says(cluster):
    reserved = {("web-address", True): "10.60.0.9"}
    cluster.balancers = LoadBalancers(cluster.api, lambda *name: reserved.get(name))
    cluster.gateway(addresses=NAMED)
    cluster.reconcile()

    assert cluster.gateway_address() == "10.60.0.9"


def test_an_address_that_is_given_as_it_is_stays(cluster):
    cluster.gateway(addresses=[{"type": "IPAddress", "value": "10.60.0.44"}])
    cluster.reconcile()

    assert cluster.gateway_address() == "10.60.0.44"


def test_a_gateway_of_another_controller_is_not_touched(cluster, capsys):
    other = {"metadata": {"name": cluster.space}, "spec": {"controllerName": "example.com/other"}}
    cluster.api.create({"apiVersion": GATEWAY_API, "kind": "GatewayClass", **other})
    cluster.gateway(gatewayClassName=cluster.space)
    cluster.reconcile()
    cluster.api.delete(GATEWAY_API, "GatewayClass", cluster.space)

    assert (cluster.gateway_address(), cluster.finalizers("Gateway")) == (None, [])
    assert cluster.programmed()[0] == "Unknown"
    assert said_of(cluster, capsys) == []


def test_a_gateway_of_an_unknown_class_gets_a_sentence(cluster, capsys):
    cluster.gateway(gatewayClassName="gke-l7-other")
    cluster.reconcile()

    assert (cluster.gateway_address(), cluster.finalizers("Gateway")) == (None, [])
    assert said_of(cluster, capsys) == [
        f"Gateway {cluster.space}/web gets no address: there is no GatewayClass gke-l7-other"
    ]


@pytest.mark.parametrize(
    ("changes", "routed", "reason"),
    [
        ({}, {"service": "other"}, "there is no Service other for its HTTPRoute web"),
        ({}, {"port": 80}, "Service web of its HTTPRoute web has no port 80"),
        (
            {"listener": {"name": "https", "protocol": "HTTPS", "port": 443}},
            {},
            "its listener https has no certificate",
        ),
    ],
)
def test_what_no_load_balancer_can_be_made_of_gets_no_address(
    cluster, capsys, changes, routed, reason
):
    cluster.gateway(**changes)
    cluster.route(**routed)
    cluster.reconcile()

    assert cluster.gateway_address() is None
    assert cluster.programmed() == ("False", reason)
    assert said_of(cluster, capsys) == [f"Gateway {cluster.space}/web gets no address: {reason}"]


def test_a_name_that_nobody_reserved_gets_no_address(cluster):
    cluster.balancers = LoadBalancers(cluster.api, lambda *_: None)
    cluster.gateway(addresses=NAMED)
    cluster.reconcile()

    assert cluster.programmed() == ("False", "no address is reserved as web-address")


def test_it_gets_one_once_its_service_is_there(cluster):
    cluster.gateway()
    cluster.route(service="other")
    cluster.reconcile()
    assert cluster.gateway_address() is None

    cluster.service("other", type="ClusterIP")
    cluster.reconcile()
    assert cluster.gateway_address() is not None


def test_routes_to_other_gateways_are_not_its_own(cluster):
    route = gke_objects.route(cluster.space, service="other")
    route["spec"]["parentRefs"] = [{"name": "other"}, {"name": "web", "namespace": "other"}]
    cluster.api.create(route)
    cluster.gateway()
    cluster.reconcile()

    assert cluster.programmed() == ("True", "")
    assert cluster.live("Gateway")["status"]["listeners"][0]["attachedRoutes"] == 0


def test_a_status_that_is_right_is_not_written_again(cluster):
    cluster.gateway()
    cluster.reconcile()
    version = cluster.live("Gateway")["metadata"]["resourceVersion"]
    time.sleep(1.1)
    cluster.reconcile()

    assert cluster.live("Gateway")["metadata"]["resourceVersion"] == version


def test_a_change_is_observed(cluster):
    cluster.gateway()
    cluster.reconcile()
    labels = {"spec": {"infrastructure": {"labels": {"team": "models"}}}}
    cluster.api.patch(GATEWAY_API, "Gateway", "web", labels, cluster.space)
    cluster.reconcile()

    live = cluster.live("Gateway")
    observed = {each["observedGeneration"] for each in live["status"]["conditions"]}
    assert observed == {live["metadata"]["generation"]} == {2}


def test_a_deleted_gateway_is_let_go_after_a_while_and_others_finalizers_stay(cluster):
    cluster.gateway()
    cluster.balancers.reconcile()
    held = {"metadata": {"finalizers": ["example.com/hold", GATEWAY_FINALIZER]}}
    cluster.api.patch(GATEWAY_API, "Gateway", "web", held, cluster.space)
    cluster.api.delete(GATEWAY_API, "Gateway", "web", cluster.space)
    cluster.balancers.reconcile()
    assert cluster.finalizers("Gateway") == ["example.com/hold", GATEWAY_FINALIZER]

    cluster.reconcile()
    assert cluster.finalizers("Gateway") == ["example.com/hold"]


def test_a_deployment_waits_for_what_a_gateway_still_lacks(cluster, provider, monkeypatch):
    monkeypatch.setenv("TFSERVING_SANDBOX_AWAIT_SECONDS", "1")
    program = Program(provider, f"kubernetes:{GATEWAY_API}:Gateway")
    gateway = gke_objects.gateway(cluster.space)
    gateway["metadata"]["annotations"] = {"pulumi.com/waitFor": "condition=Programmed"}

    with pytest.raises(NotInitialized) as refusal:
        program.up(gateway)

    assert re.fullmatch(
        f"Gateway {cluster.space}/web is not ready after 1 s: "
        "its condition Programmed is Unknown: Waiting for controller",
        str(refusal.value),
    )


def test_a_deployment_is_done_once_a_gateway_has_its_address(cluster, provider):
    cluster.gateway()
    cluster.reconcile()
    program = Program(provider, f"kubernetes:{GATEWAY_API}:Gateway")
    program.id = f"{cluster.space}/web"
    gateway = gke_objects.gateway(cluster.space)
    gateway["metadata"]["annotations"] = {"pulumi.com/waitFor": "condition=Programmed"}

    outputs = program.up(gateway)

    assert outputs["status"]["addresses"][0]["value"] == cluster.gateway_address()
