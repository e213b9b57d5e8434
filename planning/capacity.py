"""What EKS leaves of an instance for pods, and GKE of a machine."""

from collections.abc import Iterable, Mapping
from fractions import Fraction
from itertools import pairwise
from typing import NamedTuple

from planning.instance_types import InstanceType
from planning.machine_types import MachineType

# The kernel sees less than the nominal memory; Karpenter assumes this share of it.
# https://karpenter.sh/docs/reference/settings/ (VM_MEMORY_OVERHEAD_PERCENT)
_VISIBLE_MEMORY = Fraction(925, 1000)
_EVICTION_MIB = 100
_GIB = 1024  # in MiB
# What GKE keeps of memory: above so much, this share in percent. Of less than 1 GiB, a fixed sum.
_GKE_RESERVED_ABOVE = ((0, 25), (4 * _GIB, 20), (8 * _GIB, 10), (16 * _GIB, 6), (128 * _GIB, 2))
_GKE_RESERVED_OF_LITTLE_MIB = 255
_GKE_RESERVED_OF_SHARED_CORE = 1060
_GKE_USUAL_PODS, _GKE_RESERVED_FOR_MORE_PODS = 110, 400


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
    visible = int(instance.memory_mib * _VISIBLE_MEMORY)
    kept = 11 * instance.max_pods + 255 + _EVICTION_MIB
    millicores = 1000 * instance.vcpus - _reserved_millicores(instance.vcpus)
    return Resources(millicores, max(0, visible - kept), instance.max_pods)


def gke_allocatable(machine: MachineType, pods: int = _GKE_USUAL_PODS) -> Resources:
    """Return the least that a node of GKE has allocatable; memory is an estimate.

    What GKE reserves is its documentation's, which takes a few MiB more than its code does (in
    that, a GB is 1000 MiB) and than nodes of version 1.37 do. What the kernel keeps before is
    Cluster Autoscaler's (cluster-autoscaler/cloudprovider/gce/reserved.go).
    https://docs.cloud.google.com/kubernetes-engine/docs/concepts/plan-node-sizes
    """
    reserved = _reserved_millicores(machine.vcpus)
    if machine.shared_core_millicores is not None:
        reserved = _GKE_RESERVED_OF_SHARED_CORE
    if pods > _GKE_USUAL_PODS:
        reserved += _GKE_RESERVED_FOR_MORE_PODS
    memory = machine.memory_mib
    kernel = Fraction(memory, 64) + 16 + 64 * (memory > 3 * _GIB)
    left = int(memory - kernel - _gke_reserved_mib(memory) - _EVICTION_MIB)
    return Resources(max(0, 1000 * machine.vcpus - reserved), max(0, left), pods)


def _gke_reserved_mib(memory_mib: int) -> Fraction:
    if memory_mib < _GIB:
        return Fraction(_GKE_RESERVED_OF_LITTLE_MIB)
    above = [*_GKE_RESERVED_ABOVE, (memory_mib, 0)]
    return sum(
        (
            Fraction(max(0, min(memory_mib, end) - start) * percent, 100)
            for (start, percent), (end, _) in pairwise(above)
        ),
        Fraction(),
    )


def _reserved_millicores(cores: int) -> int:
    """Return the share of each core that EKS and GKE keep: from 6 % of the first to 0.25 %."""
    return 60 + 10 * (cores > 1) + 5 * min(max(cores - 2, 0), 2) + max(cores - 4, 0) * 5 // 2


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
