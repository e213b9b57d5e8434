"""What a container is sure to have, and what it may not exceed."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from components.kubernetes.quantities import parse_quantity
from components.spec import Fault, Spec, rule

Quantity = Annotated[str, Field(coerce_numbers_to_str=True)]


@dataclass(frozen=True, kw_only=True)
class Requests(Spec):
    """What a container is sure to have; the autoscaler's percentages are of its CPU."""

    cpu: Quantity
    memory: Quantity

    @rule
    def _quantities_are_positive(self) -> Iterator[Fault]:
        yield from faulty_quantities(vars(self))


@dataclass(frozen=True, kw_only=True)
class Limits(Spec):
    """What a container may not exceed; without a CPU limit it uses what its node has to spare."""

    memory: Quantity
    cpu: Quantity | None = None

    @rule
    def _quantities_are_positive(self) -> Iterator[Fault]:
        yield from faulty_quantities(vars(self))


def faulty_quantities(quantities: Mapping[str, str | None]) -> Iterator[Fault]:
    """Find what is not a quantity above zero, but for what is left out."""
    for name, text in quantities.items():
        if text is not None and not is_positive(text):
            yield Fault((name,), "must be a positive quantity, such as 500m, 2 or 2Gi", text)


def is_positive(text: str) -> bool:
    """Tell whether a text is a quantity above zero."""
    try:
        return parse_quantity(text) > 0
    except ValueError:
        return False


def larger(*each: Requests) -> Requests:
    """Return what a pod takes whose containers run one by one: the largest of what they request."""
    return Requests(
        cpu=max((one.cpu for one in each), key=parse_quantity),
        memory=max((one.memory for one in each), key=parse_quantity),
    )


def below_request(name: str, limit: str | None, request: str) -> Iterator[Fault]:
    """Return the fault of a limit that is below what is requested."""
    if limit is None or not (is_positive(limit) and is_positive(request)):
        return
    if parse_quantity(limit) < parse_quantity(request):
        yield Fault(("limits", name), f"must not be below the request, {request}", limit)
