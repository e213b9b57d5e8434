"""What makes the autoscaler's stand-in ask for nodes, and what keeps it from that."""

import pytest

from sandbox.tests.scaled_cluster import LEAVES, TAGS, ScaledCluster, daemon_set, pod

TEMPLATE = "k8s.io/cluster-autoscaler/node-template"
ONLY_GPU = {"key": "gpu", "value": "true", "effect": "NoSchedule"}


def pods(count: int, cpu: str = "1500m", **spec: object) -> list[dict]:
    return [pod(f"pod-{number}", cpu, **spec) for number in range(count)]


@pytest.mark.parametrize(("count", "nodes"), [(1, 1), (2, 1), (3, 2), (7, 4)])
def test_a_group_grows_by_the_nodes_that_the_pods_need(cluster: ScaledCluster, count, nodes):
    cluster.group("web", bounds=(0, 9))
    cluster.add("Pod", *pods(count))

    cluster.rounds(0)

    assert cluster.desired("web") == [nodes]


def test_a_group_grows_to_its_maximum_and_no_further(cluster: ScaledCluster):
    cluster.group("web", bounds=(0, 2), desired=1)
    cluster.join("web")
    cluster.add("Pod", *pods(9))

    for _ in range(3):
        cluster.rounds(1)
        cluster.join("web")

    assert cluster.desired("web") == [2]


@pytest.mark.parametrize("found_by", [[], TAGS[:1], TAGS[1:]])
def test_a_group_without_each_discovery_tag_is_never_resized(cluster: ScaledCluster, found_by):
    cluster.group("web", bounds=(0, 9), desired=2, found_by=found_by)
    cluster.add("Pod", *pods(9))
    cluster.join("web")
    cluster.rounds(0, 1000)
    cluster.held["Pod"].clear()
    cluster.rounds(1000, 1000, 1000)

    assert cluster.desired("web") == [2]
    assert not cluster.leaving()


def test_a_maximum_that_was_lowered_since_is_not_exceeded(cluster: ScaledCluster):
    cluster.group("web", bounds=(0, 9), desired=3)
    cluster.join("web")
    cluster.bound("web", MaxSize=3)
    cluster.add("Pod", *pods(9))
    cluster.rounds(0)
    assert cluster.desired("web") == [3]

    cluster.bound("web", MaxSize=2)
    cluster.rounds(1, 1)
    assert cluster.desired("web") == [2]


@pytest.mark.parametrize(
    "change",
    [
        {"nodeSelector": {"pool": "other"}},
        {"nodeSelector": {"nobody": "knows"}},
        {"cpu": "3921m"},
        {"memory": "14163Mi"},
        {"tolerations": [{"key": "gpu", "value": "false"}]},
        {"tolerations": []},
    ],
)
@pytest.mark.parametrize("there", [0, 1])
def test_for_a_pod_that_no_node_of_it_would_take_a_group_does_not_grow(
    cluster: ScaledCluster, change, there
):
    tags = {f"{TEMPLATE}/label/pool": "web", f"{TEMPLATE}/taint/gpu": "true:NoSchedule"}
    cluster.group("web", desired=there, tags=tags)
    cluster.join("web", ONLY_GPU, labels={"pool": "web"})
    cluster.add("Pod", *(pod(f"full-{node}", "3", node=node) for node in cluster.join("web")))
    fits = {
        "nodeSelector": {"pool": "web"},
        "tolerations": [{"key": "gpu", "operator": "Exists"}],
        "cpu": "3920m",
        "memory": "14162Mi",
    }
    cluster.add("Pod", pod("odd", **{**fits, **change}))
    cluster.rounds(0)
    assert cluster.desired("web") == [there]

    cluster.add("Pod", pod("fits", **fits))
    cluster.rounds(0)
    assert cluster.desired("web") == [there + 1]


def test_from_zero_a_node_is_what_tags_and_the_first_type_say(cluster: ScaledCluster):
    gpu = {f"{TEMPLATE}/resources/nvidia.com/gpu": "2", f"{TEMPLATE}/label/pool": "gpu"}
    cluster.group("gpu", types=["m5.xlarge", "m5.24xlarge"], tags=gpu)
    asked = {"requests": {"cpu": "100m", "nvidia.com/gpu": "1"}}
    cluster.add("Pod", *(pod(f"pod-{n}", containers=[{"resources": asked}]) for n in range(3)))
    cluster.rounds(0)
    assert cluster.desired("gpu") == [2]

    cluster.add("Pod", pod("of-the-second-type", "60"))
    cluster.rounds(0)
    assert cluster.desired("gpu") == [2]


