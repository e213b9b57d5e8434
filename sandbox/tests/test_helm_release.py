"""Helm releases: no chart is fetched, and what runs in the sandbox is really in the cluster."""

from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from sandbox.kubernetes_api import ApiError, KubernetesApi
from sandbox.providers.helm_release import RELEASE, KubernetesWithReleases
from sandbox.providers.plugin import Refused
from sandbox.providers.values import UNKNOWN
from sandbox.tests.kubernetes_program import Program

CHART = {"chart": "keda", "version": "1.13.0", "compat": "true"}
NAMED = {**CHART, "name": "balancer", "namespace": "kube-system"}


@pytest.fixture
def program() -> Program:
    return Program(KubernetesWithReleases(), RELEASE, "balancer")


def refusals(program: Program, inputs: dict[str, object]) -> dict[str, str]:
    _, failures = program.provider.check(program.urn, {}, inputs, b"seed")
    return {failure.property: failure.reason for failure in failures}


def test_a_release_is_recorded_as_deployed(program):
    outputs = program.up({**NAMED, "values": {"replicaCount": 2}})

    assert program.id == "kube-system/balancer"
    assert outputs["status"] == {
        "chart": "keda",
        "name": "balancer",
        "namespace": "kube-system",
        "version": "1.13.0",
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

    assert name.startswith("balancer-")
    assert program.checked({**CHART, "timeout": 60})["name"] == name


def test_it_goes_where_its_provider_says(program):
    program.provider.configure({"namespace": "tools"})

    program.up({**CHART, "name": "balancer"})

    assert program.id == "tools/balancer"


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


def test_what_was_only_recorded_is_forgotten_without_a_cluster(program):
    program.up(NAMED)

    program.destroy()


@pytest.fixture
def scaler(api_server: Path) -> Program:
    """A release of a chart whose program runs in the sandbox."""
    provider = KubernetesWithReleases()
    provider.configure({"kubeconfig": str(api_server)})
    return Program(provider, RELEASE, "scaler")


@pytest.fixture
def impatience(scaler: Program, monkeypatch: pytest.MonkeyPatch):
    """Ends the provider's patience with pods that do not get ready."""
    return lambda: monkeypatch.setattr(scaler.provider._objects, "_longest_wait", 3)


def scaling(space: str, pool: str = "tests", **values: object) -> dict[str, object]:
    return {
        "chart": "cluster-autoscaler",
        "version": "9.59.0",
        "name": "scaler",
        "namespace": space,
        "values": {"nodeSelector": {"pool": pool}, **values},
    }


def held(api: KubernetesApi, space: str) -> set[str]:
    """What a release left in a namespace."""
    kinds = [("apps/v1", "Deployment"), ("v1", "ServiceAccount"), ("v1", "ConfigMap")]
    return {
        f"{kind} {body['metadata']['name']}"
        for api_version, kind in kinds
        for body in api.list(api_version, kind, space)
        if body["metadata"]["name"] not in ("default", "kube-root-ca.crt")
    }


SCALER = {"Deployment scaler", "ServiceAccount cluster-autoscaler"}
PRIORITIES = "ConfigMap cluster-autoscaler-priority-expander"


@pytest.mark.usefixtures("node")
def test_a_release_is_installed_once_its_pods_are_ready(scaler, api, space):
    scaler.up(scaling(space))

    assert held(api, space) == SCALER
    (pod,) = api.list("v1", "Pod", space)
    assert pod["status"]["phase"] == "Running"
    assert pod["spec"]["serviceAccountName"] == "cluster-autoscaler"


def test_a_preview_leaves_nothing(scaler, api, space):
    scaler.preview(scaling(space))

    assert held(api, space) == set()


@pytest.mark.usefixtures("node")
def test_an_upgrade_changes_makes_and_removes_what_the_values_say(scaler, api, space):
    scaler.up(scaling(space))
    ranked = {"expanderPriorities": {"10": ["spot"]}, "extraArgs": {"v": 4}}
    assert scaler.up(scaling(space, **ranked))["status"]["revision"] == 2
    assert held(api, space) == {*SCALER, PRIORITIES}
    (container,) = api.get("apps/v1", "Deployment", "scaler", space)["spec"]["template"]["spec"][
        "containers"
    ]
    assert "--v=4" in container["command"]

    scaler.up(scaling(space))
    assert held(api, space) == SCALER


@pytest.mark.usefixtures("node")
def test_a_preview_of_an_upgrade_changes_nothing(scaler, api, space):
    scaler.up(scaling(space))
    scaler.preview(scaling(space, expanderPriorities={"10": ["spot"]}))

    assert held(api, space) == SCALER


@pytest.mark.usefixtures("node")
def test_a_removed_release_leaves_nothing(scaler, api, space):
    scaler.up(scaling(space, expanderPriorities={"10": ["spot"]}))
    scaler.destroy()

    assert held(api, space) == set()


@pytest.mark.usefixtures("node")
def test_a_release_that_somebody_removed_is_gone(scaler, api, space):
    scaler.up(scaling(space))
    assert scaler.refresh() is not None

    api.delete("apps/v1", "Deployment", "scaler", space)
    assert scaler.refresh() is not None

    api.delete("v1", "ServiceAccount", "cluster-autoscaler", space)
    assert scaler.refresh() is None


@pytest.mark.usefixtures("node")
def test_a_release_whose_pods_find_no_node_leaves_nothing_and_says_why(
    scaler, api, space, impatience
):
    impatience()
    with pytest.raises(Refused) as error:
        scaler.up(scaling(space, "nowhere", expanderPriorities={"10": ["spot"]}))

    said = str(error.value)
    assert said.startswith(f"Deployment {space}/scaler is not ready after 3 s: ")
    assert "cannot be scheduled: " in said
    assert "didn't match Pod's node affinity/selector" in said
    assert held(api, space) == set()


@pytest.mark.usefixtures("node")
def test_an_upgrade_whose_pods_find_no_node_leaves_what_was_before(scaler, api, space, impatience):
    scaler.up(scaling(space))
    impatience()
    with pytest.raises(Refused, match="cannot be scheduled"):
        scaler.up(scaling(space, "nowhere", expanderPriorities={"10": ["spot"]}))

    assert held(api, space) == SCALER
    live = api.get("apps/v1", "Deployment", "scaler", space)
    assert live["spec"]["template"]["spec"]["nodeSelector"] == {"pool": "tests"}


def test_a_release_that_the_api_server_refuses_leaves_nothing(scaler, api, space):
    with pytest.raises(Refused, match=rf"Deployment {space}/scaler: .*quantities must match"):
        scaler.up(scaling(space, resources={"requests": {"cpu": "lots"}}))

    assert held(api, space) == set()


def test_a_release_in_a_namespace_that_is_not_there_is_refused_by_its_name(
    scaler, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("sandbox.providers.kubernetes_objects._CREATE_RETRY_SECONDS", ())
    with pytest.raises(Refused, match='namespaces "nowhere" not found'):
        scaler.up(scaling("nowhere"))


@pytest.fixture
def account(api: KubernetesApi) -> Iterator[str]:
    """The name of rights that are the test's own: they are in no namespace."""
    name = f"handler-{uuid4().hex[:8]}"
    yield name
    for kind in ("ClusterRoleBinding", "ClusterRole"):
        api.delete("rbac.authorization.k8s.io/v1", kind, name)


@pytest.mark.usefixtures("node")
def test_the_termination_handler_may_do_what_its_release_allows(scaler, api, space, account):
    scaler.up(
        {
            **scaling(space, enableSqsTerminationDraining=True, serviceAccount={"name": account}),
            "chart": "aws-node-termination-handler",
            "name": "handler",
        }
    )

    def may(verb: str, resource: str) -> bool:
        attributes = {"verb": verb, "resource": resource, "namespace": "anywhere"}
        user = f"system:serviceaccount:{space}:{account}"
        spec = {"user": user, "resourceAttributes": attributes}
        kind = {"apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview"}
        return api.create({**kind, "metadata": {}, "spec": spec})["status"]["allowed"]

    assert may("patch", "nodes")
    assert may("list", "pods")
    assert not may("delete", "pods")
    assert not may("get", "secrets")

    scaler.destroy()
    assert not may("list", "pods")
    with pytest.raises(ApiError, match="not found"):
        api.get("rbac.authorization.k8s.io/v1", "ClusterRole", account)
