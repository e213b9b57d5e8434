"""The stand-in for the Cluster Autoscaler: it resizes the groups of nodes that it may.

It reads its flags, the cluster and the cloud, never the program.
https://github.com/kubernetes/autoscaler/blob/master/cluster-autoscaler/FAQ.md
"""

import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from statistics import mean
from typing import NamedTuple

from sandbox.cluster_autoscaler.eviction import is_of_daemon_set, may_move
from sandbox.cluster_autoscaler.flags import Rules
from sandbox.cluster_autoscaler.node_groups import NodeGroup, NodeGroups
from sandbox.cluster_autoscaler.placement import Space, move, new_node, pack
from sandbox.kubernetes_api import KubernetesApi, Object, items, section
from sandbox.nodes import INSTANCE
from sandbox.rounds import Stopwatch

_DRAIN_SECONDS = 600.0  # --max-graceful-termination-sec
_LEAVES = {"key": "ToBeDeletedByClusterAutoscaler", "effect": "NoSchedule"}
_Room = dict[str, Space]
_STAYS = "cluster-autoscaler.kubernetes.io/scale-down-disabled"


class Growth(NamedTuple):
    """A way to make room: a group, by how many nodes, for how many pods, what share is used."""

    group: NodeGroup
    nodes: int
    pods: int
    used: float


