"""The simulated aws provider: as strict as AWS in what it accepts, one row per resource type."""

import hashlib
import json
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from importlib.metadata import version
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError

from sandbox.providers import sdk_schema
from sandbox.providers.aws import (
    autonaming,
    autoscaling,
    cloudwatch,
    eks,
    events,
    iam,
    kms,
    network,
    s3,
    sqs,
)
from sandbox.providers.aws.account import ACCOUNT_ID, Account
from sandbox.providers.aws.resource_type import ResourceType, find_or_create
from sandbox.providers.differences import Difference
from sandbox.providers.plugin import Failure, Live, Provider, Refused, Request, Urn
from sandbox.providers.values import UNKNOWN, Properties, is_list, is_mapping, nested

ROWS: Mapping[str, ResourceType] = {
    row.token: row
    for service in (autoscaling, cloudwatch, eks, events, iam, kms, network, s3, sqs)
    for row in service.ROWS
}


class Aws(Provider):
    """AWS as the engine sees it: checks first, then the emulator for what a running thing reads."""

    version = version("pulumi-aws")

    def __init__(self) -> None:
        super().__init__()
        self._region = "us-east-1"

    def configure(self, settings: Properties) -> None:
        """Take the region."""
        self._region = settings.get("region", self._region)

    def check(
        self, urn: Urn, olds: Properties, news: Properties, seed: bytes
    ) -> tuple[Properties, Sequence[Failure]]:
        """Fill in the name that AWS wants, and find what AWS would refuse."""
        row = ROWS.get(urn.type)
        if row is None:
            raise Refused(
                f"{urn.type} ({urn.name}) has no row in sandbox/providers/aws: the sandbox does "
                "not know what AWS would make of it. CONTRIBUTING.md says how to add one"
            )
        inputs = {name: value for name, value in news.items() if value is not None}
        if row.named_by and f"{row.named_by}Prefix" not in inputs:
            autonaming.fill(inputs, row.named_by, urn, olds, b"" if row.is_part else seed)
        if inputs == olds:
            return inputs, []  # it has passed; the SDK and AWS's models take seconds to read
        found = [*sdk_schema.faults(urn.type, inputs)]
        if not found:
            found = [failure for check in row.checks for failure in check(inputs)]
        return inputs, found

    def diff(self, request: Request) -> Difference:
        """Compare the inputs; a name that is not ours can't be held by two at once."""
        row = ROWS[request.urn.type]
        return Difference.between(
            request.old_inputs,
            request.inputs,
            immutable=row.replaces,
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
        with _errors(request.urn):
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
        with _errors(request.urn):
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
        with _errors(request.urn):
            if row.operations is not None:
                row.operations.update(account, request.id, request.old_inputs, request.inputs)
            return self._outputs(row, account, request.id, request.inputs)

    def delete(self, request: Request) -> None:
        """Remove the resource."""
        row, account = self._of(request.urn)
        if row.operations is not None:
            with _errors(request.urn):
                row.operations.delete(account, request.id)

    def invoke(self, token: str, arguments: Properties, *, preview: bool) -> Properties:
        """Answer the account facts that the SDKs ask for; the program itself invokes nothing."""
        match token:
            case "aws:index/getPartition:getPartition":
                return {"partition": "aws", "dnsSuffix": "amazonaws.com", "id": "aws"}
            case "aws:index/getCallerIdentity:getCallerIdentity":
                return {"accountId": ACCOUNT_ID, "id": ACCOUNT_ID}
            case "aws:index/getRegion:getRegion":
                return {"region": self._region, "name": self._region, "id": self._region}
            case _:
                raise Refused(f"the function {token} has no answer in sandbox/providers/aws")

    def _of(self, urn: Urn) -> tuple[ResourceType, Account]:
        return ROWS[urn.type], Account(self._region, urn.stack)

    @staticmethod
    def _outputs(
        row: ResourceType, account: Account, identifier: str, inputs: Properties
    ) -> Properties:
        held = row.operations.read(account, identifier) if row.operations else None
        return {
            "region": account.region,
            **inputs,
            **row.computed(account, identifier, inputs),
            **(held or {}),
        }


def _computed_within(row: ResourceType, account: Account, inputs: Properties) -> Properties:
    """Return the inputs that AWS adds to, with what it adds as not known yet."""
    computed = row.computed(account, UNKNOWN, inputs)
    return {
        name: {**dict.fromkeys(value, UNKNOWN), **nested(inputs, name)}
        for name, value in computed.items()
        if is_mapping(value) and name in inputs
    }


def _owner(urn: Urn, row: ResourceType, inputs: Properties) -> str:
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
    return _in_order_of(given, held)


@contextmanager
def _errors(urn: Urn) -> Generator[None]:
    try:
        yield
    except (BotoCoreError, ClientError, ResponseParserError) as error:
        raise Refused(f"{urn.type} ({urn.name}): {error}") from error
