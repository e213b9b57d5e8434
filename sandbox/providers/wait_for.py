"""What the annotation pulumi.com/waitFor waits for: a condition, or what a path selects.

How they are compared was read in https://github.com/pulumi/pulumi-kubernetes
(`provider/pkg/metadata`, `provider/pkg/await/condition` and `provider/pkg/jsonpath`).
"""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sandbox.kubernetes_api import Object, items, section
from sandbox.providers.values import is_list, is_mapping

# {.status.addresses[0].value}, and a value after it to compare with.
_STEP = re.compile(r"\.(?P<field>[\w-]+)|\[(?P<index>\d+)\]")
_JSON_PATH = re.compile(rf"(?P<path>\{{\$?(?:{_STEP.pattern})+\}})(?:=(?P<value>[^={{]+))?")


@dataclass(frozen=True)
class Missing:
    """Why an object is not ready; when it is final no wait will change it."""

    reason: str
    final: bool = False


def missing(annotated: str, live: Object) -> Missing | None:
    """Return what an object still lacks of one expression, or of all that a JSON list names."""
    expressions = _expressions(annotated)
    if not expressions:
        return Missing("pulumi.com/waitFor names nothing to wait for", final=True)
    found = [_missing_of(expression, live) for expression in expressions]
    return next((each for each in found if each), None)


def _expressions(annotated: str) -> Sequence[str]:
    """Return the one expression, or those of a list as JSON writes it."""
    try:
        given = json.loads(annotated)
    except ValueError:
        return [annotated]
    return [str(each) for each in given] if is_list(given) else [annotated]


def _missing_of(expression: str, live: Object) -> Missing | None:
    """Compare as the provider does, which takes after `kubectl wait --for`."""
    form, _, wanted = expression.partition("=")
    if form == "condition":
        kind, _, status = wanted.partition("=")
        return _missing_condition(kind, status or "True", live)
    if form == "jsonpath":
        return _missing_value(wanted, live)
    reason = f'pulumi.com/waitFor: expected a "jsonpath=" or "condition=" prefix, got {expression}'
    return Missing(reason, final=True)


def _missing_condition(kind: str, wanted: str, live: Object) -> Missing | None:
    conditions = items(live, "status", "conditions")
    found = next((each for each in conditions if each["type"].lower() == kind.lower()), None)
    if found is None:
        return Missing(f"it has no condition {kind}")
    overall = section(live, "status").get("observedGeneration")
    observed = found.get("observedGeneration", overall)
    if observed is not None and observed < live["metadata"].get("generation", 0):
        return Missing("its controller has not seen the change yet")
    if str(found["status"]).lower() == wanted.lower():
        return None
    said = f": {found['message']}" if found.get("message") else ""
    return Missing(f"its condition {kind} is {found['status']}{said}")


def _missing_value(expression: str, live: Object) -> Missing | None:
    matched = _JSON_PATH.fullmatch(expression)
    if matched is None:
        reason = f"pulumi.com/waitFor: the sandbox reads fields and indices only, not {expression}"
        return Missing(reason, final=True)
    path, wanted = matched["path"], matched["value"]
    try:
        found = _selected(path, live)
    except LookupError:
        return Missing(f"{path} selected nothing")
    if wanted is None:
        return None
    if is_mapping(found) or is_list(found):
        return Missing(f"pulumi.com/waitFor: {path} has a non-primitive value", final=True)
    text = json.dumps(found) if isinstance(found, bool) else str(found)
    return None if text == wanted else Missing(f"{path} is {text}, not {wanted}")


def _selected(path: str, live: Object) -> Any:
    value: Any = live
    for step in _STEP.finditer(path):
        index: str | None = step["index"]
        if index is None and is_mapping(value):
            value = value[step["field"]]
        elif index is not None and is_list(value):
            value = value[int(index)]
        else:
            raise LookupError(step[0])
    return value
