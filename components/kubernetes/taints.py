"""Taints of nodes and the tolerations that answer them."""

from dataclasses import dataclass
from typing import Literal

from components.spec import Spec


@dataclass(frozen=True, kw_only=True)
class Taint(Spec):
    """What keeps pods off a node, or what a pod puts up with."""

    key: str
    value: str = ""
    effect: Literal["NoSchedule", "PreferNoSchedule", "NoExecute"] = "NoSchedule"
