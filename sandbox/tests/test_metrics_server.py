"""The metrics API as the real API server and the real HPA see it."""

import os
import socket
import ssl
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import urllib3

from sandbox.control_plane import certificates
from sandbox.control_plane.certificates import Certificates
from sandbox.kubernetes_api import KubernetesApi, Object
from sandbox.layout import Layout
from sandbox.load import Load
from sandbox.load.metrics import GROUP_VERSION, NAME, MetricsServer, certificates_of
from sandbox.processes import Part, Processes

PROCESS = f"tests-{NAME}"
REGISTRATION = ("apiregistration.k8s.io/v1", "APIService", "v1beta1.metrics.k8s.io")


class Cluster:
    """The shared control plane, its metrics server, and one model in a namespace."""

    def __init__(self, layout: Layout, api: KubernetesApi) -> None:
        self.layout = layout
        self.api = api
        self.processes = Processes(layout)
        self.server = MetricsServer(layout, "tests", self.processes)
        self.server.start()
        self.load = Load(layout, "tests")

    @property
    def part(self) -> Part:
        return self.processes.require_alive(PROCESS)

    def metrics(self, space: str, selector: str = "") -> list[Object]:
        path = f"/apis/{GROUP_VERSION}/namespaces/{space}/pods"
        return self.api.call("GET", path, query={"labelSelector": selector})["items"]

    def usage(self, space: str, selector: str = "") -> list[str]:
        found = self.metrics(space, selector)
        return [each["usage"]["cpu"] for pod in found for each in pod["containers"]]


@pytest.fixture(scope="module")
def cluster(api_server) -> Cluster:
    return Cluster(Layout(api_server.parents[3]), KubernetesApi.from_kubeconfig(api_server))


def deployment(space: str, model: str, replicas: int) -> Object:
    labels = {
        "app.kubernetes.io/name": "tensorflow-serving",
        "app.kubernetes.io/instance": model,
    }
    resources = {"requests": {"cpu": "500m"}, "limits": {"cpu": "1"}}
    container = {"name": "serving", "image": "serving:1", "resources": resources}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": model, "namespace": space, "labels": labels},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": labels},
                "spec": {"containers": [container], "nodeSelector": {"pool": "tests"}},
            },
        },
    }


def autoscaler(space: str, model: str) -> Object:
    target = {"type": "Utilization", "averageUtilization": 60}
    return {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": model, "namespace": space},
        "spec": {
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": model},
            "minReplicas": 1,
            "maxReplicas": 6,
            "metrics": [{"type": "Resource", "resource": {"name": "cpu", "target": target}}],
        },
    }


def eventually(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_the_autoscaler_settles_where_each_pod_is_at_its_target(cluster, space, node):
    cluster.api.create(deployment(space, space, 1))
    cluster.api.create(autoscaler(space, space))
    cluster.load.offer(space, 0.9)  # of 300m, 60 % of the request, for each of three

    def settled() -> bool:
        scaler = cluster.api.get("autoscaling/v2", "HorizontalPodAutoscaler", space, space)
        (metric,) = scaler["status"].get("currentMetrics") or [{}]
        used = metric.get("resource", {}).get("current", {}).get("averageUtilization")
        return scaler["status"].get("desiredReplicas") == 3 and used == 60

    eventually(settled)
    assert cluster.usage(space) == ["300m"] * 3


def test_a_pod_is_capped_by_its_limit_and_an_idle_one_is_still_measured(cluster, space, node):
    cluster.api.create(deployment(space, f"{space}-busy", 2))
    cluster.api.create(deployment(space, f"{space}-idle", 1))
    cluster.load.offer(f"{space}-busy", 100)

    eventually(lambda: sorted(cluster.usage(space)) == ["1000m", "1000m", "1m"])
    assert cluster.usage(space, f"app.kubernetes.io/instance={space}-idle") == ["1m"]


def test_a_pod_that_is_of_no_model_or_was_not_placed_is_not_measured(cluster, space, node):
    template = deployment(space, space, 1)["spec"]["template"]
    placed = {"containers": template["spec"]["containers"], "nodeSelector": {"pool": "tests"}}
    homeless = {**placed, "nodeSelector": {"no": "such-node"}}
    for name, labels, spec in (
        ("of-no-model", {}, placed),
        ("of-a-model", template["metadata"]["labels"], placed),
        ("homeless", template["metadata"]["labels"], homeless),
    ):
        metadata = {"name": name, "namespace": space, "labels": labels}
        cluster.api.create({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec})

    def running() -> set[str]:
        pods = cluster.api.list("v1", "Pod", space)
        return {p["metadata"]["name"] for p in pods if p["status"].get("phase") == "Running"}

    eventually(lambda: running() == {"of-no-model", "of-a-model"} and cluster.metrics(space))
    assert [each["metadata"]["name"] for each in cluster.metrics(space)] == ["of-a-model"]


def test_the_api_server_verifies_whom_it_asks(cluster):
    registration = cluster.api.get(*REGISTRATION)

    assert registration["spec"]["caBundle"]
    assert "insecureSkipTLSVerify" not in registration["spec"]
    (available,) = registration["status"]["conditions"]
    assert available["status"] == "True"


def test_who_has_no_certificate_of_the_control_plane_is_not_answered(cluster):
    own = Certificates(certificates_of(cluster.layout, "tests"))
    url = f"https://127.0.0.1:{cluster.part.ports[NAME]}/apis/{GROUP_VERSION}"

    def ask(*client: Path) -> int:
        context = ssl.create_default_context(cafile=own.authority)
        if client:
            context.load_cert_chain(*client)
        host = "metrics-server.kube-system.svc"
        with urllib3.PoolManager(ssl_context=context, server_hostname=host) as pool:
            return pool.request("GET", url, retries=False, timeout=10).status

    front_proxy = Certificates(own.folder.parent)
    allowed = front_proxy.certificate("front-proxy"), front_proxy.key("front-proxy")
    assert ask(*allowed) == 200
    for stranger in ((), (own.certificate(NAME), own.key(NAME))):
        with pytest.raises((urllib3.exceptions.SSLError, urllib3.exceptions.ProtocolError)):
            ask(*stranger)


def test_a_client_that_says_nothing_keeps_nobody_waiting(cluster, space):
    with socket.create_connection(("127.0.0.1", cluster.part.ports[NAME])):
        assert cluster.metrics(space) == []


def test_a_second_start_changes_nothing(cluster):
    before = cluster.part
    cluster.server.start()
    assert cluster.part == before


def test_one_that_was_killed_is_reached_again_once_it_is_started(cluster, space):
    before = cluster.part
    os.kill(before.pid, 9)
    eventually(lambda: not before.process)
    cluster.server.start()

    assert cluster.part.ports != before.ports  # of the old one it would hear half a minute later
    assert cluster.metrics(space) == []


def test_a_registration_that_was_deleted_is_made_again(cluster, space):
    cluster.api.delete(*REGISTRATION)
    cluster.server.start()
    assert cluster.metrics(space) == []


def test_the_certificate_is_made_anew_with_those_of_the_control_plane(layout):
    folder = certificates_of(layout, "dev")
    certificates.write(folder.parent)
    certificates.write_server(folder, NAME, "host")
    assert certificates.are_valid(folder)

    Certificates(folder.parent).authority.write_text("broken")
    certificates.write(folder.parent)

    assert not certificates.are_valid(folder)
