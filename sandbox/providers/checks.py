"""What a cloud would refuse and no SDK type says: ranges, patterns, choices, what goes together."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from ipaddress import IPv4Network, ip_network
from typing import Any

from sandbox.providers.plugin import Failure
from sandbox.providers.values import UNKNOWN, is_list, is_mapping

Check = Callable[[Mapping[str, Any]], Iterator[Failure]]
"""Looks at a resource's properties and yields what is wrong with them."""


def one_of(path: str, choices: Sequence[str], source: str) -> Check:
    """Require one of some values; `source` is where the cloud lists them."""

    def check(properties: Mapping[str, Any]) -> Iterator[Failure]:
        for at, value in found(properties, path):
            if value not in choices:
                yield Failure(at, f"{value!r} is none of {', '.join(choices)} ({source})")

    return check


def between(path: str, low: int, high: int, source: str) -> Check:
    """Require a number within an inclusive range."""

    def check(properties: Mapping[str, Any]) -> Iterator[Failure]:
        for at, value in found(properties, path):
            if not low <= float(value) <= high:
                yield Failure(at, f"must be {low} to {high}, got {value} ({source})")

    return check


def matches(path: str, pattern: str, source: str) -> Check:
    """Require a string that matches a pattern as a whole."""

    def check(properties: Mapping[str, Any]) -> Iterator[Failure]:
        for at, value in found(properties, path):
            if not re.fullmatch(pattern, str(value)):
                yield Failure(at, f"must match {pattern}, got {value!r} ({source})")

    return check


def cidr(path: str, shortest: int, longest: int, source: str, *, ipv6: bool = False) -> Check:
    """Require an IPv4 network whose prefix length is within a range, or any of IPv6."""
    kind = "an IPv4 or IPv6 network" if ipv6 else "an IPv4 network"

    def check(properties: Mapping[str, Any]) -> Iterator[Failure]:
        for at, value in found(properties, path):
            try:
                network = (ip_network if ipv6 else IPv4Network)(value)
            except ValueError as error:
                yield Failure(at, f"must be {kind}: {error}")
                continue
            if "/" not in value:
                yield Failure(at, f"must be {kind}: {value!r} has no prefix length")
            elif isinstance(network, IPv4Network) and not shortest <= network.prefixlen <= longest:
                yield Failure(at, f"must be a /{longest} to /{shortest}, got {value} ({source})")

    return check


def ordered(low: str, high: str) -> Check:
    """Require that one number is not above another."""

    def check(properties: Mapping[str, Any]) -> Iterator[Failure]:
        for (at, lower), (_, upper) in zip(
            found(properties, low), found(properties, high), strict=False
        ):
            if lower > upper:
                yield Failure(at, f"{low} must not be above {high}, got {lower} above {upper}")

    return check


def exclusive(*names: str, within: str = "") -> Check:
    """Require that at most one of some properties is given, of the resource or an object in it."""

    def check(properties: Mapping[str, Any]) -> Iterator[Failure]:
        for at, section in found(properties, within):
            given = [name for name in names if section.get(name) is not None]
            if len(given) > 1:
                yield Failure(place(at, given[0]), f"only one of {', '.join(names)} may be given")

    return check


def any_of(*names: str, within: str = "") -> Check:
    """Require that at least one of some properties is given, where `exclusive` looks for them."""

    def check(properties: Mapping[str, Any]) -> Iterator[Failure]:
        for at, section in found(properties, within):
            if all(section.get(name) is None for name in names):
                yield Failure(place(at, names[0]), f"one of {', '.join(names)} is required")

    return check


def found(properties: Any, path: str, at: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the place and value of everything known that a path such as `tags.*.key` leads to."""
    if properties is None or properties == UNKNOWN:
        return
    if not path:
        yield at, properties
        return
    name, _, rest = path.partition(".")
    if name == "*":
        items = enumerate(properties) if is_list(properties) else properties.items()
        for key, item in items:
            yield from found(item, rest, f"{at}[{key}]")
    elif is_mapping(properties):
        yield from found(properties.get(name), rest, place(at, name))


def place(at: str, name: str) -> str:
    """Return where a property of the object at a place is."""
    return f"{at}.{name}".lstrip(".")
