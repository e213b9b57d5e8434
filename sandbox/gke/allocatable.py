"""What of a Compute Engine machine is left for pods, by GKE's own arithmetic.

https://docs.cloud.google.com/kubernetes-engine/docs/concepts/plan-node-sizes; what the kernel keeps
for itself before is Cluster Autoscaler's cluster-autoscaler/cloudprovider/gce/reserved.go.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

from sandbox.gke.machine_sizes import Size

_USUAL_PODS = 110
_EVICTION_MIB = 100
_LITTLE_MIB = 1024
_KERNEL_STEP_MIB = 3072
# Parts of memory, from the first MiB on, and what of each is reserved; the last goes on for ever.
_MEMORY = ((4096, "0.25"), (4096, "0.2"), (8192, "0.1"), (114688, "0.06"), (10**9, "0.02"))
# The same of cores, in millicores of each.
_CORES = ((1, "60"), (1, "10"), (2, "5"), (10**6, "2.5"))


@dataclass(frozen=True)
class Allocatable:
    """Capacity and allocatable resources of one machine, as a Node states them."""

    size: Size
    pods: int = _USUAL_PODS
    disk_gib: int = 100

    @property
    def capacity(self) -> Mapping[str, str]:
        """What the kernel sees of the machine."""
        return self._stated(1000 * self.size.vcpus, self._seen_mib, self.disk_gib)

    @property
    def allocatable(self) -> Mapping[str, str]:
        """What is left of it for pods."""
        memory = int(self._seen_mib - self._reserved_mib - _EVICTION_MIB)
        cpu = 1000 * (1 if self.size.shares_core else self.size.vcpus) - self._reserved_millicores
        return self._stated(cpu, max(memory, 0), self.disk_gib - self._reserved_disk_gib)

    @property
    def _seen_mib(self) -> Fraction:
        memory = self.size.memory_mib
        return memory - Fraction(memory, 64) - (80 if memory > _KERNEL_STEP_MIB else 16)

    @property
    def _reserved_mib(self) -> Fraction:
        memory = self.size.memory_mib
        return _share(memory, _MEMORY) if memory >= _LITTLE_MIB else Fraction(255)

    @property
    def _reserved_millicores(self) -> int:
        cores = 1 if self.size.shares_core else self.size.vcpus
        return int(_share(cores, _CORES)) + 400 * (self.pods > _USUAL_PODS)

    @property
    def _reserved_disk_gib(self) -> Fraction:
        """The eviction threshold, a tenth, and what the system has of the boot disk."""
        disk = Fraction(self.disk_gib)
        return disk / 10 + min(disk / 2, 6 + disk * Fraction("0.35"), Fraction(100))

    def _stated(
        self, millicores: int, memory_mib: Fraction | int, disk_gib: Fraction | int
    ) -> Mapping[str, str]:
        return {
            "cpu": f"{max(millicores, 0)}m",
            "memory": f"{int(memory_mib)}Mi",
            "pods": str(self.pods),
            "ephemeral-storage": f"{int(disk_gib)}Gi",
        }


def _share(amount: int, parts: tuple[tuple[int, str], ...]) -> Fraction:
    total = Fraction(0)
    for size, share in parts:
        total += min(max(amount, 0), size) * Fraction(share)
        amount -= size
    return total
