"""The Nodes of a stack on GKE, and what GKE does of itself with its cluster."""

from collections.abc import Callable, Iterator, Sequence

from sandbox.cluster_autoscaler import ClusterAutoscaler
from sandbox.cluster_autoscaler.flags import Rules
from sandbox.errors import SandboxError
from sandbox.gke import autoscaling
from sandbox.gke.load_balancers import LoadBalancers
from sandbox.gke.node_pools import NodePools
from sandbox.gke.nodes import change, node
from sandbox.gke.shutdown import Shutdowns
from sandbox.gke.upgrades import Upgrades
from sandbox.kubernetes_api import KubernetesApi, Object


class ManagedNodes:
    """The instances of one cluster's node pools; none of what manages them is a pod."""

    def __init__(self, pools: NodePools, api: KubernetesApi, project: str, rules: Rules) -> None:
        self._pools, self._project = pools, project
        self._told: set[str] = set()
        self._autoscaler = ClusterAutoscaler(api, autoscaling.Zones(pools, api), rules)
        self._balancers = LoadBalancers(api)
        self._shutdowns, self._upgrades = Shutdowns(pools, api), Upgrades(pools, api)
        if rules.scale_down_unneeded_time != autoscaling.UNNEEDED_SECONDS:
            print(
                f"nodes go once they are not needed for {rules.scale_down_unneeded_time:g} s; "
                f"on GKE it takes {autoscaling.UNNEEDED_SECONDS:g} s",
                flush=True,
            )

    @property
    def goes_on(self) -> Sequence[Callable[[], None]]:
        """What to do in each round before Nodes are compared with instances."""
        return (
            self._shutdowns.reconcile,
            self._upgrades.reconcile,
            self._autoscaler.reconcile,
            self._balancers.reconcile,
        )

    def wanted(self) -> Iterator[Object]:
        """Return the Nodes that the instances register as."""
        for pool in self._pools.all():
            try:
                yield from [node(pool, each, self._project) for each in pool.instances]
            except SandboxError as error:
                self._tell(str(error))

    def change(self, present: Object, wanted: Object) -> Object | None:
        """Return the patch by which a Node has what its pool gives it since; None if it has it."""
        return change(present, wanted)

    def _tell(self, reason: str) -> None:
        if reason not in self._told:
            print(reason, flush=True)
        self._told.add(reason)
