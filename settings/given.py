"""Values of a stack file before anything is known of them."""

from collections.abc import Mapping
from typing import Any, cast


def mapping(given: object) -> Mapping[str, Any]:
    """Return a value that is a mapping, and of any other an empty one."""
    return cast(Mapping[str, Any], given) if isinstance(given, Mapping) else {}