def test_what_runs_on_each_node_takes_its_room_of_new_ones(cluster: ScaledCluster):
    cluster.group("web")
    cluster.add("DaemonSet", daemon_set("1"), daemon_set("3", nodeSelector={"pool": "other"}))
    cluster.add("Pod", *pods(2))

    cluster.rounds(0)

    assert cluster.desired("web") == [2]


def test_a_new_node_is_like_one_that_is_there(cluster: ScaledCluster):
    cluster.group("web", desired=1, tags={f"{TEMPLATE}/label/pool": "of-the-tags"})
    (there,) = cluster.join("web", LEAVES, labels={"pool": "web"}, cpu="2")
    selects = {"pool": "web"}
    cluster.add("Pod", pod("first", node=there), *pods(2, nodeSelector=selects))
    host = {"kubernetes.io/hostname": there}
    cluster.add("Pod", pod("faithful", nodeSelector=host))

    cluster.rounds(0)

    assert cluster.desired("web") == [3]


def test_nodes_that_are_on_their_way_are_not_asked_for_twice(cluster: ScaledCluster):
    cluster.group("web")
    cluster.add("Pod", *pods(3))
    cluster.rounds(0, 2, 2)
    assert cluster.desired("web") == [2]

    cluster.add("Pod", pod("late"), pod("later"))
    cluster.rounds(2, 2)
    assert cluster.desired("web") == [3]


def test_a_node_that_joined_and_is_not_ready_yet_is_not_asked_for_again(cluster: ScaledCluster):
    cluster.group("web")
    cluster.add("Pod", *pods(2))
    cluster.rounds(0)

    cluster.join("web", {"key": "node.kubernetes.io/not-ready", "effect": "NoSchedule"})
    cluster.rounds(2)

    assert cluster.desired("web") == [1]


def test_an_instance_on_its_way_out_is_no_node_that_was_asked_for(cluster: ScaledCluster):
    cluster.group("web", desired=1)
    cluster.join("web", LEAVES)
    cluster.let_end("web")
    cluster.add("Pod", *pods(2))

    cluster.rounds(0, 2)

    assert cluster.desired("web") == [1]


def test_a_pod_that_finds_room_on_a_node_needs_no_other(cluster: ScaledCluster):
    cluster.group("web", desired=1)
    (there,) = cluster.join("web")
    cluster.add("Pod", pod("first", node=there), pod("second"))
    cluster.rounds(0)
    assert cluster.desired("web") == [1]

    cluster.add("Pod", pod("third"))
    cluster.rounds(0)
    assert cluster.desired("web") == [2]


def test_expendable_pods_make_no_group_grow(cluster: ScaledCluster):
    cluster.group("web")
    cluster.add("Pod", pod("expendable", priority=-11))
    cluster.rounds(0)
    assert cluster.desired("web") == [0]

    cluster.add("Pod", pod("just-not", priority=-10))
    cluster.rounds(0)
    assert cluster.desired("web") == [1]


def test_a_daemon_sets_pod_without_room_on_its_node_makes_no_group_grow(cluster: ScaledCluster):
    cluster.group("web", desired=1)
    (there,) = cluster.join("web")
    agent = pod("agent")
    agent["metadata"]["ownerReferences"] = [{"kind": "DaemonSet", "name": "agent"}]
    cluster.add("Pod", pod("large", "3900m", node=there), agent)

    cluster.rounds(0)

    assert cluster.desired("web") == [1]


def test_a_pod_that_the_scheduler_has_not_judged_yet_makes_no_group_grow(cluster: ScaledCluster):
    cluster.group("web")
    new, done = pod("new"), pod("done")
    new["status"] = {"phase": "Pending"}
    done["status"]["phase"] = "Failed"
    cluster.add("Pod", new, done)

    cluster.rounds(0)

    assert cluster.desired("web") == [0]
