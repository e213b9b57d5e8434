"""Compute Engine's regions and their zones, as a table: regions.csv.

Each row is a region and the letters of its zones that every project may use.
https://cloud.google.com/compute/docs/regions-zones
"""

import csv
from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from functools import cache
from pathlib import Path

from components.spec import Fault

TABLE = Path(__file__).with_name("regions.csv")


def is_zone(location: str) -> bool:
    """Tell whether a location is a zone, not a region."""
    return location in _regions_of_zones()


def region_of(location: str) -> str:
    """Return the region of a zone, or the region itself."""
    return _regions_of_zones().get(location, location)


def zones_of(location: str) -> tuple[str, ...]:
    """Return the zones of a region in order, or the zone itself; none of what is neither."""
    return (location,) if is_zone(location) else _zones().get(location, ())


def location_faults(path: tuple[str | int, ...], location: str) -> Iterator[Fault]:
    """Find what is neither a region nor a zone, and say which ones have names like it."""
    if not zones_of(location):
        limit = f"must be a region or zone of Compute Engine, such as {', '.join(_near(location))}"
        yield Fault(path, limit, location)


def _near(location: str) -> Sequence[str]:
    """Return the regions whose names are nearest, or the zones of the nearest one."""
    region, _, letter = location.lower().rpartition("-")
    of_zone = len(letter) == 1
    name = region if of_zone else location.lower()
    regions = get_close_matches(name, _zones()) or ["us-central1"]
    return zones_of(regions[0]) if of_zone else regions


@cache
def _zones() -> Mapping[str, tuple[str, ...]]:
    with TABLE.open(newline="") as table:
        return {
            row["region"]: tuple(f"{row['region']}-{letter}" for letter in row["zones"].split())
            for row in csv.DictReader(table)
        }


@cache
def _regions_of_zones() -> Mapping[str, str]:
    return {zone: region for region, zones in _zones().items() for zone in zones}
