"""One row per resource type: how it is made, named and changed, and what its cloud would refuse."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, Protocol, TypeVar

from sandbox.providers.checks import Check

Inputs = Mapping[str, Any]
Outputs = Mapping[str, Any]

Account = TypeVar("Account")
"""Where resources of a cloud are: what their ids, names and clients depend on."""

_Account_contra = TypeVar("_Account_contra", contravariant=True)


class Operations(Protocol[_Account_contra]):
    """How an emulator holds a resource that a running thing reads.

    A type without operations is recorded: it exists in Pulumi's state alone.
    """

    def create(self, account: _Account_contra, inputs: Inputs, owner: str, /) -> str:
        """Make it, marked as the owner's, and return its id."""
        ...

    def find(self, account: _Account_contra, owner: str, /) -> Sequence[str]:
        """Return ids of what the owner made, whether it is still there or not.

        By it a resource is adopted that a crash kept from being recorded.
        """
        ...

    def read(self, account: _Account_contra, identifier: str, /) -> Outputs | None:
        """Return the properties that the emulator holds, or None when it is gone."""
        ...

    def update(
        self, account: _Account_contra, identifier: str, old: Inputs, new: Inputs, /
    ) -> None:
        """Bring it from the old inputs to the new ones."""
        ...

    def delete(self, account: _Account_contra, identifier: str, /) -> None:
        """Remove it; it is no fault that it is gone already."""
        ...


def find_or_create(
    operations: Operations[Account], account: Account, inputs: Inputs, owner: str
) -> str:
    """Return the id of what the owner made and is still there, or of what is made now."""
    made = operations.find(account, owner)
    there = (each for each in made if operations.read(account, each) is not None)
    return next(there, "") or operations.create(account, inputs, owner)


def _nothing(_account: object, _id: str, _inputs: Inputs) -> Outputs:
    return {}


def _never(_inputs: Inputs) -> str:
    return ""


def _none(_old: Inputs, _new: Inputs) -> Sequence[str]:
    return ()


@dataclass(frozen=True, kw_only=True)
class ResourceType(Generic[Account]):
    """What the sandbox knows of one type; the properties' names and types come from the SDK.

    `replaces` are the properties whose change makes a new resource, as the page `docs` states.
    `named_by` is the property that the provider fills in with a name of its own making.
    """

    token: str
    docs: str
    identify: Callable[[Account, str, Inputs], str]
    computed: Callable[[Account, str, Inputs], Outputs] = _nothing
    replaces: Sequence[str] = ()
    replaces_when: Callable[[Inputs, Inputs], Sequence[str]] = _none
    """More of them, where old and new values decide: a range may grow in place, and not shrink."""
    named_by: str | None = None
    checks: Sequence[Check] = ()
    operations: Operations[Account] | None = None
    is_part: bool = False
    """Whether it is found by nothing but its name within another resource, as a rule's target is.

    A name that is the same each time then keeps a crash from leaving one more.
    """
    moves: Sequence[str] = field(default=())
    """Outputs that an update changes, such as the latest version of a launch template."""
    stays: Callable[[Inputs], str] = _never
    """Why a resource with these inputs is not deleted; nothing when it may be."""


def by(*names: str, separator: str = ":") -> Callable[[object, str, Inputs], str]:
    """Identify by the values of some inputs."""

    def identify(_account: object, _owner: str, inputs: Inputs) -> str:
        return separator.join(str(inputs[name]) for name in names)

    return identify
