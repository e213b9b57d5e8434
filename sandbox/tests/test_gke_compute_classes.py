"""GKE's autoscaler without capacity: the order of a ComputeClass's pools, and what is awaited."""

import pytest

from sandbox.gke.node_pools import NodePools
from sandbox.kubernetes_api import ApiError
from sandbox.layout import Layout
from sandbox.tests.node_pools import ZONES, inputs, made, sizes, there
from sandbox.tests.pooled_cluster import PooledCluster, each_zone, in_all

A, B, _ = ZONES
CLASS = "cloud.google.com/compute-class"
WANTS_CLASS = {
    "nodeSelector": {CLASS: "serving"},
    "tolerations": [{"key": CLASS, "operator": "Exists"}],
}
OF_CLASS = {
    "labels": {CLASS: "serving"},
    "taints": [{"key": CLASS, "value": "serving", "effect": "NO_SCHEDULE"}],
}


@pytest.fixture
def cluster(layout: Layout, monkeypatch: pytest.MonkeyPatch) -> PooledCluster:
    return PooledCluster(NodePools(layout, "gke"), monkeypatch)


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


@pytest.mark.parametrize(
    ("told", "early", "late"), [({}, 200, 101), ({"back_off_seconds": 20}, 15, 6)]
)
def test_a_pool_that_had_no_capacity_is_tried_again_after_a_while(classed, told, early, late):
    classed.start(**told)
    classed.held["ComputeClass"] = [compute_class("two")]
    classed.pools.set_shortage("two", short=True)
    classed.wait(1, **WANTS_CLASS)
    classed.rounds(0, 2)
    classed.pools.set_shortage("two", short=False)
    classed.rounds(early)
    assert sizes(classed.pools, "two") == [0]

    classed.rounds(late)
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


def test_what_does_not_come_to_a_pool_that_is_too_small_changes_nothing(cluster):
    made(cluster.pools, "spot", A, initial=2, spot=True, autoscaling=in_all(1, 6))
    cluster.pools.update("spot", inputs(spot=True, autoscaling=in_all(4, 6)))
    cluster.pools.set_shortage("spot", short=True)
    cluster.pools.end("spot", cluster.join("spot")[0], shrink=False)

    cluster.rounds(0)

    assert sizes(cluster.pools, "spot") == [2]


def test_what_was_started_before_a_shortage_is_awaited(cluster):
    made(cluster.pools, "spot", A, initial=1, spot=True, autoscaling=each_zone(0, 5))
    made(cluster.pools, "other", A, initial=0, autoscaling=each_zone(0, 5))
    cluster.pools.set_shortage("spot", short=True)
    cluster.pools.resize("spot", A, 2)
    cluster.wait(1)

    cluster.rounds(0)

    assert (sizes(cluster.pools, "spot"), sizes(cluster.pools, "other")) == ([1], [0])
    assert len(there(cluster.pools, "spot").instances) == 1


def test_all_zones_of_a_pool_are_tried_before_the_next_pool_of_its_class(cluster, capsys):
    made(cluster.pools, "spot", initial=1, spot=True, autoscaling=in_all(1, 6), **OF_CLASS)
    made(cluster.pools, "dear", A, initial=0, autoscaling=in_all(0, 5), **OF_CLASS)
    cluster.add("ComputeClass", compute_class("spot", "dear"))
    cluster.fill("spot")
    cluster.pools.set_shortage("spot", short=True)
    cluster.wait(4, **WANTS_CLASS)

    for _ in range(5):
        cluster.rounds(2)

    zones = [there(cluster.pools, "spot").group(zone) for zone in ZONES]
    grown = [line.split(":")[0] for line in capsys.readouterr().out.splitlines() if "room" in line]
    assert grown == [*zones, there(cluster.pools, "dear").group(A)]
    assert (sizes(cluster.pools, "spot"), sizes(cluster.pools, "dear")) == ([1, 1, 1], [4])


def test_zones_that_lose_capacity_at_once_keep_the_minimum_of_all(cluster):
    made(cluster.pools, "spot", A, B, initial=1, spot=True, autoscaling=in_all(1, 6))
    cluster.pools.set_shortage("spot", short=True)
    for each in there(cluster.pools, "spot").instances:
        cluster.pools.end("spot", each.name, shrink=False)

    cluster.rounds(0)

    assert sum(sizes(cluster.pools, "spot")) == 1
