"""What it takes to serve a model: the part of a stack file that is about one model."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Annotated

from pydantic import Field

from components.bounds import Bounds
from components.kubernetes.quantities import parse_quantity
from components.kubernetes.taints import Taint
from components.names import DNS_LABEL_RULE, is_dns_label
from components.spec import Fault, Spec, rule

Quantity = Annotated[str, Field(coerce_numbers_to_str=True)]

_DIGEST = re.compile(r"[^@]+@sha256:[0-9a-f]{64}")
_VERSION_TAG = re.compile(r"([^:/]+(:\d+)?/)?[^:@]+:(?!latest)[\w][\w.-]{0,127}")


@dataclass(frozen=True, kw_only=True)
class Requests(Spec):
    """What a container is sure to have; the autoscaler's percentages are of its CPU."""

    cpu: Quantity
    memory: Quantity

    @rule
    def _quantities_are_positive(self) -> Iterator[Fault]:
        yield from _faulty_quantities(vars(self))


@dataclass(frozen=True, kw_only=True)
class Limits(Spec):
    """What a container may not exceed; without a CPU limit it uses what its node has to spare."""

    memory: Quantity
    cpu: Quantity | None = None

    @rule
    def _quantities_are_positive(self) -> Iterator[Fault]:
        yield from _faulty_quantities(vars(self))


def _faulty_quantities(quantities: Mapping[str, str | None]) -> Iterator[Fault]:
    for name, text in quantities.items():
        if text is not None and not _is_positive(text):
            yield Fault((name,), "must be a positive quantity, such as 500m, 2 or 2Gi", text)


def _is_positive(text: str) -> bool:
    try:
        return parse_quantity(text) > 0
    except ValueError:
        return False


@dataclass(frozen=True, kw_only=True)
class TensorFlowServingSpec(Spec):
    """A model version, the image that serves it, and what its pods may use."""

    version: int
    image: str
    replicas: Bounds
    requests: Requests
    limits: Limits
    target_cpu_percent: int = 70
    node_selector: Mapping[str, str] = field(default_factory=dict[str, str])
    tolerations: tuple[Taint, ...] = ()
    namespace: str = "serving"

    @rule
    def _version_is_positive(self) -> Iterator[Fault]:
        if self.version < 1:
            yield Fault(("version",), "must be at least 1", self.version)

    @rule
    def _image_is_pinned(self) -> Iterator[Fault]:
        if not _DIGEST.fullmatch(self.image) and not _VERSION_TAG.fullmatch(self.image):
            pinned = "must name a version other than latest, or a sha256 digest"
            yield Fault(("image",), pinned, self.image)

    @rule
    def _something_is_always_served(self) -> Iterator[Fault]:
        # A HorizontalPodAutoscaler cannot come back from zero.
        if self.replicas.minimum == 0:
            yield Fault(("replicas", "minimum"), "must be at least 1", self.replicas.minimum)

    @rule
    def _target_is_a_percentage(self) -> Iterator[Fault]:
        if self.target_cpu_percent not in range(1, 101):
            limit = "must be between 1 and 100"
            yield Fault(("target_cpu_percent",), limit, self.target_cpu_percent)

    @rule
    def _cpu_limit_is_above_the_request(self) -> Iterator[Fault]:
        yield from _below("cpu", self.limits.cpu, self.requests.cpu)

    @rule
    def _memory_limit_is_above_the_request(self) -> Iterator[Fault]:
        yield from _below("memory", self.limits.memory, self.requests.memory)

    @rule
    def _namespace_is_a_dns_label(self) -> Iterator[Fault]:
        if not is_dns_label(self.namespace):
            yield Fault(("namespace",), DNS_LABEL_RULE, self.namespace)

    @rule
    def _namespace_is_made_for_models(self) -> Iterator[Fault]:
        if self.namespace == "default" or self.namespace.startswith("kube-"):
            limit = "must be one that this stack makes, not one that every cluster has"
            yield Fault(("namespace",), limit, self.namespace)


def _below(name: str, limit: str | None, request: str) -> Iterator[Fault]:
    if limit is None or not (_is_positive(limit) and _is_positive(request)):
        return
    if parse_quantity(limit) < parse_quantity(request):
        yield Fault(("limits", name), f"must not be below the request, {request}", limit)
