"""A cloud as the engine sees it: checks first, then an emulator for what a running thing reads."""

import hashlib
import json
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Generic

from sandbox.providers import autonaming, sdk_schema
from sandbox.providers.differences import Difference
from sandbox.providers.plugin import Failure, Live, Provider, Refused, Request, Urn
from sandbox.providers.resource_type import (
    Account,
    Inputs,
    Outputs,
    ResourceType,
    find_or_create,
)
from sandbox.providers.values import UNKNOWN, Properties, is_list, is_mapping


class Cloud(Provider, Generic[Account]):
    """What the providers of all clouds do alike, given the rows of one of them."""

    name: str
    """What messages call the cloud."""
    folder: str
    """Where its rows are."""
    rows: Mapping[str, ResourceType[Account]]
    errors: tuple[type[Exception], ...]
    """What its clients raise when the emulator refuses something."""

    def account(self, stack: str) -> Account:
        """Return where the resources of a stack are."""
        raise NotImplementedError

    def own_outputs(self, account: Account, row: ResourceType[Account]) -> Outputs:
        """Return what the account makes of properties that the program left open."""
        raise NotImplementedError

    def own_faults(self, row: ResourceType[Account], inputs: Inputs) -> Sequence[Failure]:
        """Return what the provider's own configuration lacks for a resource."""
        del row, inputs
        return []

    def check(
        self, urn: Urn, olds: Properties, news: Properties, seed: bytes
    ) -> tuple[Properties, Sequence[Failure]]:
        """Fill in the name that the cloud wants, and find what it would refuse."""
        row = self.rows.get(urn.type)
        if row is None:
            raise Refused(
                f"{urn.type} ({urn.name}) has no row in {self.folder}: the sandbox does "
                f"not know what {self.name} would make of it. CONTRIBUTING.md says how to add one"
            )
        inputs = {name: value for name, value in news.items() if value is not None}
        if row.named_by and f"{row.named_by}Prefix" not in inputs:
            autonaming.fill(inputs, row.named_by, urn, olds, b"" if row.is_part else seed)
        if inputs == olds:
            return inputs, []  # it has passed; the SDK and the cloud's models take seconds to read
        found = [*self.own_faults(row, inputs), *sdk_schema.faults(urn.type, inputs)]
        if not found:
            found = [failure for check in row.checks for failure in check(inputs)]
        return inputs, found

    def diff(self, request: Request) -> Difference:
        """Compare the inputs; a name that is not ours can't be held by two at once."""
        row = self.rows[request.urn.type]
        return Difference.between(
            request.old_inputs,
            request.inputs,
            immutable=(*row.replaces, *row.replaces_when(request.old_inputs, request.inputs)),
            delete_before_replace=autonaming.is_given(request.inputs, row.named_by),
        )

    def create(self, request: Request) -> tuple[str, Properties]:
        """Make the resource, or adopt what was made before a crash kept it from the state."""
        row, account = self._of(request.urn)
        inputs = request.inputs
        if request.preview:
            unknown = dict.fromkeys(sdk_schema.output_names(row.token), UNKNOWN)
            return "", {**unknown, **inputs, **_computed_within(row, account, inputs)}
        owner = _owner(request.urn, row, inputs)
        with self._refusals(request.urn):
            if row.operations is None:
                identifier = row.identify(account, owner, inputs)
            else:
                identifier = find_or_create(row.operations, account, inputs, owner)
            return identifier, self._outputs(row, account, identifier, inputs)

    def read(self, request: Request) -> Live | None:
        """Return the resource with what the emulator holds of it."""
        row, account = self._of(request.urn)
        if row.operations is None:
            return Live(request.id, request.inputs, request.old_outputs)
        with self._refusals(request.urn):
            held = row.operations.read(account, request.id)
        if held is None:
            return None
        inputs = {
            name: _overlaid(value, held[name]) if name in held else value
            for name, value in request.inputs.items()
        }
        outputs = {
            name: _in_order_of(request.old_outputs.get(name), value) for name, value in held.items()
        }
        return Live(request.id, inputs, {**request.old_outputs, **outputs})

    def update(self, request: Request) -> Properties:
        """Change the resource in place."""
        row, account = self._of(request.urn)
        if request.preview:
            computed = row.computed(account, request.id, request.inputs)
            moved = dict.fromkeys(row.moves, UNKNOWN)
            return {**request.old_outputs, **request.inputs, **computed, **moved}
        with self._refusals(request.urn):
            if row.operations is not None:
                row.operations.update(account, request.id, request.old_inputs, request.inputs)
            return self._outputs(row, account, request.id, request.inputs)

    def delete(self, request: Request) -> None:
        """Remove the resource, unless it is kept from that."""
        row, account = self._of(request.urn)
        if reason := row.stays(request.inputs):
            raise Refused(f"{request.urn.type} ({request.urn.name}): {reason}")
        if row.operations is not None:
            with self._refusals(request.urn):
                row.operations.delete(account, request.id)

    def _of(self, urn: Urn) -> tuple[ResourceType[Account], Account]:
        return self.rows[urn.type], self.account(urn.stack)

    def _outputs(
        self, row: ResourceType[Account], account: Account, identifier: str, inputs: Properties
    ) -> Properties:
        held = row.operations.read(account, identifier) if row.operations else None
        return {
            **self.own_outputs(account, row),
            **inputs,
            **row.computed(account, identifier, inputs),
            **(held or {}),
        }

    @contextmanager
    def _refusals(self, urn: Urn) -> Generator[None]:
        try:
            yield
        except self.errors as error:
            raise Refused(f"{urn.type} ({urn.name}): {error}") from error


def _computed_within(
    row: ResourceType[Account], account: Account, inputs: Properties
) -> Properties:
    """Return the inputs that the cloud adds to, with what it adds as not known yet."""
    computed = row.computed(account, UNKNOWN, inputs)
    return {
        name: _unknown_within(value, inputs[name])
        for name, value in computed.items()
        if is_mapping(value) and name in inputs
    }


def _unknown_within(computed: Any, given: Any) -> Any:
    if not (is_mapping(computed) and is_mapping(given)):
        return given
    return {
        **given,
        **{
            name: _unknown_within(value, given[name]) if name in given else UNKNOWN
            for name, value in computed.items()
        },
    }


def _owner(urn: Urn, row: ResourceType[Any], inputs: Properties) -> str:
    """Return what tells one wish for a resource from another: its URN and inputs but its name."""
    wish = {name: value for name, value in inputs.items() if name != row.named_by}
    return hashlib.sha256(f"{urn}{json.dumps(wish, sort_keys=True)}".encode()).hexdigest()[:40]


def _in_order_of(known: Any, held: Any) -> Any:
    """Return what is held; the same items in another order, as AWS returns tags, are no drift."""
    if not (is_list(known) and is_list(held) and len(known) == len(held)):
        return held
    return known if all(each in held for each in known) else held


def _overlaid(given: Any, held: Any) -> Any:
    """Return the held value of what was given; what the program left open is no drift."""
    if is_mapping(given) and is_mapping(held):
        return {key: _overlaid(value, held.get(key, value)) for key, value in given.items()}
    if is_list(given) and is_list(held) and len(given) == len(held) and held != given:
        same = _in_order_of(given, held)
        return (
            same if same is given else [_overlaid(*pair) for pair in zip(given, held, strict=True)]
        )
    return held
