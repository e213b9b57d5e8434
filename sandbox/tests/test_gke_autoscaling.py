"""GKE's autoscaler: limits of each zone and of all, location policies, and ComputeClasses."""

import pytest

from sandbox.cluster_autoscaler import ClusterAutoscaler
from sandbox.gke.autoscaling import Zones, rules
from sandbox.gke.node_pools import NodePools
from sandbox.gke.nodes import node
from sandbox.kubernetes_api import ApiError
from sandbox.layout import Layout
from sandbox.tests.node_pools import ZONES, inputs, made, sizes, there
from sandbox.tests.scaled_cluster import HeldCluster, pod

A, B, F = ZONES
CLASS = "cloud.google.com/compute-class"
WANTS_CLASS = {
    "nodeSelector": {CLASS: "serving"},
    "tolerations": [{"key": CLASS, "operator": "Exists"}],
}
OF_CLASS = {
    "labels": {CLASS: "serving"},
    "taints": [{"key": CLASS, "value": "serving", "effect": "NO_SCHEDULE"}],
}


class PooledCluster(HeldCluster):
    """A cluster whose nodes are instances of node pools."""

    def __init__(self, pools: NodePools, patch: pytest.MonkeyPatch) -> None:
        super().__init__(patch)
        self.pools = pools
        self.autoscaler = ClusterAutoscaler(self, Zones(pools, self), rules(600))

    def join(self, name: str) -> list[str]:
        """Let the instances of a pool become nodes; return the names of all nodes of it."""
        pool = there(self.pools, name)
        names = {each["metadata"]["name"] for each in self.held["Node"]}
        new = [node(pool, each, "p") for each in pool.instances if each.name not in names]
        self.add("Node", *new)
        return [each.name for each in pool.instances]

    def fill(self, *names: str, cpu: str = "3") -> None:
        """Put a pod that leaves no room on each node of these pools."""
        for name in (each for pool in names for each in self.join(pool)):
            self.add("Pod", pod(f"full-{name}", cpu, node=name))

    def wait(self, count: int, **spec: object) -> None:
        """Let so many pods wait, each of which needs a node of its own."""
        self.add("Pod", *(pod(f"waits-{number}", "3", **spec) for number in range(count)))

    def empty(self) -> None:
        """Let all pods go."""
        self.held["Pod"] = []


@pytest.fixture
def cluster(layout: Layout, monkeypatch: pytest.MonkeyPatch) -> PooledCluster:
    return PooledCluster(NodePools(layout, "gke"), monkeypatch)


def each_zone(least: int, most: int, policy: str | None = None) -> dict:
    limits = {"minNodeCount": least, "maxNodeCount": most}
    return limits | ({"locationPolicy": policy} if policy else {})


def in_all(least: int, most: int, policy: str | None = None) -> dict:
    limits = {"totalMinNodeCount": least, "totalMaxNodeCount": most}
    return limits | ({"locationPolicy": policy} if policy else {})


def go_idle(cluster: PooledCluster) -> None:
    """Let nodes be unneeded for as long as it takes, and those go that may."""
    for _ in range(4):
        cluster.rounds(0, 601, 1)
        left = {each.name for pool in cluster.pools.all() for each in pool.instances}
        held = cluster.held["Node"]
        cluster.held["Node"] = [each for each in held if each["metadata"]["name"] in left]


@pytest.mark.parametrize(
    ("count", "expected"), [(1, [1, 0, 0]), (3, [1, 1, 1]), (4, [2, 1, 1]), (99, [3, 3, 3])]
)
def test_balanced_pools_grow_evenly_up_to_the_limit_of_each_zone(cluster, count, expected):
    made(cluster.pools, "web", initial=0, autoscaling=each_zone(0, 3))
    cluster.wait(count)

    cluster.rounds(0)

    assert sizes(cluster.pools, "web") == expected


def test_the_smallest_zones_grow_first(cluster):
    made(cluster.pools, "web", initial=1, autoscaling=each_zone(0, 9))
    cluster.pools.resize("web", A, 3)
    cluster.fill("web")
    cluster.wait(3)

    cluster.rounds(0)

    assert sizes(cluster.pools, "web") == [3, 3, 2]


