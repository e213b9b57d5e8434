"""Which nodes the autoscaler's stand-in takes away, when and how."""

from typing import NamedTuple

import pytest

from sandbox.tests.scaled_cluster import LEAVES, ScaledCluster, daemon_set, pod

MINUTE = 60
FLAGS = ("--scale-down-unneeded-time=10m", "--scale-down-delay-after-add=10m")
SAID = "cluster-autoscaler.kubernetes.io"
CACHE = {"volumes": [{"name": "cache", "emptyDir": {}}]}


@pytest.fixture
def cluster(cluster: ScaledCluster) -> ScaledCluster:
    cluster.start(*FLAGS)
    return cluster


class Nodes(NamedTuple):
    goes: str
    stays: str


@pytest.fixture
def nodes(cluster: ScaledCluster) -> Nodes:
    """A node that may go, and one that has to stay and has room for the other's pods."""
    cluster.group("web", desired=1)
    cluster.group("home", bounds=(1, 1), desired=1)
    return Nodes(*cluster.join("web"), *cluster.join("home"))


def idle(cluster: ScaledCluster) -> set[str]:
    """The nodes that go after a long while."""
    cluster.rounds(0, 11 * MINUTE)
    return cluster.leaving()


def said(pod: dict, annotations: dict[str, str]) -> dict:
    named = {f"{SAID}/{name}": value for name, value in annotations.items()}
    return {**pod, "metadata": {**pod["metadata"], "annotations": named}}


def test_a_node_goes_when_nobody_needed_it_for_the_unneeded_time(cluster, nodes: Nodes):
    cluster.rounds(0, 9 * MINUTE)
    assert not cluster.leaving()

    cluster.add("Pod", pod("large", "3", node=nodes.goes))
    cluster.rounds(0.5 * MINUTE)
    cluster.held["Pod"].clear()
    cluster.rounds(1, 9 * MINUTE)
    assert not cluster.leaving()

    cluster.rounds(2 * MINUTE)
    assert cluster.leaving() == {nodes.goes}


def test_no_node_goes_before_the_delay_after_growth_is_over(cluster, nodes: Nodes):
    cluster.group("other")
    cluster.rounds(0, 8 * MINUTE)
    cluster.add("Pod", pod("first", "3"), pod("second", "3"), pod("third", "3"))
    cluster.rounds(0)
    cluster.held["Pod"].clear()
    cluster.rounds(1, 9 * MINUTE)
    assert not cluster.leaving()

    cluster.rounds(2 * MINUTE)
    assert cluster.leaving() == {nodes.goes}


def test_a_group_does_not_fall_below_its_minimum(cluster):
    cluster.group("web", bounds=(2, 5), desired=3)
    cluster.join("web")

    cluster.rounds(0, 11 * MINUTE, 1, 1, 11 * MINUTE, 1, 1)

    assert cluster.desired("web") == [2]
    assert len(set(cluster.join("web")) - cluster.leaving()) == 2


def test_a_node_that_is_drained_counts_no_more_for_the_minimum(cluster):
    cluster.start("--scale-down-unneeded-time=5m", "--scale-down-delay-after-add=5m")
    cluster.group("web", bounds=(1, 5), desired=2)
    drained, _ = cluster.join("web")
    cluster.add("Pod", pod("slow", node=drained))
    cluster.taint(drained, LEAVES)

    cluster.rounds(0, 6 * MINUTE)

    assert cluster.leaving() == {drained}


def test_a_node_that_does_not_come_counts_not_for_the_minimum(cluster):
    cluster.start(*FLAGS, "--max-node-provision-time=10m")
    cluster.group("web", bounds=(1, 5), desired=3)
    cluster.join("web")
    cluster.held["Node"].pop()

    cluster.rounds(0, 11 * MINUTE, 1, 1)

    assert cluster.desired("web") == [1]


@pytest.mark.parametrize(
    ("asked", "goes"),
    [
        (("1950m", "1Gi"), True),
        (("1960m", "1Gi"), False),
        (("100m", "7080Mi"), True),
        (("100m", "7081Mi"), False),
    ],
)
def test_a_node_goes_that_is_used_below_the_threshold(cluster, nodes: Nodes, asked, goes):
    cluster.add("Pod", pod("web", *asked, node=nodes.goes))

    assert idle(cluster) == ({nodes.goes} if goes else set())


@pytest.mark.parametrize(
    "change",
    [
        {"nodeSelector": {"kubernetes.io/hostname": "mine"}},
        {"cpu": "1901m"},
        {"memory": "6Gi"},
    ],
)
def test_a_node_stays_whose_pods_find_no_other_home(cluster, nodes: Nodes, change):
    cluster.add("Pod", pod("fills", "2020m", "8Gi", node=nodes.stays))
    fits = {"cpu": "1800m", "memory": "5Gi", **change}
    cluster.add("Pod", pod("moves", **fits, node=nodes.goes))
    assert not idle(cluster)

    cluster.held["Pod"].pop()
    cluster.add("Pod", pod("moves", "1800m", "5Gi", node=nodes.goes))
    assert idle(cluster) == {nodes.goes}


def test_two_nodes_whose_pods_need_each_others_room_do_not_both_go(cluster):
    cluster.group("web", desired=2)
    one, other = cluster.join("web")
    cluster.add("Pod", pod("a", node=one), pod("b", node=other))

    cluster.rounds(0, 11 * MINUTE, 1)

    assert len(cluster.leaving()) == 1


