"""The load balancer controller's part, on a real API server: addresses given, Ingresses let go."""

import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from sandbox.kubernetes_api import ApiError, KubernetesApi, Object
from sandbox.load_balancer_controller import FINALIZER, LoadBalancerController
from sandbox.providers.charts import ALB
from sandbox.providers.kubernetes import KubernetesProvider
from sandbox.providers.plugin import NotInitialized, Refused
from sandbox.tests.kubernetes_program import Program

NETWORKING = "networking.k8s.io/v1"
INGRESS = "kubernetes:networking.k8s.io/v1:Ingress"
TO_PODS = {"alb.ingress.kubernetes.io/target-type": "ip"}
REST = {"name": "rest", "port": 8501}


class Cluster:
    """A namespace with a Service, a class of Ingresses, and its controller, which goes by hand."""

    def __init__(self, api: KubernetesApi, space: str, ingress_class: str) -> None:
        self.api, self.space, self.ingress_class = api, space, ingress_class
        self.controller = LoadBalancerController(api)
        self.make("v1", "Service", ports=[REST], selector={"app": "web"})

    def make(self, api_version: str, kind: str, **spec: Any) -> None:
        metadata = {"name": "web", "namespace": self.space}
        body = {"apiVersion": api_version, "kind": kind, "metadata": metadata, "spec": spec}
        self.api.create(body)

    def ingress(self, service: str = "web", port: int = 8501, **metadata: Any) -> Object:
        backend = {"service": {"name": service, "port": {"number": port}}}
        path = {"path": "/v1/models/web:predict", "pathType": "Exact", "backend": backend}
        given = {"name": "web", "namespace": self.space, "annotations": TO_PODS, **metadata}
        return {
            "apiVersion": NETWORKING,
            "kind": "Ingress",
            "metadata": given,
            "spec": {
                "ingressClassName": self.ingress_class,
                "rules": [{"http": {"paths": [path]}}],
            },
        }

    @property
    def live(self) -> Object | None:
        """The Ingress, or nothing when it is gone."""
        return next(iter(self.api.list(NETWORKING, "Ingress", self.space)), None)

    @property
    def finalizers(self) -> list[str]:
        assert self.live
        return self.live["metadata"].get("finalizers", [])

    @property
    def addresses(self) -> list[str]:
        assert self.live
        balancer = self.live["status"]["loadBalancer"]
        return [each["hostname"] for each in balancer.get("ingress", [])]

    def delete(self) -> None:
        self.api.delete(NETWORKING, "Ingress", "web", self.space)

    def reconcile(self) -> None:
        """Go round, and again once it would have been long enough for a load balancer to go."""
        self.controller.reconcile()
        time.sleep(0.3)
        self.controller.reconcile()


@pytest.fixture
def cluster(api: KubernetesApi, space: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cluster]:
    monkeypatch.setattr("sandbox.load_balancer_controller._DELETION_SECONDS", 0.2)
    name = f"class-{uuid4().hex[:8]}"
    ingress_class = {"metadata": {"name": name}, "spec": {"controller": ALB}}
    api.create({"apiVersion": NETWORKING, "kind": "IngressClass", **ingress_class})
    yield Cluster(api, space, name)
    api.delete(NETWORKING, "IngressClass", name)


@pytest.fixture
def program(provider: KubernetesProvider, monkeypatch: pytest.MonkeyPatch) -> Program:
    """An Ingress of a program that is not waited for long."""
    monkeypatch.setenv("TFSERVING_SANDBOX_AWAIT_SECONDS", "1")
    return Program(provider, INGRESS)


def test_an_ingress_gets_an_address_that_leads_nowhere_and_is_held(cluster, capsys):
    cluster.api.create(cluster.ingress())
    cluster.reconcile()

    assert cluster.addresses == [f"web.{cluster.space}.sandbox.invalid"]
    assert cluster.finalizers == [FINALIZER]
    assert capsys.readouterr().out.count("no load balancer is made in the sandbox") == 1