@pytest.mark.parametrize(
    ("count", "expected"), [(1, [1, 0, 0]), (2, [2, 0, 0]), (4, [2, 2, 0]), (99, [2, 2, 2])]
)
def test_with_any_location_the_first_zone_that_has_room_grows(cluster, count, expected):
    made(cluster.pools, "web", initial=0, autoscaling=each_zone(0, 2, "ANY"))
    cluster.wait(count)

    for _ in range(4):
        cluster.rounds(2)
        cluster.join("web")

    assert sizes(cluster.pools, "web") == expected


@pytest.mark.parametrize(
    ("policy", "expected"), [("BALANCED", [2, 2, 1]), ("ANY", [5, 0, 0]), (None, [2, 2, 1])]
)
def test_a_limit_of_all_zones_is_shared_by_them(cluster, policy, expected):
    made(cluster.pools, "web", initial=0, autoscaling=in_all(0, 5, policy))
    cluster.wait(99)

    for _ in range(4):
        cluster.rounds(2)
        cluster.join("web")

    assert sizes(cluster.pools, "web") == expected


def test_the_minimum_of_each_zone_is_kept(cluster):
    made(cluster.pools, "web", initial=3, autoscaling=each_zone(1, 5))
    cluster.join("web")

    go_idle(cluster)

    assert sizes(cluster.pools, "web") == [1, 1, 1]


@pytest.mark.parametrize("least", [0, 1, 2, 4])
def test_the_minimum_of_all_zones_is_kept(cluster, least):
    made(cluster.pools, "web", initial=2, autoscaling=in_all(least, 9))
    cluster.join("web")

    go_idle(cluster)

    assert sum(sizes(cluster.pools, "web")) == least


def test_a_node_that_is_needed_again_before_its_time_stays(cluster):
    made(cluster.pools, "web", A, initial=2, autoscaling=each_zone(0, 5))
    cluster.join("web")
    cluster.rounds(0, 590)
    cluster.fill("web")

    cluster.rounds(20, 590)

    assert sizes(cluster.pools, "web") == [2]
    assert not cluster.leaving()


def test_limits_that_change_apply_when_nodes_are_needed_or_not(cluster):
    made(cluster.pools, "web", A, initial=1, autoscaling=each_zone(0, 1))
    cluster.fill("web")
    cluster.wait(3)
    cluster.rounds(0)
    assert sizes(cluster.pools, "web") == [1]

    cluster.pools.update("web", inputs(autoscaling=each_zone(0, 3)))
    cluster.rounds(0)
    assert sizes(cluster.pools, "web") == [3]


def test_a_pool_without_autoscaling_is_never_resized(cluster):
    made(cluster.pools, "web", A)
    cluster.fill("web")
    cluster.wait(3)
    cluster.rounds(0)
    cluster.empty()
    go_idle(cluster)

    assert sizes(cluster.pools, "web") == [1]


def test_during_an_upgrade_nothing_is_taken_away(cluster):
    made(cluster.pools, "web", A, initial=2, autoscaling=each_zone(0, 5))
    cluster.join("web")
    cluster.pools.update("web", inputs(machineType="n1-standard-8", autoscaling=each_zone(0, 5)))
    cluster.pools.surge("web", A)
    cluster.join("web")

    go_idle(cluster)

    assert sizes(cluster.pools, "web") == [2]
    assert not cluster.leaving()


def test_an_empty_dir_keeps_no_node(cluster):
    made(cluster.pools, "web", A, initial=2, autoscaling=each_zone(0, 5))
    for name in cluster.join("web"):
        volumes = [{"name": "scratch", "emptyDir": {}}]
        cluster.add("Pod", pod(f"on-{name}", "100m", node=name, volumes=volumes))

    cluster.rounds(0, 601, 1)

    assert len(cluster.leaving()) == 1
    cluster.end_pods()
    cluster.rounds(1)
    assert sizes(cluster.pools, "web") == [1]