def test_two_nodes_whose_pods_need_the_same_room_do_not_both_go(cluster, nodes: Nodes):
    cluster.group("more", desired=1)
    (other,) = cluster.join("more")
    cluster.add("Pod", pod("a", "1", node=nodes.goes), pod("b", "1900m", node=other))
    cluster.add("Pod", pod("fills", "1920m", node=nodes.stays))

    assert len(idle(cluster)) == 1


def test_a_node_that_takes_anothers_pods_does_not_go_too(cluster):
    cluster.group("web", desired=2)
    cluster.group("home", bounds=(1, 1), desired=1)
    one, other, home = *cluster.join("web"), *cluster.join("home")
    cluster.add("Pod", pod("a", "900m", node=one), pod("b", "900m", node=other))
    cluster.add("Pod", pod("fills", "3", node=home))

    assert len(idle(cluster)) == 1


def test_the_room_that_waiting_pods_will_take_is_no_home(cluster, nodes: Nodes):
    cluster.add("Pod", pod("moves", node=nodes.goes), pod("waits", "3", node=""))

    assert not idle(cluster)


@pytest.mark.parametrize(
    "stays",
    [
        {"metadata": {"ownerReferences": []}},
        {"annotations": {"safe-to-evict": "false"}},
        {"spec": CACHE},
    ],
)
def test_a_node_stays_with_a_pod_that_may_not_be_evicted(cluster, nodes: Nodes, stays):
    kept = pod("kept", node=nodes.goes, **stays.get("spec", {}))
    kept["metadata"].update(stays.get("metadata", {}))
    cluster.add("Pod", said(kept, stays.get("annotations", {})))
    assert not idle(cluster)

    cluster.held["Pod"].clear()
    cluster.add("Pod", pod("moves", node=nodes.goes))
    assert idle(cluster) == {nodes.goes}


def test_local_storage_keeps_no_node_if_the_flag_says_so(cluster, nodes: Nodes):
    cluster.start(*FLAGS, "--skip-nodes-with-local-storage=false")
    cluster.add("Pod", pod("cached", node=nodes.goes, **CACHE))

    assert idle(cluster) == {nodes.goes}


@pytest.mark.parametrize(("allowed", "goes"), [(0, False), (1, True)])
def test_a_node_stays_whose_pods_have_no_disruption_left(cluster, nodes: Nodes, allowed, goes):
    budget = {
        "metadata": {"name": "web", "namespace": "serving"},
        "spec": {"selector": {"matchLabels": {"app": "web"}}},
        "status": {"disruptionsAllowed": allowed},
    }
    cluster.add("Pod", pod("web", node=nodes.goes))
    cluster.add("PodDisruptionBudget", budget)

    assert idle(cluster) == ({nodes.goes} if goes else set())


@pytest.mark.parametrize(("value", "goes"), [("true", False), ("false", True)])
def test_a_node_stays_that_is_not_to_be_scaled_down(cluster, nodes: Nodes, value, goes):
    annotations = cluster.held["Node"][0]["metadata"]["annotations"]
    annotations[f"{SAID}/scale-down-disabled"] = value

    assert idle(cluster) == ({nodes.goes} if goes else set())


def test_the_pods_of_daemon_sets_keep_no_node(cluster, nodes: Nodes):
    agent = pod("agent", "100m", node=nodes.goes, **CACHE)
    agent["metadata"]["ownerReferences"] = [{"kind": "DaemonSet", "name": "agent"}]
    cluster.add("DaemonSet", daemon_set("100m"))
    cluster.add("Pod", agent)
    cluster.rounds(0, 11 * MINUTE, 1)

    assert cluster.desired("web") == [0]
    assert cluster.evicted == []


def test_a_node_is_drained_before_its_instance_ends(cluster, nodes: Nodes):
    cluster.add("Pod", pod("first", "100m", node=nodes.goes), pod("second", "1", node=nodes.goes))
    cluster.protected = {"second"}
    assert idle(cluster) == {nodes.goes}

    cluster.rounds(1, 1)
    assert cluster.evicted == ["first"]
    cluster.end_pods()
    cluster.protected.clear()
    cluster.rounds(1, 1)
    assert cluster.desired("web") == [1]

    cluster.end_pods()
    cluster.rounds(1)
    assert cluster.desired("web") == [0]
    assert cluster.desired("home") == [1]


def test_a_node_whose_pods_do_not_go_is_kept_until_it_has_been_idle_again(cluster, nodes: Nodes):
    cluster.add("Pod", pod("first", "100m", node=nodes.goes))
    cluster.protected = {"first"}
    assert idle(cluster) == {nodes.goes}

    cluster.rounds(1, 11 * MINUTE)
    assert not cluster.leaving()
    cluster.rounds(1)
    assert not cluster.leaving()
    assert idle(cluster) == {nodes.goes}


def test_a_node_that_goes_keeps_its_own_taints(cluster):
    cluster.group("web", desired=1)
    own = {"key": "gpu", "effect": "NoSchedule"}
    (there,) = cluster.join("web", own)

    assert idle(cluster) == {there}
    assert cluster.held["Node"][0]["spec"]["taints"] == [own, LEAVES]


def test_the_instance_that_ends_is_the_one_of_the_drained_node(cluster, nodes: Nodes):
    cluster.group("more", desired=3)
    busy, free, also_busy = cluster.join("more")
    cluster.add("Pod", pod("a", "3", node=busy), pod("b", "3", node=also_busy))

    cluster.rounds(0, 11 * MINUTE, 1)

    assert free in cluster.leaving()
    assert set(cluster.join("more")) == {busy, also_busy}
    assert cluster.desired("more") == [2]
