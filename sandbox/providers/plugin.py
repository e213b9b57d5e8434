"""A provider as plain Python methods: what a package overrides, in the words it needs.

`servicer.serve` makes a plugin process of one.
"""

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field

from sandbox.providers.differences import Difference
from sandbox.providers.values import Properties


class Refused(Exception):  # noqa: N818 - it reads as what happened to the program's request
    """A fault of the program or of the cloud: shown as it is, without a traceback."""


class NotInitialized(Exception):  # noqa: N818 - likewise
    """A resource exists, so the engine must record it, but it is not what was asked for yet."""

    def __init__(self, message: str, resource_id: str, outputs: Properties) -> None:
        super().__init__(message)
        self.resource_id = resource_id
        self.outputs = outputs


@dataclass(frozen=True)
class Urn:
    """The name of a resource: `urn:pulumi:STACK::PROJECT::PARENT$TYPE::NAME`."""

    text: str

    def __str__(self) -> str:
        return self.text

    @property
    def stack(self) -> str:
        """The stack that the resource is in."""
        return self.text.split("::")[0].removeprefix("urn:pulumi:")

    @property
    def project(self) -> str:
        """The project that the stack is of."""
        return self.text.split("::")[1]

    @property
    def type(self) -> str:
        """The resource's own type token, without its parents'."""
        return self.text.split("::")[2].split("$")[-1]

    @property
    def name(self) -> str:
        """The name that the program gave it."""
        return self.text.split("::", 3)[3]


@dataclass(frozen=True)
class Failure:
    """What is wrong with one property."""

    property: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class Request:
    """What the engine says of the resource that it wants something done to."""

    urn: Urn
    id: str = ""
    inputs: Properties = field(default_factory=Properties)
    """The new inputs; for `read` and `delete` the recorded ones."""
    old_inputs: Properties = field(default_factory=Properties)
    """The recorded inputs, for `diff` and `update`."""
    old_outputs: Properties = field(default_factory=Properties)
    """The recorded outputs."""
    ignore_changes: Sequence[str] = ()
    preview: bool = False
    """Whether only the answer is wanted, not the deed."""
    timeout: float = 0.0
    """Seconds from the program's `custom_timeouts`; 0 when it names none."""


@dataclass(frozen=True)
class Live:
    """A resource as it is found to be."""

    id: str
    inputs: Properties
    outputs: Properties


class Provider:
    """What a package's provider overrides; what it leaves is accepted and does nothing."""

    version = "0.0.0"

    def __init__(self) -> None:
        self.cancelled = threading.Event()

    def check_config(self, inputs: Properties) -> Sequence[Failure]:
        """Return what is wrong with the provider's own configuration."""
        del inputs
        return []

    def diff_config(self, request: Request) -> Difference:
        """Return what a changed configuration does to the provider's resources."""
        return Difference.between(request.old_inputs, request.inputs)

    def configure(self, settings: Properties) -> None:
        """Take the configuration: every value is known by then."""

    def check(
        self, urn: Urn, olds: Properties, news: Properties, seed: bytes
    ) -> tuple[Properties, Sequence[Failure]]:
        """Return the inputs with their defaults, and what is wrong with them."""
        del urn, olds, seed
        return news, []

    def diff(self, request: Request) -> Difference:
        """Return what changed, and what of it needs a new resource."""
        return Difference.between(request.old_inputs, request.inputs)

    def create(self, request: Request) -> tuple[str, Properties]:
        """Return the new resource's id and outputs; in a preview the id is not used."""
        raise Refused(f"{request.urn.type} is not known to this provider")

    def read(self, request: Request) -> Live | None:
        """Return the resource as it is, or None when it is gone."""
        return Live(request.id, request.inputs, request.old_outputs)

    def update(self, request: Request) -> Properties:
        """Return the changed resource's outputs."""
        raise Refused(f"{request.urn.type} is not known to this provider")

    def delete(self, request: Request) -> None:
        """Delete the resource; one that is gone already is no fault."""

    def invoke(self, token: str, arguments: Properties, *, preview: bool) -> Properties:
        """Return a function's result."""
        del arguments, preview
        raise Refused(f"{token} is not known to this provider")