def test_from_zero_a_node_is_what_the_pool_says(cluster):
    taint = {"key": "gpu", "value": "true", "effect": "NO_SCHEDULE"}
    made(
        cluster.pools,
        "web",
        A,
        initial=0,
        labels={"intent": "apps"},
        taints=[taint],
        autoscaling=each_zone(0, 5),
    )
    tolerates = {"tolerations": [{"key": "gpu", "operator": "Exists"}]}
    cluster.add("Pod", pod("intolerant", "3", nodeSelector={"intent": "apps"}))
    cluster.add("Pod", pod("elsewhere", "3", nodeSelector={"intent": "other"}, **tolerates))
    cluster.add("Pod", pod("too-large", "3921m", **tolerates))
    cluster.rounds(0)
    assert sizes(cluster.pools, "web") == [0]

    cluster.add("Pod", pod("fits", "3920m", nodeSelector={"intent": "apps"}, **tolerates))
    cluster.rounds(0)
    assert sizes(cluster.pools, "web") == [1]


def test_a_pod_that_wants_a_zone_gets_a_node_there(cluster):
    made(cluster.pools, "web", initial=0, autoscaling=each_zone(0, 5))
    cluster.wait(2, nodeSelector={"topology.kubernetes.io/zone": B})

    cluster.rounds(0)
    assert sizes(cluster.pools, "web") == [0, 2, 0]

    cluster.pools.update("web", inputs(autoscaling=each_zone(0, 3)))
    cluster.wait(2, nodeSelector={"topology.kubernetes.io/zone": B})
    cluster.rounds(0)
    assert sizes(cluster.pools, "web") == [0, 3, 0]


def test_a_zone_that_is_full_keeps_no_other_pool_from_growing_there(cluster):
    made(cluster.pools, "a", initial=0, autoscaling=each_zone(0, 1))
    made(cluster.pools, "b", initial=0, autoscaling=each_zone(0, 1))
    cluster.wait(2, nodeSelector={"topology.kubernetes.io/zone": B})

    cluster.rounds(0, 1)

    assert (sizes(cluster.pools, "a"), sizes(cluster.pools, "b")) == ([0, 1, 0], [0, 1, 0])


def test_spot_vms_are_the_cheaper_ones(cluster):
    made(cluster.pools, "a-dear-one", A, initial=0, autoscaling=each_zone(0, 5))
    made(cluster.pools, "spot", A, initial=0, spot=True, autoscaling=each_zone(0, 1))
    cluster.wait(2)

    cluster.rounds(0)
    assert (sizes(cluster.pools, "spot"), sizes(cluster.pools, "a-dear-one")) == ([1], [0])
    cluster.rounds(1)
    assert (sizes(cluster.pools, "spot"), sizes(cluster.pools, "a-dear-one")) == ([1], [1])


def compute_class(*pools: str) -> dict:
    priorities = [{"nodepools": [each]} for each in pools]
    return {"metadata": {"name": "serving"}, "spec": {"priorities": priorities}}


@pytest.fixture
def classed(cluster: PooledCluster) -> PooledCluster:
    """A cluster with a ComputeClass whose second pool is of Spot VMs."""
    made(cluster.pools, "one", A, initial=0, autoscaling=each_zone(0, 1), **OF_CLASS)
    made(cluster.pools, "two", A, initial=0, spot=True, autoscaling=each_zone(0, 1), **OF_CLASS)
    cluster.add("ComputeClass", compute_class("one", "two"))
    return cluster


def test_a_compute_classs_pools_grow_in_its_order_and_the_next_when_one_is_full(classed):
    classed.wait(1, **WANTS_CLASS)
    classed.rounds(0)
    assert (sizes(classed.pools, "one"), sizes(classed.pools, "two")) == ([1], [0])

    classed.fill("one")
    classed.rounds(1)
    assert (sizes(classed.pools, "one"), sizes(classed.pools, "two")) == ([1], [1])


