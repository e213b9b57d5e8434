"""The range within which an autoscaler may move."""

from collections.abc import Iterator
from dataclasses import dataclass

from components.spec import Fault, Spec, rule


@dataclass(frozen=True, kw_only=True)
class Bounds(Spec):
    """An inclusive range and where in it to begin."""

    minimum: int
    initial: int
    maximum: int

    @rule
    def _maximum_is_positive(self) -> Iterator[Fault]:
        if self.maximum < 1:
            yield Fault(("maximum",), "must be at least 1", self.maximum)

    @rule
    def _minimum_is_within(self) -> Iterator[Fault]:
        if not 0 <= self.minimum <= self.maximum:
            limit = f"must be between 0 and the maximum, {self.maximum}"
            yield Fault(("minimum",), limit, self.minimum)

    @rule
    def _initial_is_within(self) -> Iterator[Fault]:
        if not self.minimum <= self.initial <= self.maximum and self.minimum <= self.maximum:
            limit = f"must be between the minimum, {self.minimum}, and the maximum, {self.maximum}"
            yield Fault(("initial",), limit, self.initial)
