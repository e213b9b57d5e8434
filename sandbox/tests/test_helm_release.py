"""Helm releases, which the kubernetes provider records: no chart is fetched, no cluster asked."""

import pytest

from sandbox.providers.helm_release import RELEASE, KubernetesWithReleases
from sandbox.providers.plugin import Refused
from sandbox.providers.values import UNKNOWN
from sandbox.tests.kubernetes_program import Program

CHART = {"chart": "cluster-autoscaler", "version": "9.59.0", "compat": "true"}
NAMED = {**CHART, "name": "scaler", "namespace": "kube-system"}


@pytest.fixture
def program() -> Program:
    return Program(KubernetesWithReleases(), RELEASE, "scaler")


def refusals(program: Program, inputs: dict[str, object]) -> dict[str, str]:
    _, failures = program.provider.check(program.urn, {}, inputs, b"seed")
    return {failure.property: failure.reason for failure in failures}


def test_a_release_is_recorded_as_deployed(program):
    outputs = program.up({**NAMED, "values": {"replicaCount": 2}})

    assert program.id == "kube-system/scaler"
    assert outputs["status"] == {
        "chart": "cluster-autoscaler",
        "name": "scaler",
        "namespace": "kube-system",
        "version": "9.59.0",
        "status": "deployed",
        "revision": 1,
    }
    assert program.refresh().inputs == program.inputs


def test_a_change_of_values_is_one_more_revision(program):
    program.up({**NAMED, "values": {"replicaCount": 2}})
    changed = {**NAMED, "values": {"replicaCount": 3}}

    assert not program.diff(changed).replacing
    assert program.up(changed)["status"]["revision"] == 2


@pytest.mark.parametrize("change", [{"name": "other"}, {"namespace": "other"}])
def test_a_release_that_is_renamed_or_moved_is_another(program, change):
    program.up(NAMED)

    assert program.diff({**NAMED, **change}).replacing


def test_a_name_that_was_left_open_is_kept(program):
    program.up(CHART)
    name = program.inputs["name"]

    assert name.startswith("scaler-")
    assert program.checked({**CHART, "timeout": 60})["name"] == name


def test_it_goes_where_its_provider_says(program):
    program.provider.configure({"namespace": "tools"})

    program.up({**CHART, "name": "scaler"})

    assert program.id == "tools/scaler"


def test_a_release_without_a_version_is_refused_by_its_charts_name(program):
    reason = refusals(program, {"chart": "cluster-autoscaler"})["version"]

    assert reason.startswith("version is required here")
    assert reason.endswith("of cluster-autoscaler")


@pytest.mark.parametrize("version", [">=9", "9", "latest", "~9.59.0"])
def test_a_version_that_is_a_range_is_refused(program, version):
    assert repr(version) in refusals(program, {"chart": "x", "version": version})["version"]


@pytest.mark.parametrize(
    ("inputs", "place"),
    [
        ({"atomik": True}, "atomik"),
        ({"timeout": "5m"}, "timeout"),
        ({"compat": "no"}, "compat"),
        ({"repositoryOpts": {"url": "https://charts.invalid"}}, "repositoryOpts.url"),
        ({"name": "a" * 54}, "name"),
    ],
)
def test_what_helm_would_not_take_is_refused_where_it_is(program, inputs, place):
    assert place in refusals(program, {**CHART, **inputs})


def test_what_is_not_known_yet_is_taken(program):
    assert not refusals(program, {**CHART, "version": UNKNOWN, "values": {"url": UNKNOWN}})


def test_objects_of_the_api_are_looked_after_as_before():
    with pytest.raises(Refused, match="is not simulated"):
        Program(KubernetesWithReleases(), "kubernetes:apps/v1:DeploymentPatch").checked({})


def test_what_was_recorded_is_forgotten_without_a_cluster(program):
    program.up(NAMED)

    program.destroy()
