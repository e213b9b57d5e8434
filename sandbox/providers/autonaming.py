"""Physical names as the real provider makes them: the logical name and seven hexadecimal digits.

See https://www.pulumi.com/docs/iac/concepts/resources/names/#autonaming.
"""

import hashlib
from collections.abc import Mapping
from typing import Any

from sandbox.providers.plugin import Urn
from sandbox.providers.values import Properties

_FILLED_IN = "__defaults"


def fill(inputs: Properties, name: str, urn: Urn, olds: Mapping[str, Any], seed: bytes) -> None:
    """Fill in a name that the program left open; once made, it is kept."""
    if name in inputs:
        return
    if name in olds.get(_FILLED_IN, ()):
        inputs[name] = olds[name]
    else:
        inputs[name] = f"{urn.name}-{hashlib.sha256(seed or urn.text.encode()).hexdigest()[:7]}"
    inputs[_FILLED_IN] = [name]


def is_given(inputs: Mapping[str, Any], name: str | None) -> bool:
    """Tell whether the program itself chose the name, so that no two can hold it at once."""
    return name is not None and name in inputs and name not in inputs.get(_FILLED_IN, ())
