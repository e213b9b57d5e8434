"""What every node gives to agents before models have their share."""

from collections.abc import Iterator
from dataclasses import dataclass

from components.kubernetes.quantities import parse_quantity
from components.kubernetes.resources import Quantity
from components.spec import Fault, Spec, rule


@dataclass(frozen=True, kw_only=True)
class DaemonSetRequests(Spec):
    """What the DaemonSets of a node request together: an estimate, to be raised with their number.

    The default has room for the VPC CNI with its network policy agent (50m), kube-proxy (100m),
    the Pod Identity agent (nothing) and a termination handler (50m, 64Mi). What else may run on
    the nodes of models, such as CoreDNS in a pool without taints, has no share of its own.
    """

    cpu: Quantity = "200m"
    memory: Quantity = "256Mi"
    pods: int = 4

    @rule
    def _quantities_are_quantities(self) -> Iterator[Fault]:
        for name in ("cpu", "memory"):
            try:
                parse_quantity(getattr(self, name))
            except ValueError:
                limit = "must be a quantity, such as 0, 500m or 2Gi"
                yield Fault((name,), limit, getattr(self, name))

    @rule
    def _pods_are_counted(self) -> Iterator[Fault]:
        if self.pods < 0:
            yield Fault(("pods",), "must be 0 or more", self.pods)


@dataclass(frozen=True, kw_only=True)
class GkeDaemonSetRequests(DaemonSetRequests):
    """The same of a node of GKE, whose agents take more: its network, logs, metrics, identity.

    The default has room for what was measured on a GKE Standard cluster with network policies,
    Workload Identity and managed Prometheus: more than 840m of CPU on each node, the cluster's own
    Deployments among it.
    """

    cpu: Quantity = "850m"
    memory: Quantity = "600Mi"
    pods: int = 16
