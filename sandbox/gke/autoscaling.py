"""GKE's managed autoscaler: the stand-in of the Cluster Autoscaler, on node pools.

Each zone of a pool is a group of its own. Limits of each zone are that group's bounds, limits of
all zones are those of all groups of the pool together.
https://docs.cloud.google.com/kubernetes-engine/docs/concepts/cluster-autoscaler

Left out: prices beyond that Spot VMs are the cheaper ones, node auto-provisioning, and the active
migration of a ComputeClass, which moves pods back when a better pool has capacity again.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sandbox.cluster_autoscaler.flags import Rules
from sandbox.cluster_autoscaler.node_groups import NodeGroup
from sandbox.cluster_autoscaler.placement import Space, amounts
from sandbox.gke.node_pools import NodePool, NodePools
from sandbox.gke.nodes import new_labels, resources_of, taints_of
from sandbox.kubernetes_api import ApiError, KubernetesApi, items

UNNEEDED_SECONDS = 600.0
"""For so long a node is not needed before GKE takes it away."""

SANDBOX_UNNEEDED_SECONDS = 60.0
"""The same in the sandbox, where one wants to see it happen."""

BACK_OFF_SECONDS = Rules.initial_node_group_backoff_duration
"""After so long a zone that had no capacity is tried again. GKE tells no time of its own."""

COMPUTE_CLASS = "cloud.google.com/compute-class"
"""The label of a node, and of a pod's selector, that names a ComputeClass."""


def rules(
    unneeded_seconds: float = SANDBOX_UNNEEDED_SECONDS, back_off_seconds: float = BACK_OFF_SECONDS
) -> Rules:
    """Return how GKE's autoscaler decides, with other times for what one wants to see happen."""
    return Rules(
        expander=("priority", "least-waste"),
        initial_node_group_backoff_duration=back_off_seconds,
        scale_down_unneeded_time=unneeded_seconds,
        scale_down_delay_after_add=unneeded_seconds,
        # Since 1.22 an emptyDir keeps no node.
        skip_nodes_with_local_storage=False,
    )


@dataclass(frozen=True)
class Zone:
    """The instance group of one zone of a pool."""

    pools: NodePools
    pool: NodePool
    zone: str

    @property
    def name(self) -> str:
        """The name of the managed instance group."""
        return self.pool.group(self.zone)

    @property
    def bounded(self) -> str:
        """Its own name, or that of the pool where the limits are of all zones."""
        return self.name if self.pool.bounds else self.pool.name

    @property
    def balanced(self) -> str:
        """The name of the pool, unless its location policy is ANY."""
        return self.pool.name if self.pool.balances else self.name

    @property
    def bounds(self) -> tuple[int, int]:
        """The limits of the zone, or of all zones; none is taken away during an upgrade."""
        least, most = self.pool.bounds or self.pool.total_bounds or (0, 0)
        there = self.instances if self.pool.bounds else self.pool.instances
        return least if self.pool.is_current else max(least, len(there)), most

    @property
    def desired(self) -> int:
        """How many instances the zone is to have."""
        return self.pool.zones[self.zone]

    @property
    def instances(self) -> Sequence[str]:
        """The names of those that it has and that were not told to end."""
        return [each.name for each in self.pool.of_zone(self.zone) if each.ends is None]

    @property
    def refused(self) -> int:
        """How many Spot VMs there is no capacity for."""
        lacking = self.desired - len(self.pool.of_zone(self.zone))
        return max(lacking, 0) if self.pool.short and self.pool.spot else 0

    def new_space(self) -> Space:
        """Return the space of a node as the pool's configuration makes it."""
        resources = resources_of(self.pool, self.pool.node_config)
        whole = amounts(resources.allocatable)
        labels = new_labels(self.pool, self.zone)
        return Space(labels, taints_of(self.pool), whole, whole.copy())

    def resize(self, size: int) -> None:
        """Let the zone have so many instances."""
        self.pools.resize(self.pool.name, self.zone, size)

    def end(self, instance: str) -> None:
        """End an instance, and have one less from now on."""
        self.pools.end(self.pool.name, instance, shrink=True)


class Zones:
    """The zones of all pools that are autoscaled, and the order in which they are tried."""

    def __init__(self, pools: NodePools, api: KubernetesApi) -> None:
        self._pools, self._api = pools, api

    def found(self) -> Sequence[Zone]:
        """Return those that may be resized: of a ComputeClass's pools only those that it lists."""
        self._classes = {each["metadata"]["name"]: each for each in self._listed()}
        return [
            Zone(self._pools, pool, zone)
            for pool in self._pools.all()
            if pool.is_autoscaled and self._rank(pool) is not None
            for zone in pool.zones
        ]

    def priority(self, group: NodeGroup) -> float:
        """Return the place of a pool in its ComputeClass; without one, Spot VMs come first."""
        return self._rank(group.pool) or 0.0 if isinstance(group, Zone) else 0.0

    def _rank(self, pool: NodePool) -> float | None:
        labels: Mapping[str, str] = pool.node_config.get("labels") or {}
        name = labels.get(COMPUTE_CLASS)
        if name is None:
            return 0.0 if pool.spot else -1.0
        rules = items(self._classes.get(name, {}), "spec", "priorities")
        places = [n for n, rule in enumerate(rules) if pool.name in (rule.get("nodepools") or ())]
        return -float(places[0]) if places else None

    def _listed(self) -> list[dict[str, Any]]:
        try:
            return self._api.list("cloud.google.com/v1", "ComputeClass")
        except ApiError as error:
            if error.reason != "UnknownKind":
                raise
            return []
