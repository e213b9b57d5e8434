"""A cluster in memory and its node pools on disk, as GKE's autoscaler sees them."""

import pytest

from sandbox.cluster_autoscaler import ClusterAutoscaler
from sandbox.gke.autoscaling import Zones, rules
from sandbox.gke.node_pools import NodePools
from sandbox.gke.nodes import node
from sandbox.tests.node_pools import there
from sandbox.tests.scaled_cluster import HeldCluster, pod


class PooledCluster(HeldCluster):
    """A cluster whose nodes are instances of node pools."""

    def __init__(self, pools: NodePools, patch: pytest.MonkeyPatch) -> None:
        super().__init__(patch)
        self.pools = pools
        self.start()

    def start(self, **times: float) -> None:
        """Start the autoscaler, again with other times."""
        self.autoscaler = ClusterAutoscaler(
            self, Zones(self.pools, self), rules(**{"unneeded_seconds": 600, **times})
        )

    def join(self, name: str) -> list[str]:
        """Let the instances of a pool become nodes; return the names of all nodes of it."""
        pool = there(self.pools, name)
        names = {each["metadata"]["name"] for each in self.held["Node"]}
        new = [node(pool, each, "p") for each in pool.instances if each.name not in names]
        self.add("Node", *new)
        return [each.name for each in pool.instances]

    def fill(self, *names: str, cpu: str = "3") -> None:
        """Put a pod that leaves no room on each node of these pools."""
        for name in (each for pool in names for each in self.join(pool)):
            self.add("Pod", pod(f"full-{name}", cpu, node=name))

    def wait(self, count: int, **spec: object) -> None:
        """Let so many pods wait, each of which needs a node of its own."""
        self.add("Pod", *(pod(f"waits-{number}", "3", **spec) for number in range(count)))

    def empty(self) -> None:
        """Let all pods go."""
        self.held["Pod"] = []


def each_zone(least: int, most: int, policy: str | None = None) -> dict:
    limits = {"minNodeCount": least, "maxNodeCount": most}
    return limits | ({"locationPolicy": policy} if policy else {})


def in_all(least: int, most: int, policy: str | None = None) -> dict:
    limits = {"totalMinNodeCount": least, "totalMaxNodeCount": most}
    return limits | ({"locationPolicy": policy} if policy else {})