class ClusterAutoscaler:
    """Decides anew in each round from what is there; it remembers only since when."""

    def __init__(self, api: KubernetesApi, groups: NodeGroups, rules: Rules) -> None:
        self._api, self._groups, self._rules = api, groups, rules
        self._clock = Stopwatch()
        self._retried: dict[str, float] = {}
        self._grown = float("-inf")

    def reconcile(self) -> None:
        """Let one group grow for pods without room; else take away nodes that nobody needs."""
        self._may = self._groups.found()
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
        coming = [self._new_node(each) for each in self._may for _ in range(self._awaited(each))]
        free, may = [*room.values(), *coming], self._may
        waiting = filter(self._waits, self._pods[""])
        left = [pod for pod in waiting if not any(space.takes(pod) for space in free)]
        ways = [way for group in may for way in self._ways(group, left)]
        if best := self._best(ways):
            for group, nodes in self._split(best, ways):
                self._resize(group, nodes, f"{best.pods} pods have no room")
            self._grown = time.monotonic()
        else:
            if left:
                print(f"{len(left)} pods have no room, and no group may grow for them", flush=True)
            self._shrink(may, room)

    def _awaited(self, group: NodeGroup) -> int:
        """Return how many nodes are on their way; what did not come is no longer asked for."""
        missing = group.desired - len(self._nodes.keys() & set(group.instances))
        waited = self._clock.held(f"{group.name} waits", missing > 0)
        late = waited > self._rules.max_node_provision_time
        lost = missing if late else group.refused
        if not lost:
            return max(missing, 0)
        self._retried[group.name] = (
            time.monotonic() + self._rules.initial_node_group_backoff_duration
        )
        if (spare := min(lost, self._size(group) - group.bounds[0])) > 0:
            unborn = [each for each in group.instances if each not in self._nodes]
            for instance in unborn[: spare * late]:
                group.end(instance)
            self._resize(group, -spare, f"{lost} do not come")
        return missing - lost

    def _waits(self, pod: Object) -> bool:
        expendable = pod["spec"].get("priority", 0) < self._rules.expendable_pods_priority_cutoff
        reasons = [each.get("reason") for each in items(pod, "status", "conditions")]
        return "Unschedulable" in reasons and not expendable and not is_of_daemon_set(pod)

    def _new_node(self, group: NodeGroup) -> Space:
        there = (self._nodes[each] for each in group.instances if each in self._nodes)
        return new_node(next(there, None), group.new_space, self._daemons)

    def _size(self, group: NodeGroup) -> int:
        """Return how many nodes a group is to have, with those that its bounds are of as well."""
        return sum(each.desired for each in self._may if each.bounded == group.bounded)

    def _ways(self, group: NodeGroup, left: list[Object]) -> Iterator[Growth]:
        if time.monotonic() < self._retried.get(group.name, float("-inf")):
            return
        alike = [each for each in self._may if each.balanced == group.balanced]
        room = {each.bounded: max(0, each.bounds[1] - self._size(each)) for each in alike}
        most = sum(room.values()) if room[group.bounded] else 0
        made, pods = pack(left, most, lambda: self._new_node(group))
        if made:
            used = mean(share for space in made for share in space.used.values())
            yield Growth(group, len(made), pods, used)

    def _split(self, best: Growth, ways: list[Growth]) -> Iterator[tuple[NodeGroup, int]]:
        """Share a growth among the groups that are balanced with its own, the smallest first."""
        alike = [way.group for way in ways if way.group.balanced == best.group.balanced]
        more: Counter[str] = Counter()
        for _ in range(best.nodes):
            room = [each for each in alike if each.bounds[1] - self._size(each) > more[each.name]]
            if room:  # else it is with one for which there is no way
                more[min(room, key=lambda each: each.desired + more[each.name]).name] += 1
        yield from ((group, more[group.name]) for group in alike if more[group.name])

    def _best(self, ways: list[Growth]) -> Growth | None:
        ranks: Mapping[str, Callable[[Growth], float]] = {
            "priority": lambda way: self._groups.priority(way.group),
            "least-waste": lambda way: way.used,
            "most-pods": lambda way: way.pods,
            "least-nodes": lambda way: -way.nodes,
        }
        for rank in (ranks[name] for name in self._rules.expander if ways):
            ways = [way for way in ways if rank(way) == max(map(rank, ways))]
        return next(iter(ways), None)

    def _shrink(self, may: Sequence[NodeGroup], room: _Room) -> None:
        budgets = self._api.list("policy/v1", "PodDisruptionBudget")
        rested = time.monotonic() - self._grown > self._rules.scale_down_delay_after_add
        receiving: set[str] = set()
        stay = {group.name: self._staying(group) for group in may}
        spare = {group.bounded: -group.bounds[0] for group in may}
        for group in may:
            spare[group.bounded] += len(stay[group.name])
        for group in may:
            there = stay[group.name].items()
            for instance, node in sorted(there, key=lambda one: len(self._moving(one[1]))):
                may_go = spare[group.bounded] > 0 and _name(node) not in receiving
                homes = self._homes(node, budgets, room) if may_go else None
                idle = self._clock.held(f"{instance} is idle", homes is not None)
                if homes is not None:
                    receiving |= homes
                    del room[_name(node)]
                    if rested and idle > self._rules.scale_down_unneeded_time:
                        print(f"{_name(node)} is not needed", flush=True)
                        taints = [*items(node, "spec", "taints"), _LEAVES]
                        self._api.patch("v1", "Node", _name(node), {"spec": {"taints": taints}})
                    spare[group.bounded] -= 1

    def _staying(self, group: NodeGroup) -> dict[str, Object]:
        """Return a group's nodes by instance; those that are on their way out go a step further."""
        there = {each: self._nodes[each] for each in group.instances if each in self._nodes}
        for instance, node in [*there.items()]:
            if _LEAVES["key"] in (taint["key"] for taint in items(node, "spec", "taints")):
                self._drain(group, instance, there.pop(instance))
        return there

    def _homes(self, node: Object, budgets: list[Object], room: _Room) -> set[str] | None:
        """Return which nodes would take a node's pods; None when it has to stay."""
        name, moving = _name(node), self._moving(node)
        stays = section(node, "metadata", "annotations").get(_STAYS) == "true"
        busy = max(room[name].used.values()) >= self._rules.scale_down_utilization_threshold
        keep_local = self._rules.skip_nodes_with_local_storage
        if stays or busy or not may_move(moving, budgets, keep_local=keep_local):
            return None
        return move(moving, {other: room[other] for other in room if other != name})

    def _moving(self, node: Object) -> list[Object]:
        return [pod for pod in self._pods[_name(node)] if not is_of_daemon_set(pod)]

    def _drain(self, group: NodeGroup, instance: str, node: Object) -> None:
        """Evict a node's pods, and end its instance once they are gone."""
        moving = self._moving(node)
        for pod in moving:
            if "deletionTimestamp" not in pod["metadata"] and not self._api.evict(pod):
                print(f"{_name(pod)} stays on {_name(node)}: its budget is spent", flush=True)
        if not moving:
            print(f"ending {instance}, {_name(node)}", flush=True)
            group.end(instance)
        elif self._clock.held(f"{instance} is drained", True) > _DRAIN_SECONDS:
            print(f"{_name(node)} is kept: its pods do not go", flush=True)
            for what in ("is idle", "is drained"):
                self._clock.held(f"{instance} {what}", False)
            taints = [taint for taint in items(node, "spec", "taints") if taint != _LEAVES]
            self._api.patch("v1", "Node", _name(node), {"spec": {"taints": taints}})

    def _resize(self, group: NodeGroup, by: int, reason: str) -> None:
        print(f"{group.name}: {group.desired} to {group.desired + by}, {reason}", flush=True)
        group.resize(group.desired + by)
        self._may = self._groups.found()  # what one no longer wants, another one may


def _name(node: Object) -> str:
    return node["metadata"]["name"]
