"""The kubernetes provider on a real API server: what the real one does, it does."""

from typing import Any
from uuid import uuid4

import pytest

from sandbox.kubernetes_api import KubernetesApi, UnreachableError
from sandbox.providers.kubernetes import KubernetesProvider
from sandbox.providers.plugin import NotInitialized, Refused
from sandbox.providers.values import UNKNOWN, secret
from sandbox.tests.kubernetes_program import (
    CONFIG_MAP,
    DEPLOYMENT,
    Program,
    config_map,
    deployment,
    scaled_by,
    stripped,
)


def test_a_preview_creates_nothing(provider, api, space):
    Program(provider, CONFIG_MAP).preview(config_map(space))

    names = [found["metadata"]["name"] for found in api.list("v1", "ConfigMap", space)]
    assert "web" not in names


@pytest.mark.parametrize("preview", [True, False])
def test_a_misspelt_field_is_refused_by_name(provider, space, preview):
    program = Program(provider, CONFIG_MAP)

    with pytest.raises(Refused, match=r'ConfigMap .*web: .*unknown field "dta"'):
        (program.preview if preview else program.up)(config_map(space, dta={}))


@pytest.mark.parametrize("preview", [True, False])
def test_a_kind_that_is_not_served_is_refused_by_name(provider, preview, monkeypatch):
    monkeypatch.setattr("sandbox.providers.kubernetes_objects._CREATE_RETRY_SECONDS", (0.1,))
    program = Program(provider, "kubernetes:autoscaling/v2beta2:HorizontalPodAutoscaler")

    with pytest.raises(Refused, match=r"no kind HorizontalPodAutoscaler in .*autoscaling/v2beta2"):
        (program.preview if preview else program.up)({})


@pytest.mark.parametrize(
    ("token", "inputs"),
    [
        (CONFIG_MAP, {"metadata": {"namespace": "later"}}),
        ("kubernetes:cert-manager.io/v1:Certificate", {}),
        (CONFIG_MAP, {"data": {"host": UNKNOWN}, "dta": {}}),
    ],
)
def test_a_preview_forgives_what_the_same_program_may_bring(provider, token, inputs):
    assert inputs.items() <= {**Program(provider, token).preview(inputs), **inputs}.items()


def test_a_preview_without_an_api_server_is_not_validated(monkeypatch, api_server):
    provider = KubernetesProvider()
    provider.configure({"kubeconfig": str(api_server)})

    def silent(*_: Any, **__: Any) -> None:
        raise UnreachableError("it does not answer")

    monkeypatch.setattr(KubernetesApi, "call", silent)

    assert Program(provider, CONFIG_MAP).preview({"data": {"a": "b"}})["data"] == {"a": "b"}
    with pytest.raises(Refused, match="it does not answer"):
        Program(provider, CONFIG_MAP).up({"data": {"a": "b"}})


def test_a_namespace_that_comes_late_is_waited_for(provider, api, monkeypatch):
    name = f"late-{uuid4().hex[:8]}"
    waited = []

    def wait(seconds: float) -> bool:
        waited.append(seconds)
        if len(waited) == 1:
            api.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
        return False

    monkeypatch.setattr(provider.cancelled, "wait", wait)

    assert Program(provider, CONFIG_MAP).up(config_map(name))["metadata"]["namespace"] == name
    assert len(waited) == 1
    api.delete("v1", "Namespace", name)


@pytest.mark.parametrize("preview", [True, False])
def test_an_object_that_exists_is_refused(provider, api, space, preview):
    api.create({"apiVersion": "v1", "kind": "ConfigMap", **config_map(space)})
    program = Program(provider, CONFIG_MAP)

    with pytest.raises(Refused, match="already exists, and this resource did not make it"):
        (program.preview if preview else program.up)(config_map(space))


def test_what_a_crash_kept_from_being_recorded_is_adopted(provider, space):
    lost = Program(provider, CONFIG_MAP)
    uid = lost.up(config_map(space, data={"a": "1"}))["metadata"]["uid"]

    found = Program(provider, CONFIG_MAP).up(config_map(space, data={"b": "2"}))

    assert (found["metadata"]["uid"], found["data"]) == (uid, {"b": "2"})


