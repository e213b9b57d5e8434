"""What of an EC2 instance is left for pods on AL2023, by EKS's own arithmetic.

Source: nodeadm/internal/kubelet/config.go and eni_max_pods.go of awslabs/amazon-eks-ami; the
share of memory that the kernel sees is Karpenter's assumption.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from sandbox.providers.aws.account import Account

_DISK_GIB = 20  # the root disk of EKS's AMIs when a launch template names none
_VISIBLE_MEMORY = 0.925
_EVICTION_MIB = 100
_EVICTION_DISK = 0.1
_ARCHITECTURES: Mapping[str, str] = {"x86_64": "amd64", "arm64": "arm64"}


@dataclass(frozen=True)
class Allocatable:
    """Capacity and allocatable resources of one instance type, as a Node states them."""

    architecture: str
    millicores: int
    memory_mib: int
    pods: int
    disk_gib: int

    @classmethod
    def of(cls, described: Mapping[str, Any], disk_gib: int) -> "Allocatable":
        """Compute it from what EC2's DescribeInstanceTypes says of a type, and its root disk."""
        network = described["NetworkInfo"]
        interfaces, addresses = (
            network["MaximumNetworkInterfaces"],
            network["Ipv4AddressesPerInterface"],
        )
        return cls(
            architecture=_ARCHITECTURES[described["ProcessorInfo"]["SupportedArchitectures"][-1]],
            millicores=described["VCpuInfo"]["DefaultVCpus"] * 1000,
            memory_mib=int(described["MemoryInfo"]["SizeInMiB"] * _VISIBLE_MEMORY),
            pods=interfaces * (addresses - 1) + 2,
            disk_gib=disk_gib,
        )

    @property
    def capacity(self) -> Mapping[str, str]:
        """What the machine has."""
        return self._stated(self.millicores, self.memory_mib, self.disk_gib)

    @property
    def allocatable(self) -> Mapping[str, str]:
        """What is left of it for pods."""
        reserved_mib = 11 * self.pods + 255
        return self._stated(
            self.millicores - self._reserved_millicores(),
            self.memory_mib - reserved_mib - _EVICTION_MIB,
            int(self.disk_gib * (1 - _EVICTION_DISK)) - 1,
        )

    def _stated(self, millicores: int, memory_mib: int, disk_gib: int) -> Mapping[str, str]:
        return {
            "cpu": f"{millicores}m",
            "memory": f"{memory_mib}Mi",
            "pods": str(self.pods),
            "ephemeral-storage": f"{disk_gib}Gi",
        }

    def _reserved_millicores(self) -> int:
        """6 % of the first core, 1 % of the second, 0.5 % of two more, 0.25 % of the rest."""
        cores = self.millicores // 1000
        per_mille = (
            60.0 + 10 * (cores > 1) + 5 * min(max(cores - 2, 0), 2) + 2.5 * max(cores - 4, 0)
        )
        return int(per_mille)


@cache
def describe_type(account: Account, name: str) -> Mapping[str, Any]:
    """Return what EC2 says of an instance type."""
    found = account.client("ec2").describe_instance_types(InstanceTypes=[name])
    return found["InstanceTypes"][0]


def disk_gib(template: Mapping[str, Any]) -> int:
    """Return the size of the root disk that a launch template's data asks for."""
    disks = [mapping.get("Ebs", {}) for mapping in template.get("BlockDeviceMappings", [])]
    return next((disk["VolumeSize"] for disk in disks if "VolumeSize" in disk), _DISK_GIB)
