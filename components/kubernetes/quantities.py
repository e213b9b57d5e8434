"""Amounts of CPU and memory as Kubernetes writes them."""

import re
from collections.abc import Mapping
from fractions import Fraction

# https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/
_QUANTITY = re.compile(
    r"(?P<number>\d+(\.\d+)?|\.\d+)(?P<suffix>[numk]|[KMGTPE]i|[MGTPE]|[eE][+-]?\d{1,2})?"
)
_FACTORS: Mapping[str | None, Fraction] = {
    None: Fraction(1),
    **{unit: Fraction(1, 1000**power) for power, unit in enumerate("mun", start=1)},
    "k": Fraction(1000),
    **{unit: Fraction(1000**power) for power, unit in enumerate("MGTPE", start=2)},
    **{f"{unit}i": Fraction(1024**power) for power, unit in enumerate("KMGTPE", start=1)},
}


def parse_quantity(text: str) -> Fraction:
    """Return the number that a quantity stands for: cores of "500m", bytes of "2Gi"."""
    match = _QUANTITY.fullmatch(text)
    if match is None:
        raise ValueError(f"must be a quantity, such as 500m, 2 or 2Gi, got {text!r}")
    suffix = match["suffix"]
    return Fraction(match["number"]) * (_FACTORS.get(suffix) or Fraction(f"1{suffix}"))
