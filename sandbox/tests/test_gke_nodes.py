"""Nodes of GKE: names, labels and taints as GKE sets them, and what it leaves for pods."""

import pytest

from sandbox.errors import SandboxError
from sandbox.gke.allocatable import Allocatable
from sandbox.gke.machine_sizes import family_of, size_of
from sandbox.gke.node_pools import NodePools
from sandbox.gke.nodes import change, node
from sandbox.layout import Layout
from sandbox.tests.node_pools import ZONES, inputs, made, there

TAINT = {"key": "dedicated", "value": "serving", "effect": "NO_SCHEDULE"}


@pytest.fixture
def pools(layout: Layout) -> NodePools:
    return NodePools(layout, "gke")


def nodes(pools: NodePools, name: str = "web") -> list[dict]:
    pool = there(pools, name)
    return [node(pool, each, "my-project") for each in pool.instances]


# https://docs.cloud.google.com/kubernetes-engine/docs/concepts/plan-node-sizes
@pytest.mark.parametrize(
    ("name", "cpu", "memory"),
    [
        ("e2-medium", "940m", "2828Mi"),
        ("n1-standard-4", "3920m", "12380Mi"),
        ("n2-highcpu-8", "7910m", "6040Mi"),
    ],
)
def test_allocatable_is_what_gke_leaves(name, cpu, memory):
    size = size_of(name)
    assert size is not None

    left = Allocatable(size).allocatable
    assert (left["cpu"], left["memory"], left["pods"]) == (cpu, memory, "110")


@pytest.mark.parametrize(("disk", "left"), [(10, 4), (50, 21), (100, 49), (1000, 800)])
def test_the_system_has_its_part_of_the_disk(disk, left):
    size = size_of("n1-standard-4")
    assert size is not None

    assert Allocatable(size, disk_gib=disk).capacity["ephemeral-storage"] == f"{disk}Gi"
    assert Allocatable(size, disk_gib=disk).allocatable["ephemeral-storage"] == f"{left}Gi"


@pytest.mark.parametrize("name", ["m5.large", "n1-standard", "n1-tiny-4", "x9-standard-4", ""])
def test_a_name_that_is_no_machines_has_no_size(name):
    assert size_of(name) is None


@pytest.mark.parametrize(
    ("name", "family", "architecture"),
    [
        ("custom-4-5120", "n1", "amd64"),
        ("n2d-standard-4", "n2d", "amd64"),
        ("t2a-standard-4", "t2a", "arm64"),
        ("e2-medium", "e2", "amd64"),
    ],
)
def test_family_and_architecture_are_the_series(name, family, architecture):
    size = size_of(name)

    assert size is not None
    assert (family_of(name), size.architecture) == (family, architecture)


def test_a_node_is_labelled_tainted_and_identified_as_on_gke(pools):
    pool = made(pools, "web", ZONES[2], spot=True, labels={"intent": "apps"}, taints=[TAINT])
    (one,) = nodes(pools)

    name = pool.instances[0].name
    assert one["metadata"]["name"] == name
    assert one["metadata"]["labels"] == {
        "cloud.google.com/gke-nodepool": "web",
        "cloud.google.com/gke-spot": "true",
        "cloud.google.com/machine-family": "n1",
        "intent": "apps",
        "kubernetes.io/arch": "amd64",
        "kubernetes.io/hostname": name,
        "kubernetes.io/os": "linux",
        "node.kubernetes.io/instance-type": "n1-standard-4",
        "topology.kubernetes.io/region": "us-central1",
        "topology.kubernetes.io/zone": "us-central1-f",
    }
    taint = {"key": "dedicated", "value": "serving", "effect": "NoSchedule"}
    assert one["spec"] == {
        "providerID": f"gce://my-project/us-central1-f/{name}",
        "taints": [taint],
    }
    assert one["status"]["allocatable"]["cpu"] == "3920m"
    assert one["status"]["capacity"]["cpu"] == "4000m"
    assert one["status"]["capacity"]["ephemeral-storage"] == "50Gi"
    assert {"type": "Hostname", "address": name} in one["status"]["addresses"]


def test_a_node_on_demand_has_no_spot_label(pools):
    made(pools, "web", ZONES[0])
    (one,) = nodes(pools)

    assert "cloud.google.com/gke-spot" not in one["metadata"]["labels"]


def test_nodes_of_preemptible_machines_are_no_on_demand_ones(pools):
    pool = made(pools, "web", ZONES[0], preemptible=True)
    (one,) = nodes(pools)

    assert pool.spot
    assert one["metadata"]["labels"]["cloud.google.com/gke-preemptible"] == "true"


@pytest.mark.parametrize(
    ("behavior", "tainted"),
    [(None, True), ("ARM", True), ("NONE", False)],
)
def test_nodes_of_arm_machines_are_tainted_unless_the_pool_says_no(pools, behavior, tainted):
    config = {"architectureTaintBehavior": behavior}
    made(pools, "web", ZONES[0], machineType="t2a-standard-4", taints=[TAINT], taintConfig=config)
    (one,) = nodes(pools)

    arm = {"key": "kubernetes.io/arch", "value": "arm64", "effect": "NoSchedule"}
    assert (arm in one["spec"]["taints"]) is tainted
    assert len(one["spec"]["taints"]) == 1 + tainted


def test_pods_per_node_are_the_pools(pools):
    made(pools, "web", ZONES[0], maxPodsPerNode=32)
    (one,) = nodes(pools)

    assert one["status"]["allocatable"]["pods"] == "32"


def test_an_instance_stays_what_it_was_made_with(pools):
    made(pools, "web", ZONES[0])
    changed = inputs(machineType="n1-standard-8", labels={"new": "label"}, spot=True)
    pools.update("web", changed)
    (one,) = nodes(pools)

    labels = one["metadata"]["labels"]
    assert labels["node.kubernetes.io/instance-type"] == "n1-standard-4"
    assert labels["new"] == "label"
    assert "cloud.google.com/gke-spot" not in labels


def test_a_machine_that_is_not_known_is_told_with_its_pool(pools):
    made(pools, "web", machineType="z9-standard-4")

    with pytest.raises(SandboxError, match="node pool web: the sandbox knows no machine z9-st"):
        nodes(pools)


def test_a_node_that_is_as_its_pool_wants_it_is_not_changed(pools):
    made(pools, "web", ZONES[0], labels={"a": "b"}, taints=[TAINT])
    (one,) = nodes(pools)

    assert change(one, one) is None


def test_labels_and_taints_are_changed_in_place_and_what_others_gave_stays(pools):
    made(pools, "web", ZONES[0], labels={"gone": "x", "kept": "x"}, taints=[TAINT])
    (present,) = nodes(pools)
    theirs = {"key": "ToBeDeletedByClusterAutoscaler", "effect": "NoSchedule"}
    present["spec"]["taints"].append(theirs)
    present["metadata"]["labels"]["theirs"] = "y"
    other = {"key": "other", "effect": "NO_EXECUTE"}
    pools.update("web", inputs(labels={"kept": "z"}, taints=[other]))
    (wanted,) = nodes(pools)

    patch = change(present, wanted)

    assert patch is not None
    labels = patch["metadata"]["labels"]
    assert (labels["gone"], labels["kept"]) == (None, "z")
    assert "theirs" not in labels
    assert patch["spec"]["taints"] == [{"key": "other", "effect": "NoExecute"}, theirs]
