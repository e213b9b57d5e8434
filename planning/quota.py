"""What the pods of a namespace may ask for together, and how that comes about."""

from collections.abc import Mapping
from typing import NamedTuple

from planning.placement import Pods


class Demand(NamedTuple):
    """The most that is asked for of one resource, and its arithmetic as text."""

    amount: int
    arithmetic: str


class Demands(NamedTuple):
    """The most that is asked for."""

    millicores: Demand
    memory_mib: Demand
    pods: Demand


def largest_demands(kinds: Mapping[str, Pods], surge_percent: int) -> Demands:
    """Return what pods ask for when all kinds are at their maximum, and replaced at that.

    A kind that is replaced has so large a share of its pods, rounded up, beside them.
    """
    surges = {name: -(-pods.maximum * surge_percent // 100) for name, pods in kinds.items()}
    counts = {name: pods.maximum + surges[name] for name, pods in kinds.items()}
    terms = {
        name: f"{counts[name]} of {name} ({pods.maximum} and {surges[name]} in a rollout)"
        for name, pods in kinds.items()
    }

    def demand(each: Mapping[str, int], unit: str) -> Demand:
        return Demand(
            sum(counts[name] * each[name] for name in kinds),
            " + ".join(f"{terms[name]} x {each[name]}{unit}" for name in kinds),
        )

    return Demands(
        demand({name: pods.size.millicores for name, pods in kinds.items()}, "m CPU"),
        demand({name: pods.size.memory_mib for name, pods in kinds.items()}, "Mi"),
        Demand(sum(counts.values()), " + ".join(terms.values())),
    )
