"""Surge upgrades: how many nodes there are at a time, and that none goes before its pods did."""

import pytest

from sandbox.gke.node_pools import NodePools
from sandbox.gke.nodes import node
from sandbox.gke.upgrades import Upgrades
from sandbox.layout import Layout
from sandbox.tests.node_pools import ZONES, inputs, made, there

NEW = "n1-standard-8"


class Upgraded:
    """A pool that is upgraded; its nodes are ready at once and have a pod each."""

    def __init__(self, pools: NodePools, *zones: str, initial: int, **settings: int) -> None:
        self.pools = pools
        made(pools, "web", *zones, initial=initial)
        self.cordoned: set[str] = set()
        self.unready: set[str] = set()
        self.protected = False
        self.others: list[dict] = []
        self.evictions: list[str] = []
        self.sizes: list[int] = []
        self.pods = {each.name for each in there(pools, "web").instances}
        self.deleted: set[str] = set()
        pools.update("web", inputs(machineType=NEW, upgradeSettings=settings))
        self._upgrades = Upgrades(pools, self)

    def rounds(self, count: int) -> None:
        """Let it go on; pods that were evicted are gone at the next round."""
        for _ in range(count):
            self._upgrades.reconcile()
            self.sizes.append(len(there(self.pools, "web").instances))
            self.pods -= self.deleted

    @property
    def outdated(self) -> int:
        """How many nodes are still of the old kind."""
        pool = there(self.pools, "web")
        return sum(map(pool.is_outdated, pool.instances))

    def list(self, _: str, kind: str) -> list[dict]:
        if kind == "Pod":
            return self.others + [
                {
                    "metadata": {"name": f"on-{name}", "namespace": "x"}
                    | ({"deletionTimestamp": "now"} if name in self.deleted else {}),
                    "spec": {"nodeName": name},
                    "status": {"phase": "Running"},
                }
                for name in self.pods
            ]
        pool = there(self.pools, "web")
        nodes = [node(pool, each, "p") for each in pool.instances]
        for each in nodes:
            name = each["metadata"]["name"]
            each["spec"]["unschedulable"] = name in self.cordoned
            status = str(name not in self.unready)
            each["status"]["conditions"] = [{"type": "Ready", "status": status}]
        return nodes

    def patch(self, _: str, kind: str, name: str, body: dict) -> None:
        assert (kind, body) == ("Node", {"spec": {"unschedulable": True}})
        self.cordoned.add(name)

    def evict(self, pod: dict) -> bool:
        self.evictions.append(pod["metadata"]["name"])
        if not self.protected:
            self.deleted.add(pod["spec"]["nodeName"])
        return not self.protected


@pytest.fixture
def pools(layout: Layout) -> NodePools:
    return NodePools(layout, "gke")


@pytest.mark.parametrize(
    ("settings", "least", "most"),
    [
        ({}, 3, 4),
        ({"maxSurge": 1, "maxUnavailable": 0}, 3, 4),
        ({"maxSurge": 2, "maxUnavailable": 0}, 3, 5),
        ({"maxSurge": 0, "maxUnavailable": 1}, 3, 3),
    ],
)
def test_nodes_are_replaced_within_what_the_settings_allow(pools, settings, least, most):
    upgraded = Upgraded(pools, initial=1, **settings)

    upgraded.rounds(30)

    assert upgraded.outdated == 0
    assert (min(upgraded.sizes), max(upgraded.sizes)) == (least, most)
    assert upgraded.sizes[-1] == 3
    assert [*there(pools, "web").zones.values()] == [1, 1, 1]
    assert {each.zone for each in there(pools, "web").instances} == {*ZONES}


def test_a_node_goes_only_when_the_new_one_is_ready_and_its_pods_are_gone(pools):
    upgraded = Upgraded(pools, ZONES[0], initial=1)
    (old,) = there(pools, "web").instances
    upgraded.rounds(1)
    _, new = there(pools, "web").instances
    upgraded.unready = {new.name}
    upgraded.rounds(3)
    assert upgraded.cordoned == set()

    upgraded.unready = set()
    upgraded.protected = True
    upgraded.rounds(3)
    assert upgraded.cordoned == {old.name}
    assert len(there(pools, "web").instances) == 2

    upgraded.protected = False
    upgraded.rounds(2)
    assert there(pools, "web").instances == (new,)
    assert new.node_config["machineType"] == NEW


def test_pods_are_evicted_once_and_neither_those_of_daemon_sets_nor_those_that_are_done(pools):
    upgraded = Upgraded(pools, ZONES[0], initial=1)
    (old,) = there(pools, "web").instances
    owner = {"ownerReferences": [{"kind": "DaemonSet", "name": "agent"}]}
    upgraded.others = [
        {
            "metadata": {"name": name, "namespace": "x", **more},
            "spec": {"nodeName": old.name},
            "status": {"phase": phase},
        }
        for name, phase, more in [("agent", "Running", owner), ("done", "Failed", {})]
    ]
    upgraded.rounds(3)
    upgraded.pods.add(old.name)  # it takes its time to end
    upgraded.rounds(1)

    upgraded.rounds(3)

    assert upgraded.evictions == [f"on-{old.name}"]
    assert old not in there(pools, "web").instances


def test_a_pool_that_is_as_it_is_asked_for_is_left_alone(pools):
    upgraded = Upgraded(pools, initial=1)
    upgraded.rounds(30)
    before = there(pools, "web")

    upgraded.rounds(3)

    assert there(pools, "web") == before
