"""KubernetesApi: objects of a real API server, and its refusals by name."""

import base64
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
import yaml

from sandbox.errors import SandboxError
from sandbox.kubernetes_api import ApiError, KubernetesApi, UnknownKindError, UnreachableError


@pytest.fixture
def api(api_server: Path) -> KubernetesApi:
    return KubernetesApi.from_kubeconfig(api_server)


@pytest.fixture
def name(api: KubernetesApi) -> Iterator[str]:
    name = f"map-{uuid4().hex[:8]}"
    yield name
    api.delete("v1", "ConfigMap", name)


def config_map(name: str, **fields: object) -> dict:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, **fields}


def test_an_object_is_created_and_found_and_changed_and_deleted(api, name):
    api.create(config_map(name, data={"a": "1"}))
    api.apply(config_map(name, data={"b": "2"}), field_manager="test")
    api.patch("v1", "ConfigMap", name, {"metadata": {"labels": {"of": name}}}, "default")

    (found,) = api.list("v1", "ConfigMap", label_selector=f"of={name}")
    assert (found["kind"], found["data"]) == ("ConfigMap", {"a": "1", "b": "2"})

    api.delete("v1", "ConfigMap", name)
    api.delete("v1", "ConfigMap", name)
    with pytest.raises(ApiError, match="not found") as refusal:
        api.get("v1", "ConfigMap", name)
    assert (refusal.value.status, refusal.value.reason) == (404, "NotFound")


def test_a_dry_run_leaves_nothing(api, name):
    api.create(config_map(name), dry_run=True)
    api.apply(config_map(name), field_manager="test", dry_run=True)

    assert name not in [found["metadata"]["name"] for found in api.list("v1", "ConfigMap")]


def test_a_misspelt_field_is_refused_by_name(api, name):
    with pytest.raises(ApiError, match='unknown field "dta"'):
        api.create(config_map(name, dta={}))
    with pytest.raises(ApiError, match=r"\.dta: field not declared"):
        api.apply(config_map(name, dta={}), field_manager="test")


def test_what_another_manager_owns_is_a_conflict(api, name):
    api.create(config_map(name, data={"a": "1"}), field_manager="first")

    with pytest.raises(ApiError, match=r'conflict with "first".*\.data\.a') as refusal:
        api.apply(config_map(name, data={"a": "2"}), field_manager="second")

    assert refusal.value.reason == "Conflict"


@pytest.mark.parametrize(
    ("api_version", "group_served"), [("v1", True), ("apps/v1beta1", True), ("a.dev/v1", False)]
)
def test_a_kind_that_is_not_served_is_refused_by_name(api, api_version, group_served):
    with pytest.raises(UnknownKindError, match=f"no kind Thing in apiVersion {api_version}") as bad:
        api.get(api_version, "Thing", "x")

    assert bad.value.group_served is group_served


def test_a_kind_is_found_once_it_is_defined(api):
    group = f"g{uuid4().hex[:8]}.example.com"
    with pytest.raises(UnknownKindError):
        api.list(f"{group}/v1", "Thing")

    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    version = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}
    definition = {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"things.{group}"},
        "spec": {
            "group": group,
            "names": {"plural": "things", "kind": "Thing"},
            "scope": "Cluster",
            "versions": [version],
        },
    }
    api.create(definition)
    try:
        for _ in range(50):
            try:
                assert api.list(f"{group}/v1", "Thing") == []
                break
            except ApiError:
                continue
        assert not api.is_namespaced(f"{group}/v1", "Thing")
    finally:
        api.delete("apiextensions.k8s.io/v1", "CustomResourceDefinition", f"things.{group}")


def test_a_kubeconfig_may_hold_its_certificates(api_server):
    config = yaml.safe_load(api_server.read_text())
    for section in (config["clusters"][0]["cluster"], config["users"][0]["user"]):
        for key in ("certificate-authority", "client-certificate", "client-key"):
            if key in section:
                content = Path(section.pop(key)).read_bytes()
                section[f"{key}-data"] = base64.b64encode(content).decode()

    assert KubernetesApi.from_kubeconfig(yaml.safe_dump(config)).list("v1", "Namespace")


@pytest.mark.parametrize("kubeconfig", ["/no/such/file", "just: [text\n", "a: kubeconfig\n"])
def test_a_kubeconfig_that_is_none_is_refused(kubeconfig):
    with pytest.raises(SandboxError, match="it cannot be used"):
        KubernetesApi.from_kubeconfig(kubeconfig)


def test_a_server_that_is_not_there_is_unreachable(api_server):
    config = yaml.safe_load(api_server.read_text())
    config["clusters"][0]["cluster"]["server"] = "https://127.0.0.1:1"

    with pytest.raises(UnreachableError, match=r"127\.0\.0\.1:1 does not answer"):
        KubernetesApi.from_kubeconfig(yaml.safe_dump(config)).list("v1", "Namespace")
