"""The stand-in for the Cluster Autoscaler: it resizes the groups whose tags say that it may.

It reads its flags, the cluster and Auto Scaling, never the program. It does not balance similar
groups, and learns only from its provision timeout that launches fail.
https://github.com/kubernetes/autoscaler/blob/master/cluster-autoscaler/FAQ.md
"""

import re
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from statistics import mean
from typing import NamedTuple

import yaml

from sandbox.cluster_autoscaler.eviction import is_of_daemon_set, may_move
from sandbox.cluster_autoscaler.flags import Flags
from sandbox.cluster_autoscaler.placement import Space, move, new_node, pack
from sandbox.kubernetes_api import KubernetesApi, Object, items, section
from sandbox.nodes import INSTANCE
from sandbox.nodes.groups import Group, groups
from sandbox.providers.aws.account import Account
from sandbox.providers.charts import PRIORITIES
from sandbox.rounds import Stopwatch

_BACK_OFF_SECONDS = 300.0  # --initial-node-group-backoff-duration
_DRAIN_SECONDS = 600.0  # --max-graceful-termination-sec
_LEAVES = {"key": "ToBeDeletedByClusterAutoscaler", "effect": "NoSchedule"}
_Room = dict[str, Space]
_STAYS = "cluster-autoscaler.kubernetes.io/scale-down-disabled"


class Growth(NamedTuple):
    """A way to make room: a group, by how many nodes, for how many pods, what share is used."""

    group: Group
    nodes: int
    pods: int
    used: float


