"""Compute Engine's machine types: a table, machine_types.csv, and the rules of custom sizes.

- Sizes are what the pages of the machine families said in 2026.
  https://docs.cloud.google.com/compute/docs/general-purpose-machines
  https://docs.cloud.google.com/compute/docs/compute-optimized-machines
- Of their series, those for Intel and AMD that GKE makes nodes of; no bare metal, and no shared
  core of N1. `gcloud compute machine-types list` has what a row more needs.
"""

import csv
import re
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

TABLE = Path(__file__).with_suffix(".csv")

_MIB = 1024  # of a GiB
_MEMORY_STEP_MIB = 256
_CUSTOM = re.compile(
    r"(?:(?P<series>[a-z0-9]+)-)?custom-(?P<vcpus>[0-9]{1,3})-(?P<memory>[0-9]{1,8})"
    r"(?P<extended>-ext)?"
)
_CUSTOM_SHARED_CORE = re.compile(r"e2-custom-(?P<share>micro|small|medium)-(?P<memory>[0-9]{1,8})")


@dataclass(frozen=True, kw_only=True)
class MachineType:
    """How large a machine is, and how much CPU time one with a shared core has for good."""

    name: str
    vcpus: int
    memory_mib: int
    shared_core_millicores: int | None = None


@dataclass(frozen=True, kw_only=True)
class _CustomSizes:
    """Which custom machines a series has: their vCPUs, the memory of each, and of all of them."""

    vcpus: Container[int]
    least_mib: int
    most_mib: int
    in_all_mib: int
    extended: bool = True
    """Whether the memory may be more than the vCPUs bring along."""

    def admit(self, vcpus: int, memory_mib: int, *, extended: bool) -> bool:
        if vcpus not in self.vcpus or (extended and not self.extended):
            return False
        most = self.in_all_mib if extended else min(vcpus * self.most_mib, self.in_all_mib)
        return vcpus * self.least_mib <= memory_mib <= most and _is_whole(memory_mib)


# https://docs.cloud.google.com/compute/docs/general-purpose-machines#custom_machine_types
# https://docs.cloud.google.com/compute/docs/samples/compute-custom-machine-type-helper-class
_CUSTOM_SIZES: Mapping[str, _CustomSizes] = {
    "e2": _CustomSizes(
        vcpus=range(2, 33, 2),
        least_mib=512,
        most_mib=8 * _MIB,
        in_all_mib=128 * _MIB,
        extended=False,
    ),
    "n1": _CustomSizes(
        vcpus={1, *range(2, 97, 2)}, least_mib=922, most_mib=6656, in_all_mib=624 * _MIB
    ),
    "n2": _CustomSizes(
        vcpus={*range(2, 33, 2), *range(36, 129, 4)},
        least_mib=512,
        most_mib=8 * _MIB,
        in_all_mib=864 * _MIB,
    ),
    "n2d": _CustomSizes(
        vcpus={2, 4, 8, *range(16, 97, 16)},
        least_mib=512,
        most_mib=8 * _MIB,
        in_all_mib=768 * _MIB,
    ),
    "n4": _CustomSizes(
        vcpus=range(2, 81, 2), least_mib=2 * _MIB, most_mib=8 * _MIB, in_all_mib=640 * _MIB
    ),
}
# The least memory; the most is twice as much.
_SHARED_CORE_LEAST_MIB: Mapping[str, int] = {
    "micro": 1 * _MIB,
    "small": 2 * _MIB,
    "medium": 4 * _MIB,
}


def machine_type(name: str) -> MachineType | None:
    """Return the type of this name, predefined or custom, if Compute Engine has it."""
    return _machine_types().get(name) or _custom(name) or _custom_shared_core(name)


def known_machine_types() -> Sequence[str]:
    """Return the names of the predefined types, series by series and by size."""
    return [*_machine_types()]


@cache
def _machine_types() -> Mapping[str, MachineType]:
    with TABLE.open(newline="") as table:
        return {row["type"]: _machine_type(row) for row in csv.DictReader(table)}


def _machine_type(row: Mapping[str, str]) -> MachineType:
    shared = row["shared_core_millicores"]
    return MachineType(
        name=row["type"],
        vcpus=int(row["vcpus"]),
        memory_mib=int(row["memory_mib"]),
        shared_core_millicores=int(shared) if shared else None,
    )


def _custom(name: str) -> MachineType | None:
    if not (found := _CUSTOM.fullmatch(name)):
        return None
    sizes = _CUSTOM_SIZES.get(found["series"] or "n1")
    vcpus, memory_mib = int(found["vcpus"]), int(found["memory"])
    if sizes is None or not sizes.admit(vcpus, memory_mib, extended=bool(found["extended"])):
        return None
    return MachineType(name=name, vcpus=vcpus, memory_mib=memory_mib)


def _custom_shared_core(name: str) -> MachineType | None:
    if not (found := _CUSTOM_SHARED_CORE.fullmatch(name)):
        return None
    least, memory_mib = _SHARED_CORE_LEAST_MIB[found["share"]], int(found["memory"])
    if not (least <= memory_mib <= 2 * least and _is_whole(memory_mib)):
        return None
    predefined = _machine_types()[f"e2-{found['share']}"]
    return MachineType(
        name=name,
        vcpus=predefined.vcpus,
        memory_mib=memory_mib,
        shared_core_millicores=predefined.shared_core_millicores,
    )


def _is_whole(memory_mib: int) -> bool:
    return memory_mib % _MEMORY_STEP_MIB == 0
