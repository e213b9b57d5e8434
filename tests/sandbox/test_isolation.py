"""A namespace of models on the real API server: what gets in, how much of it, and who gives way."""

from collections.abc import Iterator
from typing import Any

import pytest

from sandbox.kubernetes_api import ApiError, Object
from tests.sandbox.conftest import MODEL, Environment, until

NAMESPACES = "tfserving:namespaces"
QUOTA = {"cpu": 8, "memory": "8Gi", "pods": 4}
LIMIT_RANGE = {"cpu": "100m", "memory": "64Mi", "memory_limit": "128Mi"}
RESTRICTED: Object = {
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "runAsNonRoot": True,
    "seccompProfile": {"type": "RuntimeDefault"},
}


@pytest.fixture(scope="module", autouse=True)
def isolated(dev: Environment) -> Iterator[Environment]:
    """The `dev` environment with all that a namespace and a model may have by choice."""
    changes: dict[str, object] = {
        NAMESPACES: {
            "serving": {
                "clients": ["shop"],
                "monitors": ["monitoring"],
                "quota": QUOTA,
                "limit_range": LIMIT_RANGE,
            }
        },
        f"{MODEL}.headroom": 1,
        f"{MODEL}.pull_ahead": True,
    }
    with dev.edited(changes):
        dev.engine.deploy()
        yield dev


def a_pod(security: Object | None = None, **container: Any) -> Object:
    pause: Object = {"name": "pause", "image": "pause:3", "securityContext": security or RESTRICTED}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "stranger", "namespace": "serving"},
        "spec": {"containers": [{**pause, **container}]},
    }


def spare_pods(dev: Environment, name: str) -> list[Object]:
    label_selector = f"app.kubernetes.io/name={name}"
    return dev.api.list("v1", "Pod", "serving", label_selector=label_selector)


def is_running(pod: Object) -> bool:
    return pod["status"]["phase"] == "Running" and "deletionTimestamp" not in pod["metadata"]


def test_a_pod_that_could_take_over_its_node_is_refused(dev):
    with pytest.raises(ApiError) as refusal:
        dev.api.create(a_pod({"privileged": True}), dry_run=True)

    assert refusal.value.reason == "Forbidden"
    said = refusal.value.message
    assert 'violates PodSecurity "restricted:v1.35"' in said
    for rule in ("privileged", "unrestricted capabilities", "runAsNonRoot", "seccompProfile"):
        assert rule in said


def test_a_pod_of_root_is_refused(dev):
    with pytest.raises(ApiError, match="runAsUser=0"):
        dev.api.create(a_pod({**RESTRICTED, "runAsUser": 0}), dry_run=True)


def test_the_pods_of_the_model_its_room_and_its_images_get_in_and_run(dev):
    (namespace,) = [
        each["metadata"]["labels"]
        for each in dev.api.list("v1", "Namespace")
        if each["metadata"]["name"] == "serving"
    ]
    assert namespace["pod-security.kubernetes.io/enforce"] == "restricted"

    for pods in (
        lambda: dev.pods("half-plus-two"),
        lambda: spare_pods(dev, "headroom"),
        lambda: spare_pods(dev, "images"),
    ):
        assert until(lambda pods=pods: pods() and all(map(is_running, pods()))), pods()


def test_a_container_that_says_nothing_has_its_share_and_no_cpu_limit(dev):
    created = dev.api.create(a_pod(), dry_run=True)

    assert created["spec"]["containers"][0]["resources"] == {
        "requests": {"cpu": "100m", "memory": "64Mi"},
        "limits": {"memory": "128Mi"},
    }


def test_the_quota_counts_the_model_and_refuses_what_is_beyond(dev):
    pods = len(dev.pods("half-plus-two"))
    quota = dev.api.get("v1", "ResourceQuota", "serving", "serving")
    used = {"requests.cpu": str(2 * pods), "requests.memory": f"{2 * pods}Gi", "pods": str(pods)}
    assert quota["status"]["used"] == used

    with pytest.raises(ApiError) as refusal:
        dev.api.create(a_pod(resources={"requests": {"cpu": "7"}}), dry_run=True)

    assert "exceeded quota: serving, requested: requests.cpu=7, used: requests.cpu=" in (
        refusal.value.message
    )


def test_the_policies_are_as_the_api_server_takes_them(dev):
    policies = {
        each["metadata"]["name"]: each["spec"]
        for each in dev.api.list("networking.k8s.io/v1", "NetworkPolicy", "serving")
    }

    assert policies.keys() == {"default.deny", "half-plus-two"}
    assert policies["default.deny"] == {
        "podSelector": {},
        "policyTypes": ["Ingress", "Egress"],
    }
    clients, monitors = policies["half-plus-two"]["ingress"]
    assert [port["port"] for port in clients["ports"]] == [8501, 8500]
    assert [port["port"] for port in monitors["ports"]] == [8501]


def test_every_node_of_the_model_has_its_images(dev):
    nodes = {node["metadata"]["name"] for node in dev.nodes(intent="apps")}

    def all_have() -> bool:
        return {pod["spec"].get("nodeName") for pod in spare_pods(dev, "images")} == nodes

    assert until(all_have)


def test_it_is_quiet(dev):
    dev.engine.pulumi("preview", "--expect-no-changes", quiet=True)
    dev.engine.pulumi("refresh", "--yes", "--skip-preview", "--expect-no-changes", quiet=True)


def test_a_new_pod_of_the_model_takes_the_room_and_another_node_comes_for_that(dev):
    (before,) = spare_pods(dev, "headroom")
    held = before["spec"]["nodeName"]

    with dev.edited({f"{MODEL}.replicas": {"minimum": 2, "initial": 2, "maximum": 3}}):
        dev.engine.deploy()

    def placed() -> set[str]:
        return {pod["spec"]["nodeName"] for pod in filter(is_running, dev.pods("half-plus-two"))}

    assert until(lambda: held in placed() and len(placed()) == 2)
    (after,) = until(lambda: [*filter(is_running, spare_pods(dev, "headroom"))])
    assert after["metadata"]["uid"] != before["metadata"]["uid"]
    assert after["spec"]["nodeName"] not in placed()
