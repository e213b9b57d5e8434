"""Which pods the autoscaler's stand-in takes off a node."""

import pytest

from sandbox.cluster_autoscaler.eviction import is_of_daemon_set, may_move

SAID = "cluster-autoscaler.kubernetes.io/safe-to-evict"
CACHE = {"name": "cache", "emptyDir": {}}
MEMORY = {"name": "memory", "emptyDir": {"medium": "Memory"}}
HOST = {"name": "host", "hostPath": {"path": "/var"}}
SECRET = {"name": "secret", "secret": {"secretName": "s"}}


def pod(*volumes: dict, owner: str | None = "ReplicaSet", **annotations: str) -> dict:
    owners = [{"kind": owner, "name": "o"}] if owner else []
    return {
        "metadata": {
            "name": "p",
            "namespace": "serving",
            "labels": {"app": "web", "tier": "front"},
            "annotations": {f"{SAID}{name}": value for name, value in annotations.items()},
            "ownerReferences": owners,
        },
        "spec": {"volumes": [*volumes]},
    }


def budget(allowed: int | None, namespace: str = "serving", **labels: str) -> dict:
    status = {} if allowed is None else {"disruptionsAllowed": allowed}
    return {
        "metadata": {"name": "b", "namespace": namespace},
        "spec": {"selector": {"matchLabels": labels}},
        "status": status,
    }


def test_a_controllers_pod_may_move():
    assert may_move([pod(), pod()], [], keep_local=True)
    assert may_move([], [budget(0)], keep_local=True)


def test_a_pod_that_nobody_would_make_again_stays():
    assert not may_move([pod(), pod(owner=None)], [], keep_local=True)


@pytest.mark.parametrize(
    ("pod", "moves"),
    [
        (pod(**{"": "false"}), False),
        (pod(**{"": "true"}), True),
        (pod(owner=None, **{"": "true"}), True),
        (pod(CACHE, **{"": "true"}), True),
        (pod(CACHE, **{"": "false", "-local-volumes": "cache"}), False),
    ],
)
def test_the_pods_own_word_counts_more_than_all_else(pod, moves):
    assert may_move([pod], [], keep_local=True) is moves


@pytest.mark.parametrize(
    ("pod", "moves"),
    [
        (pod(CACHE), False),
        (pod(HOST), False),
        (pod(MEMORY), True),
        (pod(SECRET), True),
        (pod(CACHE, **{"-local-volumes": "cache"}), True),
        (pod(CACHE, **{"-local-volumes": "other,cache"}), True),
        (pod(CACHE, **{"-local-volumes": "other"}), False),
        (pod(CACHE, HOST, **{"-local-volumes": "cache"}), False),
        (pod(CACHE, HOST, **{"-local-volumes": "cache,host"}), True),
    ],
)
def test_what_a_pod_keeps_on_its_node_keeps_the_pod_there(pod, moves):
    assert may_move([pod], [], keep_local=True) is moves


@pytest.mark.parametrize("volume", [CACHE, HOST])
def test_local_volumes_keep_no_pod_when_they_may_be_lost(volume):
    assert may_move([pod(volume)], [], keep_local=False)
    assert not may_move([pod(volume, owner=None)], [], keep_local=False)


@pytest.mark.parametrize(("allowed", "moves"), [(None, False), (0, False), (1, False), (2, True)])
def test_a_budget_allows_all_pods_of_the_node_or_none(allowed, moves):
    assert may_move([pod(), pod()], [budget(allowed, app="web")], keep_local=True) is moves


@pytest.mark.parametrize(
    "other",
    [
        budget(0, app="other"),
        budget(0, app="web", tier="back"),
        budget(0, "elsewhere", app="web"),
    ],
)
def test_a_budget_of_other_pods_keeps_nobody(other):
    assert may_move([pod()], [other], keep_local=True)


def test_each_budget_of_a_pod_has_to_allow_it():
    assert not may_move([pod()], [budget(1, app="web"), budget(0, tier="front")], keep_local=True)


def test_a_budget_without_labels_is_of_all_pods_of_its_namespace():
    assert not may_move([pod()], [budget(0)], keep_local=True)


def test_daemon_sets_pods_are_told_by_their_owner():
    assert is_of_daemon_set(pod(owner="DaemonSet"))
    assert not is_of_daemon_set(pod(owner="ReplicaSet"))
    assert not is_of_daemon_set(pod(owner=None))