class ClusterAutoscaler:
    """Decides anew in each round from what is there; it remembers only since when."""

    def __init__(self, api: KubernetesApi, account: Account, flags: Flags) -> None:
        self._api, self._account, self._flags = api, account, flags
        self._scaling = account.client("autoscaling")
        self._clock = Stopwatch()
        self._failed: dict[str, float] = {}
        self._grown = float("-inf")

    def reconcile(self) -> None:
        """Let one group grow for pods without room; else take away nodes that nobody needs."""
        found = groups(self._account, self._api.server)
        may = [group for group in found if self._flags.tags <= group.tags.keys()]
        self._daemons = self._api.list("apps/v1", "DaemonSet")
        self._nodes = {
            section(node, "metadata", "annotations").get(INSTANCE, _name(node)): node
            for node in self._api.list("v1", "Node")
        }
        self._pods: dict[str, list[Object]] = defaultdict(list)
        for pod in self._api.list("v1", "Pod"):
            if pod["status"]["phase"] in ("Pending", "Running"):
                self._pods[pod["spec"].get("nodeName", "")].append(pod)
        room = {_name(n): Space.of(n, self._pods[_name(n)]) for n in self._nodes.values()}
        coming = (self._new_node(group) for group in may for _ in range(self._awaited(group)))
        free = [*room.values(), *coming]
        waiting = filter(self._waits, self._pods[""])
        left = [pod for pod in waiting if not any(space.takes(pod) for space in free)]
        if best := self._best([way for group in may for way in self._ways(group, left)]):
            self._resize(best.group, best.nodes, f"{best.pods} pods have no room")
            self._grown = time.monotonic()
        else:
            if left:
                print(f"{len(left)} pods have no room, and no group may grow for them", flush=True)
            self._shrink(may, room)

    def _awaited(self, group: Group) -> int:
        """Return how many nodes are on their way; what did not come is no longer asked for."""
        missing = group.desired - len(self._nodes.keys() & set(group.instances))
        waited = self._clock.held(f"{group.name} waits", missing > 0)
        if waited <= self._flags.max_node_provision_time:
            return max(missing, 0)
        self._failed[group.name] = time.monotonic()
        if spare := min(missing, group.desired - group.bounds[0]):
            for instance in [each for each in group.instances if each not in self._nodes][:spare]:
                self._end(instance)
            self._resize(group, -spare, f"{missing} do not come")
        return 0

    def _waits(self, pod: Object) -> bool:
        expendable = pod["spec"].get("priority", 0) < self._flags.expendable_pods_priority_cutoff
        reasons = [each.get("reason") for each in items(pod, "status", "conditions")]
        return "Unschedulable" in reasons and not expendable and not is_of_daemon_set(pod)

    def _new_node(self, group: Group) -> Space:
        there = (self._nodes[each] for each in group.instances if each in self._nodes)
        return new_node(self._account, group, next(there, None), self._daemons)

    def _ways(self, group: Group, left: list[Object]) -> Iterator[Growth]:
        if time.monotonic() < self._failed.get(group.name, float("-inf")) + _BACK_OFF_SECONDS:
            return
        made, pods = pack(left, group.bounds[1] - group.desired, lambda: self._new_node(group))
        if made:
            used = mean(share for space in made for share in space.used.values())
            yield Growth(group, len(made), pods, used)

    def _best(self, ways: list[Growth]) -> Growth | None:
        ranks: Mapping[str, Callable[[Growth], float]] = {
            "priority": self._priority,
            "least-waste": lambda way: way.used,
            "most-pods": lambda way: way.pods,
            "least-nodes": lambda way: -way.nodes,
        }
        for rank in (ranks[name] for name in self._flags.expander if ways):
            ways = [way for way in ways if rank(way) == max(map(rank, ways))]
        return next(iter(ways), None)

    def _priority(self, way: Growth) -> float:
        held = self._api.get("v1", "ConfigMap", PRIORITIES, self._flags.namespace)
        names: dict[int, list[str]] = yaml.safe_load(held["data"]["priorities"])
        found = [rank for rank in names if any(re.search(n, way.group.name) for n in names[rank])]
        return max(found, default=0)

    def _shrink(self, may: list[Group], room: _Room) -> None:
        budgets = self._api.list("policy/v1", "PodDisruptionBudget")
        rested = time.monotonic() - self._grown > self._flags.scale_down_delay_after_add
        receiving: set[str] = set()
        for group in may:
            there = {each: self._nodes[each] for each in group.instances if each in self._nodes}
            for instance, node in [*there.items()]:
                if _LEAVES["key"] in (taint["key"] for taint in items(node, "spec", "taints")):
                    self._drain(instance, there.pop(instance))
            spare = len(there) - group.bounds[0]
            for instance, node in sorted(there.items(), key=lambda one: len(self._moving(one[1]))):
                may_go = spare > 0 and _name(node) not in receiving
                homes = self._homes(node, budgets, room) if may_go else None
                idle = self._clock.held(f"{instance} is idle", homes is not None)
                if homes is not None:
                    receiving |= homes
                    del room[_name(node)]
                    if rested and idle > self._flags.scale_down_unneeded_time:
                        print(f"{_name(node)} is not needed", flush=True)
                        taints = [*items(node, "spec", "taints"), _LEAVES]
                        self._api.patch("v1", "Node", _name(node), {"spec": {"taints": taints}})
                    spare -= 1

    def _homes(self, node: Object, budgets: list[Object], room: _Room) -> set[str] | None:
        """Return which nodes would take a node's pods; None when it has to stay."""
        name, moving = _name(node), self._moving(node)
        stays = section(node, "metadata", "annotations").get(_STAYS) == "true"
        busy = max(room[name].used.values()) >= self._flags.scale_down_utilization_threshold
        keep_local = self._flags.skip_nodes_with_local_storage
        if stays or busy or not may_move(moving, budgets, keep_local=keep_local):
            return None
        return move(moving, {other: room[other] for other in room if other != name})

    def _moving(self, node: Object) -> list[Object]:
        return [pod for pod in self._pods[_name(node)] if not is_of_daemon_set(pod)]

    def _drain(self, instance: str, node: Object) -> None:
        """Evict a node's pods, and end its instance once they are gone."""
        moving = self._moving(node)
        for pod in moving:
            if "deletionTimestamp" not in pod["metadata"] and not self._api.evict(pod):
                print(f"{_name(pod)} stays on {_name(node)}: its budget is spent", flush=True)
        if not moving:
            print(f"ending {instance}, {_name(node)}", flush=True)
            self._end(instance)
        elif self._clock.held(f"{instance} is drained", True) > _DRAIN_SECONDS:
            print(f"{_name(node)} is kept: its pods do not go", flush=True)
            for what in ("is idle", "is drained"):
                self._clock.held(f"{instance} {what}", False)
            taints = [taint for taint in items(node, "spec", "taints") if taint != _LEAVES]
            self._api.patch("v1", "Node", _name(node), {"spec": {"taints": taints}})

    def _end(self, instance: str) -> None:
        self._scaling.terminate_instance_in_auto_scaling_group(
            InstanceId=instance, ShouldDecrementDesiredCapacity=True
        )

    def _resize(self, group: Group, by: int, reason: str) -> None:
        print(f"{group.name}: {group.desired} to {group.desired + by}, {reason}", flush=True)
        self._scaling.set_desired_capacity(
            AutoScalingGroupName=group.name, DesiredCapacity=group.desired + by
        )


def _name(node: Object) -> str:
    return node["metadata"]["name"]
