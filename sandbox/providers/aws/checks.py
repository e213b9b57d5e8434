"""What AWS alone would refuse: enumerations of botocore's models, and policy documents."""

import json
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, cast

import botocore.session

from sandbox.providers.checks import Check, found
from sandbox.providers.plugin import Failure


def one_of_shape(path: str, service: str, shape: str) -> Check:
    """Require a member of an enumeration of botocore's model of a service."""

    def check(properties: Mapping[str, Any]) -> Iterator[Failure]:
        for at, value in found(properties, path):
            if value not in _enumeration(service, shape):
                yield Failure(at, f"{value!r} is no {shape} that {service} knows")

    return check


def policy_document(path: str) -> Check:
    """Require a JSON policy with a version and statements that name effect and action."""

    def check(properties: Mapping[str, Any]) -> Iterator[Failure]:
        for at, value in found(properties, path):
            try:
                document = json.loads(value)
                _require_statements(document)
            except (ValueError, TypeError, KeyError) as error:
                yield Failure(at, f"must be an IAM policy document: {error}")

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
