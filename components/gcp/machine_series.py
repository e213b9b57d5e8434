"""What the machines of a series may have: CPU platforms to choose from, and boot disks."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from components.spec import Fault

DiskType = Literal["pd-standard", "pd-balanced", "pd-ssd", "hyperdisk-balanced"]

_PD = ("pd-standard", "pd-balanced", "pd-ssd")
_NO_PD_STANDARD = ("pd-balanced", "pd-ssd", "hyperdisk-balanced")
_HYPERDISK = ("hyperdisk-balanced",)


@dataclass(frozen=True)
class _Series:
    disks: tuple[str, ...]
    cpu_platforms: tuple[str, ...] = ()
    """From the oldest on; none if they cannot be chosen."""


# https://docs.cloud.google.com/compute/docs/disks/persistent-disks#machine-types
# https://docs.cloud.google.com/compute/docs/disks/hyperdisks
# https://docs.cloud.google.com/compute/docs/cpu-platforms
_SERIES: Mapping[str, _Series] = {
    "c2": _Series(_PD, ("Intel Cascade Lake",)),
    "c2d": _Series(_PD, ("AMD Milan",)),
    "c3": _Series(_NO_PD_STANDARD, ("Intel Sapphire Rapids",)),
    "c3d": _Series(_NO_PD_STANDARD, ("AMD Genoa",)),
    "c4": _Series(_HYPERDISK, ("Intel Emerald Rapids", "Intel Granite Rapids")),
    "c4a": _Series(_HYPERDISK, ("Google Axion",)),
    "c4d": _Series(_HYPERDISK, ("AMD Turin",)),
    "e2": _Series(_PD),
    "n1": _Series(
        _PD,
        (
            "Intel Sandy Bridge",
            "Intel Ivy Bridge",
            "Intel Haswell",
            "Intel Broadwell",
            "Intel Skylake",
        ),
    ),
    "n2": _Series(_PD, ("Intel Cascade Lake", "Intel Ice Lake")),
    "n2d": _Series(_PD, ("AMD Rome", "AMD Milan")),
    "n4": _Series(_HYPERDISK, ("Intel Emerald Rapids",)),
    "n4a": _Series(_HYPERDISK, ("Google Axion",)),
    "n4d": _Series(_HYPERDISK, ("AMD Turin",)),
    "t2a": _Series(_PD, ("Ampere Altra",)),
    "t2d": _Series(_PD, ("AMD Milan",)),
}


def disk_faults(machine_type: str, disk_type: str) -> Iterator[Fault]:
    """Find a disk that machines of the type's series cannot start from."""
    name, series = _series(machine_type)
    if series is not None and disk_type not in series.disks:
        limit = f"must be {' or '.join(series.disks)}: {name} machines have no others"
        yield Fault(("disk_type",), limit, disk_type)


def cpu_platform_faults(machine_type: str, cpu_platform: str | None) -> Iterator[Fault]:
    """Find a CPU platform that machines of the type's series are not made with."""
    name, series = _series(machine_type)
    if cpu_platform is None or series is None or cpu_platform in series.cpu_platforms:
        return
    limit = f"must be left out: {name} machines have whichever there is"
    if series.cpu_platforms:
        limit = f"must be {' or '.join(series.cpu_platforms)}: {name} machines have no others"
    yield Fault(("min_cpu_platform",), limit, cpu_platform)


def _series(machine_type: str) -> tuple[str, _Series | None]:
    """Return the series of a type by name; what is in no table may be anything."""
    name = machine_type.partition("-")[0]
    name = "n1" if name == "custom" else name
    return name, _SERIES.get(name)
