"""Many rounds of load, nodes and pods: no process of the sandbox grows with them."""

from collections.abc import Iterator
from typing import NamedTuple

import pytest

from sandbox.kubernetes_api import Object, items, section
from sandbox.load import Load, is_ready
from sandbox.nodes.groups import groups
from sandbox.processes import Processes
from sandbox.providers.aws.account import Account
from tests.sandbox.conftest import Environment, until

MODEL = "half-plus-two"
_MIB = 2**20
# For Python's processes, which are the sandbox's own: what they need for one request varies.
_TOLERANCE = 4 * _MIB
# For those of others, which are Go's: its collector lets a heap grow before it sets in. And the API
# server and etcd remember: all changes for five minutes, events for an hour.
_TOLERANCES = {
    "etcd": 40 * _MIB,
    "kube-apiserver": 80 * _MIB,
    "kube-controller-manager": 20 * _MIB,
    "kube-scheduler": 20 * _MIB,
    "kwok": 10 * _MIB,
    "aws-node-termination-handler": 10 * _MIB,
}
_ROUNDS = 20
_FILES = 2
"""Connections that may be open by chance."""


class Size(NamedTuple):
    """What a process has of the machine."""

    memory: int
    files: int


class Fleet:
    """The model's one pod, and the Spot nodes of which there is one or four."""

    def __init__(self, environment: Environment, account: Account) -> None:
        self._environment = environment
        self._api = environment.api
        self._scaling = account.client("autoscaling")
        self._load = Load(environment.layout, environment.stack)
        (self._group,) = [g for g in groups(account, self._api.server) if g.has_spot]

    def go_round(self) -> None:
        """Have load and nodes come, then go again; the pod has to move."""
        before = {pod["metadata"]["uid"] for pod in self._pods()}
        self._load.offer(MODEL, 1)
        self._resize(4)
        assert until(lambda: len(self._nodes()) == 4)
        assert until(lambda: self._utilization() == 50)

        self._load.offer(MODEL, 0)
        self._resize(1)
        assert until(lambda: len(self._nodes()) == 1 or self._end_pods())
        assert until(lambda: self._utilization() == 0)
        (pod,) = self._pods()
        assert is_ready(pod)
        assert pod["metadata"]["uid"] not in before

    def sizes(self) -> dict[tuple[str, int], Size]:
        """Return how large each process is, by its name and id."""
        parts = Processes(self._environment.layout).recorded()
        found = {(part.name, part.pid): part.process for part in parts}
        assert self._environment.processes() == {pid for _, pid in found}
        return {
            key: Size(process.memory_info().rss, process.num_fds())
            for key, process in found.items()
            if process
        }

    def restore(self) -> None:
        """Give the group its bounds back."""
        maximum = self._group.bounds[1]
        self._scaling.update_auto_scaling_group(
            AutoScalingGroupName=self._group.name, MaxSize=maximum
        )

    def _resize(self, nodes: int) -> None:
        self._scaling.update_auto_scaling_group(
            AutoScalingGroupName=self._group.name, MaxSize=4, DesiredCapacity=nodes
        )

    def _nodes(self) -> list[Object]:
        return [node for node in self._environment.nodes(intent="apps") if is_ready(node)]

    def _pods(self) -> list[Object]:
        return self._environment.pods(MODEL)

    def _utilization(self) -> int | None:
        """Return what the autoscaler of pods has seen last; None while no pod is measured."""
        scaler = self._api.get("autoscaling/v2", "HorizontalPodAutoscaler", MODEL, "serving")
        metric = next(iter(items(scaler, "status", "currentMetrics")), {})
        return section(metric, "resource", "current").get("averageUtilization")

    def _end_pods(self) -> None:
        """End at once the pods that were evicted: their grace period is most of a round."""
        for pod in self._pods():
            name, namespace = pod["metadata"]["name"], pod["metadata"]["namespace"]
            if "deletionTimestamp" in pod["metadata"]:
                self._api.delete("v1", "Pod", name, namespace, grace_seconds=0)


@pytest.fixture
def fleet(dev: Environment, account: Account) -> Iterator[Fleet]:
    fleet = Fleet(dev, account)
    yield fleet
    fleet.restore()


@pytest.mark.slow
def test_no_process_grows_when_nodes_come_and_go(fleet):
    fleet.go_round()
    before = fleet.sizes()

    for _ in range(_ROUNDS):
        fleet.go_round()

    def grown() -> dict[str, tuple[Size, Size]]:
        after = fleet.sizes()
        assert after.keys() == before.keys()  # one that was started anew would look small
        return {
            name: (old, new)
            for (name, pid), old in before.items()
            for new in [after[name, pid]]
            if new.memory > old.memory + _TOLERANCES.get(name.removeprefix("dev-"), _TOLERANCE)
            or new.files > old.files + _FILES
        }

    # Memory and connections that nobody needs any more are given back after a while.
    until(lambda: not grown())
    assert not grown()
