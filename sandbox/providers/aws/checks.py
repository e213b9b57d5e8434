"""What AWS would refuse and no SDK type says: ranges, patterns, enumerations, documents."""

import ipaddress
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from typing import Any, cast

import botocore.session

from sandbox.providers.plugin import Failure
from sandbox.providers.values import UNKNOWN, is_list, is_mapping

Check = Callable[[Mapping[str, Any]], Iterator[Failure]]
"""Looks at a resource's properties and yields what is wrong with them."""


def one_of(path: str, choices: Sequence[str], source: str) -> Check:
    """Require one of some values; `source` is where AWS lists them."""

    def check(properties: Mapping[str, Any]) -> Iterator[Failure]:
        for at, value in _found(properties, path):
            if value not in choices:
                yield Failure(at, f"{value!r} is none of {', '.join(choices)} ({source})")

    return check


def one_of_shape(path: str, service: str, shape: str) -> Check:
    """Require a member of an enumeration of botocore's model of a service."""

    def check(properties: Mapping[str, Any]) -> Iterator[Failure]:
        for at, value in _found(properties, path):
            if value not in _enumeration(service, shape):
                yield Failure(at, f"{value!r} is no {shape} that {service} knows")

    return check


def between(path: str, low: int, high: int, source: str) -> Check:
    """Require a number within an inclusive range."""

    def check(properties: Mapping[str, Any]) -> Iterator[Failure]:
        for at, value in _found(properties, path):
            if not low <= float(value) <= high:
                yield Failure(at, f"must be {low} to {high}, got {value} ({source})")

    return check


def matches(path: str, pattern: str, source: str) -> Check:
    """Require a string that matches a pattern as a whole."""

    def check(properties: Mapping[str, Any]) -> Iterator[Failure]:
        for at, value in _found(properties, path):
            if not re.fullmatch(pattern, str(value)):
                yield Failure(at, f"must match {pattern}, got {value!r} ({source})")

    return check


def cidr(path: str, shortest: int, longest: int, source: str) -> Check:
    """Require an IPv4 network whose prefix length is within a range."""

    def check(properties: Mapping[str, Any]) -> Iterator[Failure]:
        for at, value in _found(properties, path):
            try:
                network = ipaddress.IPv4Network(value)
            except ValueError as error:
                yield Failure(at, f"must be an IPv4 network: {error}")
                continue
            if not shortest <= network.prefixlen <= longest:
                yield Failure(at, f"must be a /{longest} to /{shortest}, got {value} ({source})")

    return check


def policy_document(path: str) -> Check:
    """Require a JSON policy with a version and statements that name effect and action."""

    def check(properties: Mapping[str, Any]) -> Iterator[Failure]:
        for at, value in _found(properties, path):
            try:
                document = json.loads(value)
                _require_statements(document)
            except (ValueError, TypeError, KeyError) as error:
                yield Failure(at, f"must be an IAM policy document: {error}")

    return check


def ordered(low: str, high: str) -> Check:
    """Require that one number is not above another."""

    def check(properties: Mapping[str, Any]) -> Iterator[Failure]:
        for (at, lower), (_, upper) in zip(
            _found(properties, low), _found(properties, high), strict=False
        ):
            if lower > upper:
                yield Failure(at, f"{low} must not be above {high}, got {lower} above {upper}")

    return check


def exclusive(*names: str) -> Check:
    """Require that at most one of some properties is given."""

    def check(properties: Mapping[str, Any]) -> Iterator[Failure]:
        given = [name for name in names if properties.get(name) is not None]
        if len(given) > 1:
            yield Failure(given[0], f"only one of {', '.join(names)} may be given")

    return check


def any_of(*names: str) -> Check:
    """Require that at least one of some properties is given."""

    def check(properties: Mapping[str, Any]) -> Iterator[Failure]:
        if all(properties.get(name) is None for name in names):
            yield Failure(names[0], f"one of {', '.join(names)} is required")

    return check


def _require_statements(document: Any) -> None:
    if document.get("Version") != "2012-10-17":
        raise ValueError("Version must be 2012-10-17")
    statements = document["Statement"]
    for statement in cast(list[Any], statements if isinstance(statements, list) else [statements]):
        if statement.get("Effect") not in ("Allow", "Deny"):
            raise ValueError(f"Effect must be Allow or Deny, got {statement.get('Effect')!r}")
        if not statement.keys() & {"Action", "NotAction"}:
            raise ValueError("a statement needs an Action")
        if not statement.keys() & {"Resource", "NotResource", "Principal"}:
            raise ValueError("a statement needs a Resource or a Principal")


@cache
def _enumeration(service: str, shape: str) -> frozenset[str]:
    model = botocore.session.get_session().get_service_model(service)
    return frozenset(cast(Any, model.shape_for(shape)).enum)


def _found(properties: Any, path: str, at: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the place and value of everything that a path such as `tags.*.key` leads to."""
    if properties is None or properties == UNKNOWN:
        return
    if not path:
        yield at, properties
        return
    name, _, rest = path.partition(".")
    if name == "*":
        items = enumerate(properties) if is_list(properties) else properties.items()
        for key, item in items:
            yield from _found(item, rest, f"{at}[{key}]")
    elif is_mapping(properties):
        yield from _found(properties.get(name), rest, f"{at}.{name}".lstrip("."))
