"""How large Compute Engine's machines are, by rule: memory goes with the vCPUs of a class.

https://docs.cloud.google.com/compute/docs/machine-resource. Machines with GPUs are not among them:
nodes of the sandbox have none. How much memory a custom one may have is for the program to check.
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
}
"""GiB of memory for each vCPU."""

_VCPUS: Mapping[str, str] = {
    "e2": "2 4 8 16 32",
    "n1": "1 2 4 8 16 32 64 96",
    "n2": "2 4 8 16 32 48 64 80 96 128",
    "n2d": "2 4 8 16 32 48 64 80 96 128 224",
    "t2d": "1 2 4 8 16 32 48 60",
    "t2a": "1 2 4 8 16 32 48",
    "n4": "2 4 8 16 32 48 64 80",
    "c2": "4 8 16 30 60",
    "c2d": "2 4 8 16 32 56 112",
    "c3": "4 8 22 44 88 176",
    "c3d": "4 8 16 30 60 90 180 360",
    "c4": "2 4 8 16 24 32 48 96 144 192 288",
    "c4a": "1 2 4 8 16 32 48 64 72",
}
_MOST: Mapping[str, int] = {"e2-highmem": 16, "n2-highcpu": 96, "n2d-highmem": 96}
"""The vCPUs of the largest, where it is not the series'."""

_LOCAL_SSD = ("c3-standard", "c3d-standard", "c3d-highmem", "c4-standard", "c4-highmem")
"""Which there are with local SSDs of their own."""

_CUSTOM_SERIES = (None, "e2", "n1", "n2", "n2d", "n4")
_CUSTOM_MIB = 256  # a custom machine has a multiple of it

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

_PREDEFINED = re.compile(r"(?P<series>\w+)-(?P<kind>\w+)-(?P<vcpus>\d+)(?P<lssd>-lssd)?")
_CUSTOM = re.compile(r"(?:(?P<series>\w+)-)?custom-(?P<vcpus>\d+)-(?P<memory>\d+)(-ext)?")
_SHARED_CORE = re.compile(r"e2-(custom-)?(?P<share>micro|small|medium)(?(1)-(?P<memory>\d+))")


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
        vcpus, memory = int(found["vcpus"]), int(found["memory"])
        if found["series"] not in _CUSTOM_SERIES or memory % _CUSTOM_MIB or not _counts(vcpus):
            return None
        return Size(int(found["vcpus"]), int(found["memory"]), _architecture(found["series"]))
    found = _PREDEFINED.fullmatch(machine_type)
    share = _SERIES.get(found["series"], {}).get(found["kind"]) if found else None
    if not (found and share and _is_made(found)):
        return None
    vcpus = int(found["vcpus"])
    gib = Fraction(_ODD[machine_type]) if machine_type in _ODD else Fraction(share) * vcpus
    return Size(vcpus, round(gib * _GIB), _architecture(found["series"]))


def family_of(machine_type: str) -> str:
    """Return the series that a machine type is of, as GKE's label of a node names it."""
    return "n1" if machine_type.startswith("custom-") else machine_type.partition("-")[0]


def _is_made(name: re.Match[str]) -> bool:
    series, kind, vcpus = name["series"], f"{name['series']}-{name['kind']}", name["vcpus"]
    if vcpus not in _VCPUS[series].split() or int(vcpus) > _MOST.get(kind, int(vcpus)):
        return False
    return not name["lssd"] or kind in _LOCAL_SSD


def _counts(vcpus: int) -> bool:
    """Tell whether a custom machine may have so many vCPUs."""
    return vcpus == 1 or (vcpus > 0 and vcpus % 2 == 0)


def _architecture(series: str | None) -> str:
    return "arm64" if series in _ARM else "amd64"
