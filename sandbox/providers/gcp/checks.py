"""What Google Cloud alone would refuse: places, labels, accounts, sizes of networks."""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from components.gcp.locations import is_zone, zones_of
from sandbox.providers.checks import Check, cidr, found, matches, one_of
from sandbox.providers.plugin import Failure
from sandbox.providers.values import UNKNOWN

NAME = r"[a-z]([-a-z0-9]{0,61}[a-z0-9])?"
"""RFC 1035, which most names follow: https://cloud.google.com/compute/docs/naming-resources."""

NAMES = "https://cloud.google.com/compute/docs/naming-resources"
PLACES = "https://cloud.google.com/compute/docs/regions-zones"

_EMAIL = r"[^@\s:/]+@[\w-]+(\.[\w-]+)+"
_LABELS = "https://cloud.google.com/compute/docs/labeling-resources#requirements"
_LABEL_KEY, _LABEL = r"[^\W\dA-Z_](-|[^\WA-Z]){0,62}", r"(-|[^\WA-Z]){0,63}"
_MOST_LABELS = 64


def region(path: str) -> Check:
    """Require a region of Compute Engine; the table is the program's own, so both err together."""
    return _place(path, is_region, "region")


def zone(path: str) -> Check:
    """Require a zone of Compute Engine."""
    return _place(path, _is_zone, "zone")


def location(path: str) -> Check:
    """Require a region or a zone of Compute Engine."""
    return _place(path, lambda value: is_region(value) or _is_zone(value), "region or zone")


def node_locations(properties: Mapping[str, Any]) -> Iterator[Failure]:
    """Find what are no zones, zones of another region, and zones that are given twice."""
    place = str(properties.get("location", UNKNOWN))
    own = "-".join(place.split("-")[:2])
    given = [*found(properties, "nodeLocations.*")]
    yield from zone("nodeLocations.*")(properties)
    for index, (at, value) in enumerate(given):
        if place != UNKNOWN and not value.startswith(f"{own}-"):
            yield Failure(at, f"must be in {own}, got {value!r} ({PLACES})")
        if value in [other for _, other in given[:index]]:
            yield Failure(at, f"must be another zone than those before it, got {value!r}")


def labels(path: str) -> Check:
    """Require labels that Google Cloud takes."""

    def check(properties: Mapping[str, Any]) -> Iterator[Failure]:
        for at, given in found(properties, path):
            if len(given) > _MOST_LABELS:
                yield Failure(at, f"must be at most {_MOST_LABELS}, got {len(given)} ({_LABELS})")
            for key in given:
                if not re.fullmatch(_LABEL_KEY, key):
                    yield Failure(f"{at}.{key}", f"must be called {_LABEL_KEY} ({_LABELS})")
        yield from matches(f"{path}.*", _LABEL, _LABELS)(properties)

    return check


def service_account(path: str) -> Check:
    """Require the email address of an account, or the word for Compute Engine's own."""
    return matches(
        path, f"{_EMAIL}|default", "https://cloud.google.com/iam/docs/service-account-overview"
    )


def only_with(name: str, condition: Callable[[Mapping[str, Any]], bool], reason: str) -> Check:
    """Refuse a property, and say why, unless the others are such that it may be given."""

    def check(properties: Mapping[str, Any]) -> Iterator[Failure]:
        if properties.get(name) is not None and not condition(properties):
            yield Failure(name, reason)

    return check


def deletion_policy(docs: str) -> Check:
    """Require what a type's page says of its `deletionPolicy`, which all types have."""
    return one_of("deletionPolicy", ("ABANDON", "DELETE", "PREVENT"), docs)


def range_or_size(path: str, shortest: int, longest: int, source: str) -> Check:
    """Require an IPv4 network, or how large one is to be, such as /14; an empty one is any."""

    def check(properties: Mapping[str, Any]) -> Iterator[Failure]:
        for at, value in found(properties, path):
            size = re.fullmatch(r"/(\d+)", str(value))
            if size and not shortest <= int(size[1]) <= longest:
                yield Failure(at, f"must be a /{longest} to /{shortest}, got {value} ({source})")
            elif value and not size:
                for failure in cidr("given", shortest, longest, source)({"given": value}):
                    yield Failure(at, failure.reason)

    return check


def _place(path: str, known: Callable[[str], bool], kind: str) -> Check:
    def check(properties: Mapping[str, Any]) -> Iterator[Failure]:
        for at, value in found(properties, path):
            if not known(value):
                yield Failure(at, f"{value!r} is no {kind} of Compute Engine ({PLACES})")

    return check


def is_region(value: str) -> bool:
    """Tell whether it is a region of Compute Engine."""
    return bool(zones_of(value)) and not is_zone(value)


def _is_zone(value: str) -> bool:
    # Zones for AI are not in the table: not every project may use them.
    for_ai = re.fullmatch(r"(.+)-ai\d+[a-z]", value)
    return is_zone(value) or (for_ai is not None and is_region(for_ai[1]))
