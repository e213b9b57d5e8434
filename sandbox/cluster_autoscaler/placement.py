"""Whether a pod finds room: the scheduler's filters, as far as what is deployed here uses them.

Requests, node selectors, required node affinity, taints. Not pod affinity, ports and volumes.
"""

import operator
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from components.kubernetes.quantities import parse_quantity
from sandbox.kubernetes_api import Object, items, section

_HOST = "kubernetes.io/hostname"
_NOT_READY = "node.kubernetes.io/not-ready"
_PASSING_TAINTS = (
    "ToBeDeletedByClusterAutoscaler",
    "aws-node-termination-handler/",
    "cloud.google.com/impending-node-termination",
    "node.kubernetes.io/",
)
_KEPT_OUT = ("NoSchedule", "NoExecute")
_Labels = Mapping[str, str]
_OPERATORS: Mapping[str, Callable[[str | None, list[str]], bool]] = {
    "In": lambda value, values: value in values,
    "NotIn": lambda value, values: value not in values,
    "Exists": lambda value, _: value is not None,
    "DoesNotExist": lambda value, _: value is None,
    "Gt": lambda value, values: value is not None and operator.gt(int(value), int(values[0])),
    "Lt": lambda value, values: value is not None and operator.lt(int(value), int(values[0])),
}


@dataclass
class Space:
    """A node, present or to come, and what is still free on it."""

    labels: _Labels
    taints: list[Object]
    whole: Counter[str]
    """What it has for pods, by resource: cores, bytes, numbers."""
    free: Counter[str]

    @classmethod
    def of(cls, node: Object, pods: Iterable[Object]) -> "Space":
        """Return a node's space beside the pods that are on it."""
        whole = amounts(section(node, "status", "allocatable"))
        # A node that has just joined is ready in a moment.
        taints = [taint for taint in items(node, "spec", "taints") if taint["key"] != _NOT_READY]
        space = cls(section(node, "metadata", "labels"), taints, whole, whole.copy())
        for pod in pods:
            space.free.subtract(requests(pod))
        return space

    @property
    def used(self) -> Mapping[str, float]:
        """The share of its CPU and memory that is requested."""
        parts = {name: self.free[name] / (self.whole[name] or 1) for name in ("cpu", "memory")}
        return {name: float(1 - part) for name, part in parts.items()}

    def admits(self, pod: Object) -> bool:
        """Tell whether a pod may and can be placed here."""
        asked, spec = requests(pod), pod["spec"]
        return (
            section(spec, "nodeSelector").items() <= self.labels.items()
            and _has_affinity(spec, self.labels)
            and all(_tolerates(spec, taint) for taint in self.taints)
            and all(self.free[resource] >= amount for resource, amount in asked.items() if amount)
        )

    def takes(self, pod: Object) -> bool:
        """Place a pod here if it is admitted."""
        admitted = self.admits(pod)
        if admitted:
            self.free.subtract(requests(pod))
        return admitted


def pack(pods: Iterable[Object], most: int, make: Callable[[], Space]) -> tuple[list[Space], int]:
    """Place pods on as few new nodes as need be, `most` at most; return these, and how many fit."""
    made: list[Space] = []
    placed = 0
    for pod in sorted(pods, key=lambda pod: -requests(pod)["cpu"]):
        found = any(space.takes(pod) for space in made)
        if not found and len(made) < most:
            space = make()
            found = space.takes(pod)
            made += [space] if found else []
        placed += found
    return made, placed


def move(pods: Sequence[Object], room: Mapping[str, Space]) -> set[str] | None:
    """Place all pods on other nodes and return which; none at all if one of them finds no room."""
    homes: list[str] = []
    for pod in pods:
        home = next((name for name, space in room.items() if space.takes(pod)), None)
        if home is None:
            for taken, placed in zip(homes, pods, strict=False):
                room[taken].free.update(requests(placed))
            return None
        homes.append(home)
    return set(homes)


def new_node(
    like: Object | None, unlike: Callable[[], Space], daemon_sets: Iterable[Object]
) -> Space:
    """Return the space of a node that a group is yet to start.

    It is like one that the group has; from zero, what `unlike` makes of it.
    """
    space = unlike() if like is None else _of_node(like)
    for daemon_set in daemon_sets:
        space.takes(daemon_set["spec"]["template"])
    return space


def _of_node(node: Object) -> Space:
    space = Space.of(node, [])
    labels = {name: value for name, value in space.labels.items() if name != _HOST}
    # What a node gets while it lives is not of its group.
    taints = [taint for taint in space.taints if not taint["key"].startswith(_PASSING_TAINTS)]
    return Space(labels, taints, space.whole, space.free)


def amounts(quantities: Mapping[str, Any]) -> Counter[str]:
    """Return resources' amounts as exact numbers, so that what just fits does."""
    # Counters are typed as of whole numbers; amounts are fractions.
    return Counter({name: parse_quantity(str(q)) for name, q in quantities.items()})  # pyright: ignore[reportReturnType, reportArgumentType]


def requests(pod: Object) -> Counter[str]:
    """Return what a pod asks for: its containers' sum, or an init container's if that is more."""
    total: Counter[str] = Counter({"pods": 1})
    for container in pod["spec"]["containers"]:
        total.update(amounts(section(container, "resources", "requests")))
    for container in items(pod, "spec", "initContainers"):
        total |= amounts(section(container, "resources", "requests"))
    return total


def _has_affinity(spec: Object, labels: _Labels) -> bool:
    node = section(
        spec, "affinity", "nodeAffinity", "requiredDuringSchedulingIgnoredDuringExecution"
    )
    terms = items(node, "nodeSelectorTerms")
    return not terms or any(
        all(
            _OPERATORS[each["operator"]](labels.get(each["key"]), each.get("values") or [])
            for each in items(term, "matchExpressions")
        )
        for term in terms
    )


def _tolerates(spec: Object, taint: Object) -> bool:
    return taint["effect"] not in _KEPT_OUT or any(
        each.get("key") in (None, taint["key"])
        and each.get("effect") in (None, "", taint["effect"])
        and (each.get("operator") == "Exists" or each.get("value", "") == taint.get("value", ""))
        for each in items(spec, "tolerations")
    )
