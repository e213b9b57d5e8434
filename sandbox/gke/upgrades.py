"""Surge upgrades: nodes that have to be others are replaced, the new ones first.

As many at once as the pool's `maxSurge` and `maxUnavailable` say, in all zones together, and one
where they say none. A node's pods are evicted; where a budget keeps them, the node waits for them,
while GKE waits for an hour at most. Blue-green upgrades are made in this way too.
https://docs.cloud.google.com/kubernetes-engine/docs/concepts/node-pool-upgrade-strategies
"""

from collections.abc import Mapping, Sequence
from typing import Any

from sandbox.cluster_autoscaler.eviction import is_of_daemon_set
from sandbox.gke.node_pools import Instance, NodePool, NodePools
from sandbox.kubernetes_api import KubernetesApi, Object, items

_DONE = ("Succeeded", "Failed")


class Upgrades:
    """The upgrades of one cluster's pools; each round starts from what is there."""

    def __init__(self, pools: NodePools, api: KubernetesApi) -> None:
        self._pools, self._api = pools, api

    def reconcile(self) -> None:
        """Bring every pool a step nearer to what its inputs ask for."""
        for pool in self._pools.all():
            if outdated := [each for each in pool.instances if pool.is_outdated(each)]:
                self._step(pool, outdated)

    def _step(self, pool: NodePool, outdated: Sequence[Instance]) -> None:
        nodes = {node["metadata"]["name"]: node for node in self._api.list("v1", "Node")}
        surge, unavailable = _limits(pool)
        extra = len(pool.instances) - sum(pool.zones.values())
        leaving = [each for each in outdated if _is_cordoned(nodes.get(each.name))]
        for each in leaving:
            if self._is_empty(each.name):
                self._pools.end(pool.name, each.name, shrink=False)
        coming = [
            each
            for each in pool.instances
            if each not in outdated and not _is_ready(nodes.get(each.name))
        ]
        staying = [each for each in outdated if each not in leaving]
        if len(leaving) < max(extra, 0) + unavailable and not coming and staying:
            self._cordon(staying[0].name)
        elif extra < surge and (alone := staying[max(extra - len(leaving), 0) :]):
            self._pools.surge(pool.name, alone[0].zone)

    def _cordon(self, name: str) -> None:
        self._api.patch("v1", "Node", name, {"spec": {"unschedulable": True}})

    def _is_empty(self, name: str) -> bool:
        """Evict a node's pods; tell whether there are none."""
        pods = [
            pod
            for pod in self._api.list("v1", "Pod")
            if pod["spec"].get("nodeName") == name
            and pod["status"].get("phase") not in _DONE
            and not is_of_daemon_set(pod)
        ]
        for pod in pods:
            if "deletionTimestamp" not in pod["metadata"] and not self._api.evict(pod):
                print(f"{pod['metadata']['name']} stays: its budget is spent", flush=True)
        return not pods


def _limits(pool: NodePool) -> tuple[int, int]:
    settings: Mapping[str, Any] = pool.inputs.get("upgradeSettings") or {}
    surge, unavailable = (int(settings.get(key) or 0) for key in ("maxSurge", "maxUnavailable"))
    return surge or int(not unavailable), unavailable


def _is_cordoned(node: Object | None) -> bool:
    return node is None or bool(node["spec"].get("unschedulable"))


def _is_ready(node: Object | None) -> bool:
    conditions = items(node or {}, "status", "conditions")
    return any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)
