"""What EKS leaves of an instance for pods."""

from collections.abc import Iterable, Mapping
from fractions import Fraction
from typing import NamedTuple

from planning.instance_types import InstanceType

# The kernel sees less than the nominal memory; Karpenter assumes this share of it.
# https://karpenter.sh/docs/reference/settings/ (VM_MEMORY_OVERHEAD_PERCENT)
_VISIBLE_MEMORY = Fraction(925, 1000)
_EVICTION_MIB = 100


class Resources(NamedTuple):
    """What a node has to give, or what pods take of it."""

    millicores: int
    memory_mib: int
    pods: int = 1

    def without(self, taken: "Resources", times: int = 1) -> "Resources":
        """Return what is left: nothing of what is taken in full."""
        return Resources(
            *(max(0, have - times * take) for have, take in zip(self, taken, strict=True))
        )

    def holds(self, pod: "Resources") -> int:
        """Return how many such pods fit: the fewest that CPU, memory or pod slots let in."""
        return min(have // take for have, take in zip(self, pod, strict=True) if take)

    @property
    def quantities(self) -> Mapping[str, str]:
        """The same as Kubernetes writes it."""
        return {
            "cpu": f"{self.millicores}m",
            "memory": f"{self.memory_mib}Mi",
            "pods": str(self.pods),
        }

    def scarcest(self, pod: "Resources") -> str:
        """Return what keeps one pod more out, as text."""
        fitting = self.holds(pod)
        if self.millicores < (fitting + 1) * pod.millicores:
            return f"{self.millicores}m CPU, a pod {pod.millicores}m"
        if self.memory_mib < (fitting + 1) * pod.memory_mib:
            return f"{self.memory_mib}Mi, a pod {pod.memory_mib}Mi"
        return f"{self.pods} pods a node"


def allocatable(instance: InstanceType) -> Resources:
    """Return a node's allocatable resources on Amazon Linux 2023; memory is an estimate.

    The arithmetic is nodeadm's (internal/kubelet/config.go of awslabs/amazon-eks-ami): a share of
    each core that falls from 6 % of the first to 0.25 % of the fifth and on, 11 MiB for each pod
    that the network could give an address to and 255 MiB, and what kubelet evicts pods for.
    """
    cores = instance.vcpus
    reserved = 60 + 10 * (cores > 1) + 5 * min(max(cores - 2, 0), 2) + max(cores - 4, 0) * 5 // 2
    visible = int(instance.memory_mib * _VISIBLE_MEMORY)
    kept = 11 * instance.max_pods + 255 + _EVICTION_MIB
    return Resources(1000 * cores - reserved, max(0, visible - kept), instance.max_pods)


def node_capacity(instances: Iterable[InstanceType]) -> Resources:
    """Return what every node of a pool has at least, whichever of the types (one or more) it is."""
    each = [allocatable(instance) for instance in instances]
    return Resources(
        min(node.millicores for node in each),
        min(node.memory_mib for node in each),
        min(node.pods for node in each),
    )


def spot_vcpus(pools: Iterable[tuple[Iterable[InstanceType], int]]) -> int:
    """Return the vCPUs of Spot quota that pools reach at their maximum number of nodes.

    A quota counts vCPUs, and a pool may come to be of its largest type alone.
    https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/using-spot-limits.html
    """
    return sum(max(each.vcpus for each in instances) * nodes for instances, nodes in pools)
