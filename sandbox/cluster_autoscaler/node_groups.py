"""What the autoscaler's stand-in asks of a cloud: groups of nodes that it may resize."""

from collections.abc import Sequence
from typing import Protocol

from sandbox.cluster_autoscaler.placement import Space


class NodeGroup(Protocol):
    """Instances of one kind, each of which is a node or is to become one."""

    @property
    def name(self) -> str:
        """The name that the cloud knows it by."""
        ...

    @property
    def bounds(self) -> tuple[int, int]:
        """The least and the most instances of it, with all that are `bounded` alike."""
        ...

    @property
    def bounded(self) -> str:
        """Whose the bounds are: its own name, or one that it has in common with others."""
        ...

    @property
    def balanced(self) -> str:
        """What it has in common with those that grow as evenly as they can; else its own name."""
        ...

    @property
    def desired(self) -> int:
        """How many instances it is to have."""
        ...

    @property
    def instances(self) -> Sequence[str]:
        """The ids of those that it has, without those on their way out."""
        ...

    @property
    def refused(self) -> int:
        """How many instances the cloud has said that it cannot start now."""
        ...

    def new_space(self) -> Space:
        """Return the space of a node of it, when there is none to be like."""
        ...

    def resize(self, size: int) -> None:
        """Let it have so many instances."""
        ...

    def end(self, instance: str) -> None:
        """End an instance, and have one less from now on."""
        ...


class NodeGroups(Protocol):
    """The groups of one cluster."""

    def found(self) -> Sequence[NodeGroup]:
        """Return those that may be resized, as they are now."""
        ...

    def priority(self, group: NodeGroup) -> float:
        """Return the rank that the expander `priority` goes by; the highest is taken first."""
        ...
