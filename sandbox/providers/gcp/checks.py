"""What Google Cloud alone would refuse: enumerations of its messages, places, labels, accounts."""

import re
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from operator import attrgetter
from typing import Any

from sandbox.providers.checks import Check, found, matches
from sandbox.providers.plugin import Failure

NAME = r"[a-z]([-a-z0-9]{0,61}[a-z0-9])?"
"""RFC 1035, which most names follow: https://cloud.google.com/compute/docs/naming-resources."""

NAMES = "https://cloud.google.com/compute/docs/naming-resources"
REGION = r"[a-z]+-[a-z]+\d+"
ZONE = rf"{REGION}-(ai\d+)?[a-z]"
PLACES = "https://cloud.google.com/compute/docs/regions-zones"

_EMAIL = r"[^@\s:/]+@[\w-]+(\.[\w-]+)+"
_LABELS = "https://cloud.google.com/compute/docs/labeling-resources#requirements"
_LABEL_KEY, _LABEL = r"[^\W\dA-Z_](-|[^\WA-Z]){0,62}", r"(-|[^\WA-Z]){0,63}"
_MOST_LABELS = 64


def one_of_enum(path: str, message: str, field: str) -> Check:
    """Require a member of the enumeration that a field of a message of GKE's API has.

    The first member, which says nothing, is none.
    """

    def check(properties: Mapping[str, Any]) -> Iterator[Failure]:
        for at, value in found(properties, path):
            if value not in (choices := _members(message, field)):
                known = ", ".join(choices)
                yield Failure(at, f"{value!r} is no {field} of {message} that GKE knows: {known}")

    return check


def location(path: str) -> Check:
    """Require what looks like a region or a zone."""
    return matches(path, f"{REGION}|{ZONE}", PLACES)


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


@cache
def _members(message: str, field: str) -> tuple[str, ...]:
    # It takes half a second, and inputs that have not changed are not checked.
    from google.cloud.container_v1 import types  # noqa: PLC0415

    enumeration: Any = attrgetter(message)(types).meta.fields[field].enum
    return tuple(member.name for member in enumeration if member.value)