def test_a_compute_classs_next_pool_grows_when_there_is_no_capacity(classed):
    classed.held["ComputeClass"] = [compute_class("two", "one")]
    classed.pools.set_shortage("two", short=True)
    classed.wait(1, **WANTS_CLASS)

    classed.rounds(0)
    assert (sizes(classed.pools, "two"), sizes(classed.pools, "one")) == ([1], [0])
    classed.rounds(2, 2)
    assert (sizes(classed.pools, "two"), sizes(classed.pools, "one")) == ([0], [1])


def test_a_pool_that_had_no_capacity_is_tried_again_after_a_while(classed):
    classed.held["ComputeClass"] = [compute_class("two")]
    classed.pools.set_shortage("two", short=True)
    classed.wait(1, **WANTS_CLASS)
    classed.rounds(0, 2)
    classed.pools.set_shortage("two", short=False)
    classed.rounds(200)
    assert sizes(classed.pools, "two") == [0]

    classed.rounds(101)
    assert sizes(classed.pools, "two") == [1]


def test_a_pool_that_its_compute_class_does_not_list_does_not_grow(classed):
    classed.held["ComputeClass"] = [compute_class("one")]
    classed.wait(2, **WANTS_CLASS)
    classed.rounds(0, 1, 1)
    assert (sizes(classed.pools, "one"), sizes(classed.pools, "two")) == ([1], [0])

    classed.held["ComputeClass"] = []
    classed.pools.resize("one", A, 0)
    classed.rounds(1)
    assert (sizes(classed.pools, "one"), sizes(classed.pools, "two")) == ([0], [0])


def test_a_pod_of_no_compute_class_makes_none_of_its_pools_grow(classed):
    classed.wait(1)
    classed.rounds(0)

    assert (sizes(classed.pools, "one"), sizes(classed.pools, "two")) == ([0], [0])


def test_a_cluster_that_knows_no_compute_classes_scales_its_other_pools(cluster, monkeypatch):
    known = cluster.list

    def unknown(version: str, kind: str) -> list[dict]:
        if kind == "ComputeClass":
            raise ApiError(404, "UnknownKind", "no kind ComputeClass")
        return known(version, kind)

    monkeypatch.setattr(cluster, "list", unknown)
    made(cluster.pools, "web", A, initial=0, autoscaling=each_zone(0, 5))
    cluster.wait(1)

    cluster.rounds(0)

    assert sizes(cluster.pools, "web") == [1]


def test_a_node_that_was_told_to_end_is_awaited_again_and_not_asked_for_twice(cluster):
    made(cluster.pools, "web", A, spot=True, autoscaling=each_zone(0, 5))
    (name,) = cluster.join("web")
    cluster.pools.give_notice("web", name, 30)
    cluster.taint(
        name, {"key": "cloud.google.com/impending-node-termination", "effect": "NoSchedule"}
    )
    cluster.wait(1)

    cluster.rounds(0)

    assert sizes(cluster.pools, "web") == [1]


def test_an_interrupted_node_that_is_not_replaced_is_no_longer_wanted(cluster):
    made(cluster.pools, "web", A, initial=2, spot=True, autoscaling=each_zone(0, 5))
    first, _ = cluster.join("web")
    cluster.pools.set_shortage("web", short=True)
    cluster.pools.end("web", first, shrink=False)
    cluster.held["Node"] = cluster.held["Node"][1:]

    cluster.rounds(0)

    assert sizes(cluster.pools, "web") == [1]


def test_what_was_started_before_a_shortage_is_awaited(cluster):
    made(cluster.pools, "spot", A, initial=1, spot=True, autoscaling=each_zone(0, 5))
    made(cluster.pools, "other", A, initial=0, autoscaling=each_zone(0, 5))
    cluster.pools.set_shortage("spot", short=True)
    cluster.pools.resize("spot", A, 2)
    cluster.wait(1)

    cluster.rounds(0)

    assert (sizes(cluster.pools, "spot"), sizes(cluster.pools, "other")) == ([1], [0])
    assert len(there(cluster.pools, "spot").instances) == 1
