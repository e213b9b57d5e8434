"""How fast the number of replicas follows the load, and by which metrics."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from pulumi_kubernetes.autoscaling.v2 import (
    HorizontalPodAutoscalerBehaviorArgsDict,
    HPAScalingPolicyArgsDict,
    HPAScalingRulesArgsDict,
    MetricSpecArgsDict,
)

from components.spec import Fault, Spec, rule

# https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/horizontal-pod-autoscaler-v2/
_LONGEST_PERIOD = 1800
_LONGEST_WINDOW = 3600


@dataclass(frozen=True, kw_only=True)
class ScalingRate(Spec):
    """The most that may change within a period: a share of the replicas, a number, or the larger.

    Within the stabilization window the most cautious of the autoscaler's wishes counts.
    """

    percent: int | None = None
    pods: int | None = None
    period_seconds: int = 60
    stabilization_seconds: int = 0

    @rule
    def _something_may_change(self) -> Iterator[Fault]:
        if self.percent is None and self.pods is None:
            yield Fault(("percent",), "must be given, or pods", self.percent)
        for name in ("percent", "pods"):
            value: int | None = getattr(self, name)
            if value is not None and value < 1:
                yield Fault((name,), "must be at least 1", value)

    @rule
    def _times_are_taken(self) -> Iterator[Fault]:
        if not 1 <= self.period_seconds <= _LONGEST_PERIOD:
            limit = f"must be between 1 and {_LONGEST_PERIOD}"
            yield Fault(("period_seconds",), limit, self.period_seconds)
        if not 0 <= self.stabilization_seconds <= _LONGEST_WINDOW:
            limit = f"must be between 0 and {_LONGEST_WINDOW}"
            yield Fault(("stabilization_seconds",), limit, self.stabilization_seconds)

    @property
    def rules(self) -> HPAScalingRulesArgsDict:
        """The same as a HorizontalPodAutoscaler has it."""
        amounts = {"Percent": self.percent, "Pods": self.pods}
        policies: list[HPAScalingPolicyArgsDict] = [
            {"type": kind, "value": value, "period_seconds": self.period_seconds}
            for kind, value in amounts.items()
            if value is not None
        ]
        return {
            "stabilization_window_seconds": self.stabilization_seconds,
            "select_policy": "Max",
            "policies": policies,
        }


@dataclass(frozen=True, kw_only=True)
class ScalingSpec(Spec):
    """Up at once, as requests wait; down slowly, as the next peak may be near."""

    up: ScalingRate = field(
        default_factory=lambda: ScalingRate(percent=100, pods=4, period_seconds=15)
    )
    down: ScalingRate = field(
        default_factory=lambda: ScalingRate(percent=50, stabilization_seconds=300)
    )

    @property
    def behavior(self) -> HorizontalPodAutoscalerBehaviorArgsDict:
        """The same as a HorizontalPodAutoscaler has it."""
        return {"scale_up": self.up.rules, "scale_down": self.down.rules}


def utilization_metrics(targets: Mapping[str, int | None]) -> list[MetricSpecArgsDict]:
    """Return metrics of the resources that have a target, in percent of the pods' requests."""
    return [
        {
            "type": "Resource",
            "resource": {
                "name": name,
                "target": {"type": "Utilization", "average_utilization": percent},
            },
        }
        for name, percent in targets.items()
        if percent is not None
    ]
