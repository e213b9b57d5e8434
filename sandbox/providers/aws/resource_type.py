"""One row per resource type: how it is made, named and changed, and what AWS would refuse."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from sandbox.providers.aws.account import Account
from sandbox.providers.aws.checks import Check

Inputs = Mapping[str, Any]
Outputs = Mapping[str, Any]


class Operations(Protocol):
    """How the emulator holds a resource that a running thing reads.

    A type without operations is recorded: it exists in Pulumi's state alone.
    """

    def create(self, account: Account, inputs: Inputs, owner: str) -> str:
        """Make it, marked as the owner's, and return its id."""
        ...

    def find(self, account: Account, owner: str) -> Sequence[str]:
        """Return ids of what the owner made, whether it is still there or not.

        By it a resource is adopted that a crash kept from being recorded.
        """
        ...

    def read(self, account: Account, identifier: str) -> Outputs | None:
        """Return the properties that the emulator holds, or None when it is gone."""
        ...

    def update(self, account: Account, identifier: str, old: Inputs, new: Inputs) -> None:
        """Bring it from the old inputs to the new ones."""
        ...

    def delete(self, account: Account, identifier: str) -> None:
        """Remove it; it is no fault that it is gone already."""
        ...


def find_or_create(operations: Operations, account: Account, inputs: Inputs, owner: str) -> str:
    """Return the id of what the owner made and is still there, or of what is made now."""
    made = operations.find(account, owner)
    there = (each for each in made if operations.read(account, each) is not None)
    return next(there, "") or operations.create(account, inputs, owner)


def _nothing(_account: Account, _id: str, _inputs: Inputs) -> Outputs:
    return {}


@dataclass(frozen=True, kw_only=True)
class ResourceType:
    """What the sandbox knows of one type; the properties' names and types come from the SDK.

    `replaces` are the properties whose change makes a new resource, as the page `docs` states.
    `named_by` is the property that the provider fills in with a name of its own making.
    """

    token: str
    docs: str
    identify: Callable[[Account, str, Inputs], str]
    computed: Callable[[Account, str, Inputs], Outputs] = _nothing
    replaces: Sequence[str] = ()
    named_by: str | None = None
    checks: Sequence[Check] = ()
    operations: Operations | None = None
    is_part: bool = False
    """Whether it is found by nothing but its name within another resource, as a rule's target is.

    A name that is the same each time then keeps a crash from leaving one more.
    """
    moves: Sequence[str] = field(default=())
    """Outputs that an update changes, such as the latest version of a launch template."""


def prefixed(prefix: str) -> Callable[[Account, str, Inputs], str]:
    """Identify by prefix and 17 hexadecimal digits, as EC2 does: vpc-0a1b2c3d4e5f60718."""

    def identify(_account: Account, owner: str, _inputs: Inputs) -> str:
        return f"{prefix}-0{owner[:16]}"

    return identify


def by(*names: str, separator: str = ":") -> Callable[[Account, str, Inputs], str]:
    """Identify by the values of some inputs."""

    def identify(_account: Account, _owner: str, inputs: Inputs) -> str:
        return separator.join(str(inputs[name]) for name in names)

    return identify


def arn(service: str, resource: str, *, region: bool = True) -> Callable[..., Outputs]:
    """Compute an ARN alone; `{id}` in the resource stands for the id."""

    def computed(account: Account, identifier: str, _inputs: Inputs) -> Outputs:
        return {"arn": account.arn(service, resource.format(id=identifier), region=region)}

    return computed
