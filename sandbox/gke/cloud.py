"""The node pools of a stack on GKE, as commands see and disturb them."""

import time
from collections.abc import Iterator
from dataclasses import dataclass

from sandbox.errors import WRONG_USAGE, SandboxError
from sandbox.gke.node_pools import Instance, NodePool, NodePools
from sandbox.gke.shutdown import notice_seconds
from sandbox.nodes.cloud import NodeGroup, Notice


@dataclass(frozen=True)
class Gke:
    """One stack's node pools."""

    pools: NodePools
    stack: str

    def node_groups(self, ready: set[str]) -> Iterator[NodeGroup]:
        """Return the pools; `ready` are the instances whose nodes are.

        Limits of each zone are told as those of all, since what is there is told of all too.
        """
        for pool in self.pools.all():
            size = sum(pool.zones.values())
            minimum, maximum = pool.total_bounds or (size, size)
            if pool.bounds:
                minimum, maximum = (bound * len(pool.zones) for bound in pool.bounds)
            yield NodeGroup(
                pool=pool.called,
                name=pool.name,
                spot=pool.spot,
                minimum=minimum,
                maximum=maximum,
                desired=size,
                ready=sum(each.name in ready for each in pool.instances),
                short=pool.short,
                noticed=sum(each.ends is not None for each in pool.instances),
            )

    def interrupt(self, node: str, seconds: int | None) -> Notice:
        """Give a Spot node notice; its kubelet hears of it always."""
        found = {each.name: (pool, each) for pool in self.pools.all() for each in pool.instances}
        spot = sorted(name for name, (pool, each) in found.items() if _is_spot(pool, each))
        others = f"the Spot nodes are: {', '.join(spot) or 'none'}"
        if node not in found:
            raise SandboxError(f"stack {self.stack} has no node {node}; {others}", WRONG_USAGE)
        pool, instance = found[node]
        if node not in spot:
            raise SandboxError(
                f"{node} is an on-demand node, which Compute Engine does not preempt; {others}",
                WRONG_USAGE,
            )
        if instance.ends is not None:
            left = max(0.0, instance.ends - time.time())
            raise SandboxError(
                f"{node} has its notice already: it ends in {left:.0f} s", WRONG_USAGE
            )
        notice = seconds or notice_seconds(instance.node_config)
        self.pools.give_notice(pool.name, node, notice)
        return Notice(notice)

    def set_shortage(self, pool: str, *, short: bool) -> None:
        """Make a pool's Spot capacity unavailable, or available again."""
        found = {each.called: each for each in self.pools.all()}
        spot = [name for name, each in found.items() if each.spot]
        if pool not in spot:
            there = pool in found
            fault = f"pool {pool} has no Spot nodes" if there else f"there is no pool {pool}"
            raise SandboxError(
                f"{fault} in stack {self.stack}; "
                f"the pools with Spot nodes are: {', '.join(spot) or 'none'}",
                WRONG_USAGE,
            )
        self.pools.set_shortage(found[pool].name, short=short)


def _is_spot(pool: NodePool, instance: Instance) -> bool:
    kinds = ("spot", "preemptible")
    return pool.spot and any(instance.node_config.get(kind) for kind in kinds)