def test_an_ingress_of_another_class_is_not_touched(cluster):
    ingress = cluster.ingress()
    ingress["spec"]["ingressClassName"] = "nginx"
    cluster.api.create(ingress)
    cluster.reconcile()

    assert (cluster.addresses, cluster.finalizers) == ([], [])


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"service": "other"}, "there is no Service other"),
        ({"port": 80}, "Service web has no port 80"),
        ({"annotations": {}}, "Service web has no node ports, and .*target-type is not ip"),
    ],
)
def test_what_no_load_balancer_can_be_made_of_gets_no_address(cluster, capsys, changes, reason):
    cluster.api.create(cluster.ingress(**changes))
    cluster.reconcile()

    assert cluster.addresses == []
    (line,) = capsys.readouterr().out.splitlines()
    assert re.fullmatch(f"Ingress {cluster.space}/web gets no address: {reason}", line)


def test_it_gets_one_once_its_service_is_there(cluster):
    cluster.api.delete("v1", "Service", "web", cluster.space)
    cluster.api.create(cluster.ingress())
    cluster.reconcile()
    assert cluster.addresses == []

    cluster.make("v1", "Service", ports=[REST])
    cluster.reconcile()
    assert cluster.addresses != []


def test_a_deleted_ingress_is_let_go_after_a_while_and_others_finalizers_stay(cluster):
    cluster.api.create(cluster.ingress(finalizers=["example.com/hold"]))
    cluster.controller.reconcile()
    cluster.delete()
    cluster.controller.reconcile()
    assert cluster.finalizers == ["example.com/hold", FINALIZER]

    cluster.reconcile()
    cluster.reconcile()
    assert cluster.finalizers == ["example.com/hold"]

    cluster.api.patch(
        NETWORKING, "Ingress", "web", {"metadata": {"finalizers": None}}, cluster.space
    )
    assert cluster.live is None


def test_one_that_goes_meanwhile_keeps_none_of_the_others_from_its_address(cluster, monkeypatch):
    cluster.api.create(cluster.ingress(name="going"))
    cluster.api.create(cluster.ingress())
    patch = cluster.api.patch

    def refused(api_version: str, kind: str, name: str, *rest: Any, **more: Any) -> Object:
        if name == "going":
            raise ApiError(404, "NotFound", "going is gone")
        return patch(api_version, kind, name, *rest, **more)

    monkeypatch.setattr(cluster.api, "patch", refused)
    cluster.reconcile()

    there = cluster.api.get(NETWORKING, "Ingress", "web", cluster.space)
    assert there["status"]["loadBalancer"]["ingress"]


def test_a_deleted_ingress_is_let_go_though_its_class_is_gone(cluster):
    cluster.api.create(cluster.ingress())
    cluster.controller.reconcile()
    cluster.api.delete(NETWORKING, "IngressClass", cluster.ingress_class)
    cluster.delete()
    cluster.reconcile()

    assert cluster.live is None


def test_without_a_controller_a_deployment_ends_in_a_sentence(cluster, program):
    endpoints: Object = {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {
            "name": "web",
            "namespace": cluster.space,
            "labels": {"kubernetes.io/service-name": "web"},
        },
        "addressType": "IPv4",
        "ports": [REST],
        "endpoints": [{"addresses": ["10.1.2.3"]}],
    }
    cluster.api.create(endpoints)

    with pytest.raises(NotInitialized) as refusal:
        program.up(cluster.ingress())

    assert str(refusal.value) == (
        f"Ingress {cluster.space}/web is not ready after 1 s: no load balancer has given it an "
        f"address: does the controller of its class, {cluster.ingress_class}, run?"
    )


def test_without_a_controller_a_deletion_ends_in_a_sentence(cluster, program):
    waits_not = {**TO_PODS, "pulumi.com/skipAwait": "true"}
    program.up(cluster.ingress(annotations=waits_not))
    program.inputs = cluster.ingress()
    cluster.controller.reconcile()

    with pytest.raises(Refused) as refusal:
        program.destroy()

    assert re.fullmatch(
        f"Ingress {cluster.space}/web still exists 1 s after its deletion was asked for; its "
        f"finalizers: (foregroundDeletion, )?{FINALIZER}; the controller of its class takes them "
        r"off once it has cleaned up: does it run\?",
        str(refusal.value),
    )
    cluster.reconcile()
    program.destroy()
    assert cluster.live is None


def test_its_process_goes_on_until_it_is_ended(cluster: Cluster, api_server: Path):
    cluster.api.create(cluster.ingress())
    command = [sys.executable, "-m", "sandbox.load_balancer_controller", str(api_server)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout
            assert any(f"web.{cluster.space}.sandbox.invalid" in line for line in process.stdout)
            assert process.poll() is None
        finally:
            process.terminate()