def test_outputs_hold_no_managed_fields(provider, space):
    assert "managedFields" not in Program(provider, CONFIG_MAP).up(config_map(space))["metadata"]


def test_the_data_of_a_secret_is_secret_always(provider, space):
    program = Program(provider, "kubernetes:core/v1:Secret")
    inputs = {"metadata": {"namespace": space}, "stringData": {"token": "t"}}

    checked, _ = provider.check(program.urn, {}, inputs, b"")
    request = program.request(stripped(checked))
    _, outputs = provider.create(request)

    assert checked["stringData"] == secret({"token": "t"})
    assert outputs["data"] == secret({"token": "dA=="})


def test_a_deployment_is_awaited(provider, space, node):
    outputs = Program(provider, DEPLOYMENT).up(deployment(space))

    assert outputs["status"]["availableReplicas"] == 1


def test_a_pod_that_fits_nowhere_fails_with_the_schedulers_reason(provider, space, node):
    program = Program(provider, DEPLOYMENT)

    with pytest.raises(NotInitialized, match=r"0/\d+ nodes are available.*Insufficient cpu") as bad:
        program.up(deployment(space, cpu="40"))

    assert bad.value.resource_id == f"{space}/web"
    assert "0 of 1 replicas are available" in str(bad.value)


def test_a_program_may_choose_not_to_wait(provider, space):
    inputs = deployment(space, cpu="40")
    inputs["metadata"]["annotations"] = {"pulumi.com/skipAwait": "true"}

    assert Program(provider, DEPLOYMENT).up(inputs)["metadata"]["name"] == "web"


def test_a_field_that_the_program_drops_is_dropped(provider, space):
    program = Program(provider, CONFIG_MAP)
    program.up(config_map(space, data={"a": "1", "b": "2"}))

    assert program.up(config_map(space, data={"b": "3"}))["data"] == {"b": "3"}


def test_a_field_of_another_manager_is_a_conflict(provider, api, space, node):
    program = Program(provider, DEPLOYMENT)
    program.up(deployment(space))
    scaled_by(api, space, "kube-controller-manager", 2)

    with pytest.raises(Refused, match=r'conflict with "kube-controller-manager".*spec\.replicas'):
        program.up(deployment(space, image="server:2"))


def test_an_ignored_field_is_left_to_its_owner(provider, api, space, node):
    program = Program(provider, DEPLOYMENT)
    program.up(deployment(space))
    scaled_by(api, space, "kube-controller-manager", 2)

    changed = deployment(space, image="server:2")
    assert program.preview(changed, ignore_changes=["spec.replicas"])["spec"]["replicas"] == 2
    assert program.up(changed, ignore_changes=["spec.replicas"])["spec"]["replicas"] == 2


def test_an_ignored_field_that_nobody_took_keeps_its_live_value(provider, space):
    program = Program(provider, CONFIG_MAP)
    program.up(config_map(space, data={"a": "1"}))

    changed = config_map(space, data={"a": "2", "b": "3"})
    assert program.up(changed, ignore_changes=["data.a"])["data"] == {"a": "1", "b": "3"}


def test_force_is_an_annotation(provider, api, space, node):
    program = Program(provider, DEPLOYMENT)
    program.up(deployment(space))
    scaled_by(api, space, "kube-controller-manager", 2)

    forced = deployment(space)
    forced["metadata"]["annotations"] = {"pulumi.com/patchForce": "true"}
    assert program.up(forced)["spec"]["replicas"] == 1


def test_an_immutable_change_that_does_not_replace_is_refused_by_name(provider, space):
    program = Program(provider, "kubernetes:policy/v1:PodDisruptionBudget")
    selector = {"matchLabels": {"app": "web"}}
    program.up(config_map(space, spec={"maxUnavailable": 1, "selector": selector}))

    with pytest.raises(Refused, match="minAvailable and maxUnavailable cannot be both set"):
        program.preview(
            config_map(space, spec={"maxUnavailable": 1, "minAvailable": 1, "selector": selector})
        )
