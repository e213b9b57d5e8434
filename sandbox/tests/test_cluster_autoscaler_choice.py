"""Which of several groups the autoscaler's stand-in lets grow, and when it gives one up."""

import pytest

from sandbox.providers.charts import PRIORITIES
from sandbox.tests.scaled_cluster import ScaledCluster, pod

PROVISION = "--max-node-provision-time=15m"
MINUTE = 60
SPOT_FIRST = "20:\n  - spot\n10:\n  - .*\n"


def priorities(text: str) -> dict:
    metadata = {"name": PRIORITIES, "namespace": "kube-system"}
    return {"metadata": metadata, "data": {"priorities": text}}


def chosen(cluster: ScaledCluster, *groups: str) -> list[str]:
    sizes = zip(groups, cluster.desired(*groups), strict=True)
    return [name for name, size in sizes if size]


def test_least_waste_takes_the_group_whose_nodes_are_used_most(cluster: ScaledCluster):
    cluster.group("large", types=["m5.4xlarge"])
    cluster.group("fitting", types=["m5.xlarge"])
    cluster.add("Pod", pod("web", "3", "12Gi"))

    cluster.rounds(0)

    assert chosen(cluster, "large", "fitting") == ["fitting"]


@pytest.mark.parametrize(
    ("expander", "best"),
    [
        ("least-waste", "fitting"),
        ("most-pods", "large"),
        ("least-nodes", "large"),
        ("most-pods,least-waste", "large"),
        ("least-nodes,least-waste", "large"),
    ],
)
def test_the_expander_that_is_named_chooses(cluster: ScaledCluster, expander, best):
    cluster.start(f"--expander={expander}")
    cluster.group("fitting", bounds=(0, 2), types=["m5.xlarge"])
    cluster.group("large", types=["m5.4xlarge"])
    cluster.add("Pod", *(pod(f"pod-{number}", "3500m", "10Gi") for number in range(3)))

    cluster.rounds(0)

    assert chosen(cluster, "fitting", "large") == [best]


def test_the_next_expander_chooses_among_those_that_are_as_good(cluster: ScaledCluster):
    cluster.start("--expander=most-pods,least-waste")
    cluster.group("large", types=["m5.4xlarge"])
    cluster.group("fitting", types=["m5.xlarge"])
    cluster.add("Pod", pod("web"))

    cluster.rounds(0)

    assert chosen(cluster, "large", "fitting") == ["fitting"]


def test_one_group_grows_at_a_time(cluster: ScaledCluster):
    cluster.group("a", bounds=(0, 1))
    cluster.group("b", bounds=(0, 1))
    cluster.add("Pod", *(pod(f"pod-{number}", "3") for number in range(3)))

    cluster.rounds(0)
    assert sum(cluster.desired("a", "b")) == 1

    cluster.rounds(1)
    assert sum(cluster.desired("a", "b")) == 2


def test_the_group_of_the_highest_priority_grows_whatever_it_wastes(cluster: ScaledCluster):
    cluster.start("--expander=priority,least-waste")
    cluster.add("ConfigMap", priorities(SPOT_FIRST))
    cluster.group("on-demand", types=["m5.xlarge"])
    cluster.group("web-spot-1", types=["m5.4xlarge"])
    cluster.add("Pod", pod("web"))

    cluster.rounds(0)

    assert chosen(cluster, "on-demand", "web-spot-1") == ["web-spot-1"]


def test_among_groups_of_one_priority_the_next_expander_chooses(cluster: ScaledCluster):
    cluster.start("--expander=priority,least-waste")
    cluster.add("ConfigMap", priorities(SPOT_FIRST))
    cluster.group("large-spot", types=["m5.4xlarge"])
    cluster.group("small-spot", types=["m5.xlarge"])
    cluster.group("no-waste", types=["m5.large"])
    cluster.add("Pod", pod("web"))

    cluster.rounds(0)

    assert chosen(cluster, "large-spot", "small-spot", "no-waste") == ["small-spot"]


