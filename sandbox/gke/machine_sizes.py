"""How large Compute Engine's machines are, by rule: memory goes with the vCPUs of a class.

https://docs.cloud.google.com/compute/docs/machine-resource. Which sizes there are, and which custom
ones, is for the program to check: here a name that can be read is taken at its word.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

_GIB = 1024
_ARM = ("c4a", "n4a", "t2a")
_SERIES: Mapping[str, Mapping[str, str]] = {
    "e2": {"standard": "4", "highmem": "8", "highcpu": "1"},
    "n1": {"standard": "3.75", "highmem": "6.5", "highcpu": "0.9"},
    "n2": {"standard": "4", "highmem": "8", "highcpu": "1"},
    "n2d": {"standard": "4", "highmem": "8", "highcpu": "1"},
    "t2d": {"standard": "4"},
    "t2a": {"standard": "4"},
    "n4": {"standard": "4", "highmem": "8", "highcpu": "2"},
    "c2": {"standard": "4"},
    "c2d": {"standard": "4", "highmem": "8", "highcpu": "2"},
    "c3": {"standard": "4", "highmem": "8", "highcpu": "2"},
    "c3d": {"standard": "4", "highmem": "8", "highcpu": "2"},
    "c4": {"standard": "3.75", "highmem": "7.75", "highcpu": "2"},
    "c4a": {"standard": "4", "highmem": "8", "highcpu": "2"},
    "g2": {"standard": "4"},
}
"""GiB of memory for each vCPU."""

# Where a size is not a whole GiB, or not as the rest of its class.
_ODD: Mapping[str, str] = {
    "c3d-highcpu-30": "59",
    "c3d-highcpu-60": "118",
    "c3d-highcpu-90": "177",
    "c3d-highcpu-180": "354",
    "c3d-highcpu-360": "708",
    "c4-standard-2": "7",
    "c4-highmem-2": "15",
    "n2-highmem-128": "864",
}
_SHARED: Mapping[str, int] = {"micro": 1, "small": 2, "medium": 4}
"""GiB of E2's machines with a shared core; each shows two vCPUs."""

_PREDEFINED = re.compile(r"(?P<series>\w+)-(?P<kind>\w+)-(?P<vcpus>\d+)(-lssd)?")
_CUSTOM = re.compile(r"(?:(?P<series>\w+)-)?custom-(?P<vcpus>\d+)-(?P<memory>\d+)(-ext)?")
_SHARED_CORE = re.compile(r"e2-(?:custom-)?(?P<share>micro|small|medium)(?:-(?P<memory>\d+))?")


@dataclass(frozen=True)
class Size:
    """What a machine has."""

    vcpus: int
    memory_mib: int
    architecture: str = "amd64"
    shares_core: bool = False
    """Whether it may use its vCPUs for a part of the time only."""


def size_of(machine_type: str) -> Size | None:
    """Return the size that a machine type's name stands for, or None if it stands for none."""
    if found := _SHARED_CORE.fullmatch(machine_type):
        memory = found["memory"] or _SHARED[found["share"]] * _GIB
        return Size(2, int(memory), shares_core=True)
    if found := _CUSTOM.fullmatch(machine_type):
        return Size(int(found["vcpus"]), int(found["memory"]), _architecture(found["series"]))
    found = _PREDEFINED.fullmatch(machine_type)
    share = _SERIES.get(found["series"], {}).get(found["kind"]) if found else None
    if not (found and share):
        return None
    vcpus = int(found["vcpus"])
    gib = Fraction(_ODD[machine_type]) if machine_type in _ODD else Fraction(share) * vcpus
    return Size(vcpus, round(gib * _GIB), _architecture(found["series"]))


def family_of(machine_type: str) -> str:
    """Return the series that a machine type is of, as GKE's label of a node names it."""
    return "n1" if machine_type.startswith("custom-") else machine_type.partition("-")[0]


def _architecture(series: str | None) -> str:
    return "arm64" if series in _ARM else "amd64"
