"""What commands ask of a cloud about a stack's nodes, and do to them."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, kw_only=True)
class NodeGroup:
    """One of a pool's groups of instances, and its nodes."""

    pool: str
    name: str
    spot: bool
    minimum: int
    maximum: int
    desired: int
    ready: int
    short: bool
    """Whether its Spot capacity was made unavailable."""
    noticed: int
    """Instances that were given notice."""


@dataclass(frozen=True)
class Notice:
    """What came of a notice."""

    seconds: int
    unheard: str = ""
    """Why nobody acts on it; nothing where somebody does."""


class Cloud(Protocol):
    """The instances that a stack's nodes are."""

    def node_groups(self, ready: set[str]) -> Iterable[NodeGroup]:
        """Return the groups by pool; `ready` are the instances whose nodes are."""
        ...

    def interrupt(self, node: str, seconds: int | None) -> Notice:
        """Give a Spot node notice, of so many seconds or of as many as the cloud gives.

        Raises:
            SandboxError: there is no such node, it is not Spot, or it has its notice already.
        """
        ...

    def set_shortage(self, pool: str, *, short: bool) -> None:
        """Make a pool's Spot capacity unavailable, or available again.

        Raises:
            SandboxError: there is no such pool, or nothing of it is Spot.
        """
        ...
