"""Taints of nodes and the tolerations that answer them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from pulumi_kubernetes.core.v1 import TolerationArgsDict

from components.names import LABEL_KEY_RULE, LABEL_VALUE_RULE, is_label_key, is_label_value
from components.spec import Fault, Spec, rule

COMPUTE_CLASS = "cloud.google.com/compute-class"
"""GKE's label, and its taint, of the nodes that a ComputeClass chooses from."""


@dataclass(frozen=True, kw_only=True)
class Taint(Spec):
    """What keeps pods off a node, or what a pod puts up with."""

    key: str
    value: str = ""
    effect: Literal["NoSchedule", "PreferNoSchedule", "NoExecute"] = "NoSchedule"

    @rule
    def _kubernetes_takes_it(self) -> Iterator[Fault]:
        if not is_label_key(self.key):
            yield Fault(("key",), LABEL_KEY_RULE, self.key)
        if not is_label_value(self.value):
            yield Fault(("value",), LABEL_VALUE_RULE, self.value)


def tolerations(taints: Sequence[Taint]) -> list[TolerationArgsDict]:
    """Return what puts up with taints, as pods and as charts' values have it."""
    return [
        {"key": each.key, "operator": "Equal", "value": each.value, "effect": each.effect}
        for each in taints
    ]