def test_priorities_are_read_anew_and_a_group_without_one_is_the_last(cluster: ScaledCluster):
    cluster.start("--expander=priority")
    cluster.add("ConfigMap", priorities("10:\n  - ^b$\n"))
    cluster.group("a")
    cluster.group("b")
    cluster.add("Pod", pod("web"))
    cluster.rounds(0)
    assert cluster.desired("a", "b") == [0, 1]

    cluster.held["ConfigMap"] = [priorities("10:\n  - ^a$\n")]
    cluster.add("Pod", pod("next", "3"))
    cluster.rounds(1)
    assert cluster.desired("a", "b") == [1, 1]


def test_the_groups_whose_maximum_is_reached_leave_the_pods_to_others(cluster: ScaledCluster):
    cluster.start("--expander=priority")
    cluster.add("ConfigMap", priorities(SPOT_FIRST))
    cluster.group("on-demand")
    cluster.group("spot", bounds=(0, 1), desired=1)
    cluster.add("Pod", pod("first", "3"), pod("second", "3"))

    cluster.rounds(0)

    assert cluster.desired("on-demand", "spot") == [1, 1]


def test_what_does_not_come_in_time_is_no_longer_asked_for_and_another_group_grows(
    cluster: ScaledCluster,
):
    cluster.start(PROVISION, "--expander=priority")
    cluster.add("ConfigMap", priorities(SPOT_FIRST))
    cluster.group("on-demand")
    cluster.group("spot")
    cluster.add("Pod", pod("web"))
    cluster.rounds(0, 1, 14 * MINUTE)
    assert cluster.desired("on-demand", "spot") == [0, 1]

    cluster.rounds(2 * MINUTE)
    assert cluster.desired("on-demand", "spot") == [1, 0]


def test_a_group_that_failed_is_tried_again_after_a_while(cluster: ScaledCluster):
    cluster.start(PROVISION)
    cluster.group("spot")
    cluster.add("Pod", pod("web"))
    cluster.rounds(0, 1, 16 * MINUTE)
    assert cluster.desired("spot") == [0]

    cluster.rounds(4 * MINUTE)
    assert cluster.desired("spot") == [0]

    cluster.rounds(2 * MINUTE)
    assert cluster.desired("spot") == [1]


def test_no_less_than_the_minimum_is_asked_for_when_nothing_comes(cluster: ScaledCluster):
    cluster.start(PROVISION)
    cluster.group("spot", bounds=(2, 5), desired=4)
    cluster.rounds(0, 16 * MINUTE, 16 * MINUTE)

    assert cluster.desired("spot") == [2]


def test_what_came_stays_when_the_rest_does_not(cluster: ScaledCluster):
    cluster.start(PROVISION)
    cluster.group("spot", desired=2)
    there = cluster.join("spot")
    cluster.add("Pod", *(pod(f"on-{node}", "3", node=node) for node in there), pod("third"))
    cluster.rounds(0, 1)
    assert cluster.desired("spot") == [3]

    cluster.rounds(16 * MINUTE)
    assert cluster.desired("spot") == [2]
    assert cluster.join("spot") == there


def test_nodes_that_come_in_time_start_the_wait_anew(cluster: ScaledCluster):
    cluster.start(PROVISION)
    cluster.group("web")
    cluster.add("Pod", pod("first", "3"))
    cluster.rounds(0, 1, 10 * MINUTE)
    (there,) = cluster.join("web")
    cluster.held["Pod"] = [pod("first", "3", node=there), pod("second", "3")]
    cluster.rounds(1, 1)
    assert cluster.desired("web") == [2]

    cluster.rounds(10 * MINUTE)
    assert cluster.desired("web") == [2]

    cluster.rounds(6 * MINUTE)
    assert cluster.desired("web") == [1]
