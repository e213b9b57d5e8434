"""The limits of a node pool, in the two ways in which GKE takes them."""

from collections.abc import Iterator
from dataclasses import dataclass
from math import ceil
from typing import Literal

from components.bounds import Bounds
from components.spec import Fault, Spec, rule


@dataclass(frozen=True, kw_only=True)
class NodeCounts(Spec):
    """How many nodes there may be: in each zone, or in all of them."""

    nodes_per_zone: Bounds | None = None
    nodes_in_total: Bounds | None = None

    @rule
    def _nodes_are_counted_in_one_way(self) -> Iterator[Fault]:
        if self.nodes_per_zone is not None and self.nodes_in_total is not None:
            limit = "must not come with nodes_per_zone: GKE takes limits for each zone or for all "
            limit += "of them"
            yield Fault(("nodes_in_total",), limit, self.nodes_in_total)
        # What is wrong in itself is given, though a spec without it has its default.
        keys = ("nodes_per_zone", "nodes_in_total")
        if all(vars(self).get(key, key) is None for key in keys):
            limit = "must be given, unless nodes_per_zone is"
            yield Fault(("nodes_in_total",), limit, self.nodes_in_total)

    def fewest_nodes(self, zones: int) -> int:
        """Return how many nodes there are at least, in so many zones."""
        return self._in_all(zones, "minimum")

    def most_nodes(self, zones: int) -> int:
        """Return how many nodes there are at most, in so many zones."""
        return self._in_all(zones, "maximum")

    def initial_per_zone(self, zones: int) -> int:
        """Return how many nodes each zone begins with: of a total its share, which is rounded up.

        It is rounded down where that would be more than the maximum.
        """
        if self.nodes_per_zone is not None:
            return self.nodes_per_zone.initial
        if (total := self.nodes_in_total) is None:
            return 0
        share = ceil(total.initial / zones)
        return share if zones * share <= total.maximum else total.initial // zones

    def _in_all(self, zones: int, bound: Literal["minimum", "maximum"]) -> int:
        if self.nodes_per_zone is not None:
            return getattr(self.nodes_per_zone, bound) * zones
        return 0 if self.nodes_in_total is None else getattr(self.nodes_in_total, bound)
