"""Faults of a stack file, in the words of the one who wrote it: key, rule, value."""

import json
import re
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from components.spec import is_mark
from settings.model_sources import is_remote

# What pydantic says of Python objects, said of YAML.
_RULES: Mapping[str, str] = {
    "unexpected_keyword_argument": "is not a known key",
    "dataclass_type": "must be a mapping",
    "dict_type": "must be a mapping",
    "model_attributes_type": "must be a mapping",
    "tuple_type": "must be a list",
}
_REMOTE_PATH = (
    "is not a known key, and TensorFlow Serving reads no remote paths: pods copy "
    "models/<name>/<version> from the stack's bucket"
)
_LONGEST_VALUE = 120


def fault_line(key: str, rule: str, *given: object) -> str:
    """Return one fault as a line: the key, the rule that it breaks, the value if there is one."""
    return f"{key}: {rule}" + "".join(f"; got {_shown(value)}" for value in given)


def fault_lines(section: str, given: object, error: ValidationError) -> Iterator[str]:
    """Return the faults that pydantic found in the value of a config key."""
    for details in error.errors(include_url=False):
        key = ".".join(map(str, [section, *_keys(details, given)]))
        match details["type"], details.get("ctx"):
            case "union_tag_invalid", {"expected_tags": tags, "tag": tag}:
                yield fault_line(f"{key}.kind", f"must be one of {tags}{_nearest(tags, tag)}", tag)
            case "union_tag_not_found", _:
                yield fault_line(f"{key}.kind", "is required")
            case "missing", _:
                yield fault_line(key, "is required")
            case "unexpected_keyword_argument", _ if is_remote(str(details["input"])):
                yield fault_line(key, _REMOTE_PATH, details["input"])
            case _, {"error": ValueError() as error_of_ours}:
                yield fault_line(key, str(error_of_ours), details["input"])
            case "literal_error", {"expected": choices}:
                rule = f"must be {choices}{_nearest(choices, details['input'])}"
                yield fault_line(key, rule, details["input"])
            case kind, _:
                rule = _RULES.get(kind) or details["msg"].replace("Input should be", "must be")
                yield fault_line(key, rule, details["input"])


def _keys(details: ErrorDetails, given: Any) -> Iterator[str | int]:
    """Return the keys that lead to a fault, without the union tags and marks of pydantic."""
    for key in details["loc"]:
        if is_mark(key) or (_has(given, "kind") and key == given["kind"] and key not in given):
            continue
        yield key
        given = given[key] if _has(given, key) else None


def _nearest(choices: str, given: object) -> str:
    """Return the choice that is most like what was given, to be told after the choices."""
    known = re.findall(r"'([^']+)'", choices)
    near = get_close_matches(str(given), known, n=1, cutoff=0)
    return "".join(f"; {each!r} is nearest" for each in near if len(known) > 1)


def _has(given: Any, key: str | int) -> bool:
    try:
        given[key]
    except (KeyError, IndexError, TypeError):
        return False
    return True


def _shown(value: object) -> str:
    text = json.dumps(value, default=str, ensure_ascii=False)
    return text if len(text) <= _LONGEST_VALUE else f"{text[:_LONGEST_VALUE]}..."
