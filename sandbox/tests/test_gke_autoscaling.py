"""GKE's autoscaler: limits of each zone and of all, and location policies."""

import pytest

from sandbox.gke.node_pools import NodePools
from sandbox.layout import Layout
from sandbox.tests.node_pools import ZONES, inputs, made, sizes
from sandbox.tests.pooled_cluster import PooledCluster, each_zone, in_all
from sandbox.tests.scaled_cluster import pod

A, B, _ = ZONES


@pytest.fixture
def cluster(layout: Layout, monkeypatch: pytest.MonkeyPatch) -> PooledCluster:
    return PooledCluster(NodePools(layout, "gke"), monkeypatch)


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
