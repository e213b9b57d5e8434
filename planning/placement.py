"""Which pods find room when every pool is at its maximum, with the arithmetic as text."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import NamedTuple

from planning.capacity import Resources


class Taint(NamedTuple):
    """What keeps pods off a node, and the toleration that answers it."""

    key: str
    value: str
    effect: str


@dataclass(frozen=True, kw_only=True)
class Pods:
    """Pods of one kind: what each takes, how many there may be, and where they may run."""

    size: Resources
    maximum: int
    selector: Mapping[str, str] = field(default_factory=dict[str, str])
    tolerations: frozenset[Taint] = frozenset()


@dataclass(frozen=True, kw_only=True)
class Pool:
    """Equal nodes, as many as there may be: what each has for pods, and which pods it lets in."""

    nodes: int
    room: Resources
    labels: Mapping[str, str] = field(default_factory=dict[str, str])
    taints: frozenset[Taint] = frozenset()
    vcpus: int | None = None
    """How many a node has at least, if that is known."""
    is_spot: bool = True
    """Whether its nodes may be taken away at short notice."""

    def matches(self, pods: Pods) -> bool:
        """Tell whether the pods' node selector picks this pool."""
        return pods.selector.items() <= self.labels.items()

    def refuses(self, pods: Pods) -> frozenset[Taint]:
        """Return the taints that keep the pods out."""
        hard = {each for each in self.taints if each.effect != "PreferNoSchedule"}
        return frozenset(hard - pods.tolerations)

    def admits(self, pods: Pods) -> bool:
        """Tell whether such pods may run here if there is room."""
        return self.matches(pods) and not self.refuses(pods)


@dataclass(frozen=True, kw_only=True)
class Placement:
    """How many pods of one kind find room, and why no more."""

    placed: int
    """How many do beside all others, each kind at its maximum."""
    alone: int
    """How many would if the pools were theirs alone."""
    arithmetic: str
    """How `alone` comes about."""
    rivals: Sequence[str]
    """The kinds that may run in the same pools."""


def place(kinds: Mapping[str, Pods], pools: Mapping[str, Pool]) -> Mapping[str, Placement]:
    """Return how many pods of each kind find room when all of them are wanted at once.

    `alone` is exact. `placed` is a lower bound of what fits: first come the kinds with the fewest
    pools, of these the largest, each on the first node that has room, and pools that few kinds may
    use before others; another order may place more. A scheduler that spreads pods of different
    sizes may place fewer. Nothing but these kinds is counted: what else runs on a node must have
    been taken off its room.
    """
    uses = {
        name: [pool for pool, each in pools.items() if each.admits(kind)]
        for name, kind in kinds.items()
    }
    users = {pool: [name for name in kinds if pool in uses[name]] for pool in pools}
    free = {name: [(pool.room, pool.nodes)] for name, pool in pools.items()}

    placed = dict.fromkeys(kinds, 0)
    for name in sorted(kinds, key=lambda name: (len(uses[name]), -_share(kinds[name], pools))):
        kind = kinds[name]
        for pool in sorted(uses[name], key=lambda pool: len(users[pool])):
            left = kind.maximum - placed[name]
            placed[name] += min(left, _held(free[pool], kind))
            free[pool] = [*_filled(free[pool], kind, left)]
    return {
        name: Placement(
            placed=placed[name],
            alone=sum(_held([(pools[pool].room, pools[pool].nodes)], kind) for pool in uses[name]),
            arithmetic=" + ".join(_term(pool, pools[pool], kind) for pool in uses[name]),
            rivals=[other for other in kinds if other != name and {*uses[other]} & {*uses[name]}],
        )
        for name, kind in kinds.items()
    }


def _share(kind: Pods, pools: Mapping[str, Pool]) -> Fraction:
    """Return how large a part of some node one such pod takes."""
    rooms = [pool.room for pool in pools.values() if pool.admits(kind)]
    parts = [
        Fraction(taken, max(had, 1))
        for room in rooms
        for taken, had in zip(kind.size, room, strict=True)
    ]
    return max(parts, default=Fraction())


def _held(nodes: Iterable[tuple[Resources, int]], kind: Pods) -> int:
    return sum(room.holds(kind.size) * count for room, count in nodes)


def _filled(
    nodes: Iterable[tuple[Resources, int]], kind: Pods, left: int
) -> Iterator[tuple[Resources, int]]:
    """Return what is free on the nodes, and on how many of them, after so many pods came."""
    for room, count in nodes:
        each = room.holds(kind.size)
        full, rest = divmod(min(left, each * count), max(each, 1))
        left -= full * each + rest
        for pods, of in ((each, full), (rest, int(rest > 0)), (0, count - full - (rest > 0))):
            if of:
                yield room.without(kind.size, pods), of


def _term(name: str, pool: Pool, kind: Pods) -> str:
    nodes = f"{pool.nodes} node{'s' * (pool.nodes != 1)} of {name}"
    return f"{nodes} x {pool.room.holds(kind.size)} ({pool.room.scarcest(kind.size)})"
