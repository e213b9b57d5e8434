"""The kubernetes provider's own rules: names, settings, differences. No API server has a part."""

import pytest

from sandbox.providers.kubernetes import KubernetesProvider
from sandbox.providers.plugin import Refused, Request, Urn
from sandbox.providers.values import UNKNOWN
from sandbox.tests.kubernetes_program import CONFIG_MAP, DEPLOYMENT, SERVICE, Program, deployment


@pytest.fixture
def provider() -> KubernetesProvider:
    return KubernetesProvider()


def test_an_object_without_a_name_gets_one_and_keeps_it(provider):
    program = Program(provider, CONFIG_MAP, "settings")

    first = program.checked({})
    program.inputs = first

    assert first["metadata"]["name"].startswith("settings-")
    assert first["metadata"]["annotations"] == {"pulumi.com/autonamed": "true"}
    assert program.checked({"data": {"a": "b"}})["metadata"] == first["metadata"]


def test_what_the_object_says_it_is_must_be_the_resources_type(provider):
    urn = Urn(f"urn:pulumi:dev::tfserving::{DEPLOYMENT}::web")

    _, failures = provider.check(urn, {}, {"apiVersion": "v1", "kind": "Deployment"}, b"")

    assert [failure.property for failure in failures] == ["apiVersion"]
    assert "must be apps/v1 for a kubernetes:apps/v1:Deployment, not 'v1'" in failures[0].reason


@pytest.mark.parametrize(
    "token", ["kubernetes:helm.sh/v4:Chart", "kubernetes:apps/v1:DeploymentPatch"]
)
def test_what_is_not_simulated_is_refused_by_name(provider, token):
    with pytest.raises(Refused, match=f"{token} is not simulated"):
        Program(provider, token).checked({})


def test_settings_that_would_only_be_pretended_are_refused(provider):
    failures = provider.check_config({"enableServerSideApply": "false", "context": "other"})

    assert {failure.property for failure in failures} == {"enableServerSideApply", "context"}


def test_a_provider_without_kubeconfig_says_so(monkeypatch):
    monkeypatch.delenv("KUBECONFIG", raising=False)

    with pytest.raises(Refused, match="the kubernetes provider has no kubeconfig"):
        Program(KubernetesProvider(), CONFIG_MAP).preview({})


def test_unchanged_inputs_are_no_difference(provider):
    program = Program(provider, DEPLOYMENT)
    program.inputs = program.checked(deployment("x"))

    assert program.diff(deployment("x")).changes == {}


@pytest.mark.parametrize(
    ("token", "old", "new", "replaced"),
    [
        (DEPLOYMENT, {"replicas": 1}, {"replicas": 2}, False),
        (DEPLOYMENT, {"selector": {"a": "1"}}, {"selector": {"a": "2"}}, True),
        (SERVICE, {"clusterIP": "10.96.0.9"}, {"clusterIP": "10.96.0.8"}, True),
        (SERVICE, {"type": "ClusterIP"}, {"type": "NodePort"}, False),
        ("kubernetes:batch/v1:Job", {"template": 1}, {"template": 2}, True),
        ("kubernetes:core/v1:Pod", {"containers": [{"image": "a"}]}, {"containers": [{}]}, True),
    ],
)
def test_an_immutable_field_replaces(provider, token, old, new, replaced):
    program = Program(provider, token)
    program.inputs = program.checked({"metadata": {"name": "web"}, "spec": old})

    difference = program.diff({"metadata": {"name": "web"}, "spec": new})

    assert bool(difference.changes)
    assert bool(difference.replacing) is replaced
    assert difference.delete_before_replace is replaced


def test_another_name_or_namespace_replaces_without_deleting_first(provider):
    program = Program(provider, CONFIG_MAP)
    program.inputs = program.checked({"metadata": {"name": "a"}})

    for metadata in ({"name": "b"}, {"name": "a", "namespace": "other"}):
        difference = program.diff({"metadata": metadata})
        assert (bool(difference.replacing), difference.delete_before_replace) == (True, False)
    assert not program.diff({"metadata": {"name": "a", "namespace": "default"}}).replacing


@pytest.mark.parametrize(
    ("settings", "fields", "replaced"),
    [
        ({}, {}, True),
        ({"enableConfigMapMutable": "true"}, {}, False),
        ({"enableConfigMapMutable": "true"}, {"immutable": True}, True),
    ],
)
def test_a_config_map_is_replaced_unless_it_is_mutable(provider, settings, fields, replaced):
    provider.configure(settings)
    program = Program(provider, CONFIG_MAP)
    program.inputs = program.checked({"data": {"a": "1"}, **fields})

    assert bool(program.diff({"data": {"a": "2"}, **fields}).replacing) is replaced


@pytest.mark.parametrize(
    ("identifier", "new", "replaced"),
    [
        ({}, {"kubeconfig": "b"}, True),
        ({}, {"clusterIdentifier": "x"}, False),
        ({}, {"kubeconfig": UNKNOWN}, True),
        ({"clusterIdentifier": "x"}, {"kubeconfig": UNKNOWN}, False),
        ({"clusterIdentifier": "x"}, {"clusterIdentifier": "y"}, True),
    ],
)
def test_another_cluster_replaces_everything(provider, identifier, new, replaced):
    old = {"kubeconfig": "a", **identifier}
    request = Request(urn=Urn("urn:pulumi:a::b::c::d"), old_inputs=old, inputs={**old, **new})

    assert bool(provider.diff_config(request).replacing) is replaced
