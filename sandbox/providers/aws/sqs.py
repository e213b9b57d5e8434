"""Rows of SQS: queues are held, since work and notices of interruption wait in them."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from sandbox.providers.aws.account import OWNER_TAG, Account
from sandbox.providers.aws.checks import policy_document
from sandbox.providers.aws.resource_type import ResourceType
from sandbox.providers.checks import any_of, between, exclusive, matches, one_of
from sandbox.providers.plugin import Failure
from sandbox.providers.resource_type import Inputs, Outputs, by
from sandbox.providers.values import UNKNOWN, is_mapping

_DOCS = "https://www.pulumi.com/registry/packages/aws/api-docs/sqs/"
_API = "https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/"
_ATTRIBUTES = f"{_API}API_SetQueueAttributes.html"
_NAMES = f"{_API}API_CreateQueue.html"

# What the provider calls a property and SQS an attribute.
_ATTRIBUTE: Mapping[str, str] = {
    "contentBasedDeduplication": "ContentBasedDeduplication",
    "deduplicationScope": "DeduplicationScope",
    "delaySeconds": "DelaySeconds",
    "fifoQueue": "FifoQueue",
    "fifoThroughputLimit": "FifoThroughputLimit",
    "kmsDataKeyReusePeriodSeconds": "KmsDataKeyReusePeriodSeconds",
    "kmsMasterKeyId": "KmsMasterKeyId",
    "maxMessageSize": "MaximumMessageSize",
    "messageRetentionSeconds": "MessageRetentionPeriod",
    "policy": "Policy",
    "receiveWaitTimeSeconds": "ReceiveMessageWaitTimeSeconds",
    "redriveAllowPolicy": "RedriveAllowPolicy",
    "redrivePolicy": "RedrivePolicy",
    "sqsManagedSseEnabled": "SqsManagedSseEnabled",
    "visibilityTimeoutSeconds": "VisibilityTimeout",
}
# Their values go back to what they were when the program no longer gives one.
_DEFAULTS: Mapping[str, str] = {
    "delaySeconds": "0",
    "maxMessageSize": "262144",
    "messageRetentionSeconds": "345600",
    "receiveWaitTimeSeconds": "0",
    "visibilityTimeoutSeconds": "30",
}


class Queues:
    """Queues."""

    def create(self, account: Account, inputs: Inputs, owner: str) -> str:
        """Make the queue; its URL is its id."""
        return account.client("sqs").create_queue(
            QueueName=inputs["name"], Attributes=_attributes(inputs), tags={OWNER_TAG: owner}
        )["QueueUrl"]

    def find(self, account: Account, owner: str) -> list[str]:
        """Find a queue by its owner."""
        client = account.client("sqs")
        return [
            url
            for url in client.list_queues().get("QueueUrls", [])
            if client.list_queue_tags(QueueUrl=url).get("Tags", {}).get(OWNER_TAG) == owner
        ]

    def read(self, account: Account, identifier: str) -> Outputs | None:
        """Read the attributes, spelt as the provider spells them."""
        held = _held(account, identifier)
        if held is None:
            return None
        read = {name: held[there] for name, there in _ATTRIBUTE.items() if there in held}
        return {
            "name": held["QueueArn"].rpartition(":")[2],
            "url": identifier,
            "arn": held["QueueArn"],
            **{name: _typed(value) for name, value in read.items() if name != "policy"},
        }

    def update(self, account: Account, identifier: str, old: Inputs, new: Inputs) -> None:
        """Set the attributes that changed; one that is no longer given gets its default."""
        before, after = _attributes(old), _attributes(new)
        left = {there: _DEFAULTS.get(name, "") for name, there in _ATTRIBUTE.items()}
        reset = {name: left[name] for name in before.keys() - after.keys()}
        changed = {name: value for name, value in after.items() if before.get(name) != value}
        if attributes := {**reset, **changed}:
            account.client("sqs").set_queue_attributes(QueueUrl=identifier, Attributes=attributes)

    def delete(self, account: Account, identifier: str) -> None:
        """Delete the queue with whatever is in it."""
        client = account.client("sqs")
        try:
            client.delete_queue(QueueUrl=identifier)
        except client.exceptions.QueueDoesNotExist:
            return


class QueuePolicies:
    """Who else may send to a queue."""

    def create(self, account: Account, inputs: Inputs, owner: str) -> str:
        """Set it."""
        self.update(account, inputs["queueUrl"], {}, inputs)
        return inputs["queueUrl"]

    def find(self, account: Account, owner: str) -> list[str]:
        """Setting it again does no harm, so nothing needs finding."""
        return []

    def read(self, account: Account, identifier: str) -> Outputs | None:
        """Read it."""
        policy = (_held(account, identifier) or {}).get("Policy")
        return {"policy": policy} if policy else None

    def update(self, account: Account, identifier: str, old: Inputs, new: Inputs) -> None:
        """Set it anew."""
        account.client("sqs").set_queue_attributes(
            QueueUrl=identifier, Attributes={"Policy": new["policy"]}
        )

    def delete(self, account: Account, identifier: str) -> None:
        """Take it off the queue, which may be gone."""
        if _held(account, identifier):
            account.client("sqs").set_queue_attributes(
                QueueUrl=identifier, Attributes={"Policy": ""}
            )


def _held(account: Account, url: str) -> Mapping[str, str] | None:
    client = account.client("sqs")
    try:
        return client.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    except client.exceptions.QueueDoesNotExist:
        return None


def _attributes(inputs: Inputs) -> dict[str, str]:
    given = {there: inputs[name] for name, there in _ATTRIBUTE.items() if name in inputs}
    if given.get("FifoQueue") is False:  # SQS knows the attribute as true or not at all
        del given["FifoQueue"]
    return {
        name: str(value).lower() if isinstance(value, bool) else str(value)
        for name, value in given.items()
    }


def _typed(value: str) -> Any:
    if value in ("true", "false"):
        return value == "true"
    return int(value) if value.isdecimal() else value


def _redrive_policy(inputs: Inputs) -> Iterator[Failure]:
    given = inputs.get("redrivePolicy")
    if given in (None, UNKNOWN):
        return
    try:
        policy: Any = json.loads(str(given))
    except ValueError as error:
        yield Failure("redrivePolicy", f"must be a JSON document: {error}")
        return
    count = policy.get("maxReceiveCount") if is_mapping(policy) else None
    sound = is_mapping(policy) and policy.get("deadLetterTargetArn") and type(count) is int
    if not sound or not 1 <= int(count or 0) <= 1000:  # noqa: PLR2004 - the limit of SQS
        limit = "must name a deadLetterTargetArn and a maxReceiveCount, a number from 1 to 1000"
        yield Failure("redrivePolicy", f"{limit}, got {given} ({_ATTRIBUTES})")


def _fifo_is_in_the_name(inputs: Inputs) -> Iterator[Failure]:
    name = inputs.get("name", UNKNOWN)
    if name != UNKNOWN and str(name).endswith(".fifo") is not bool(inputs.get("fifoQueue")):
        limit = "must end with .fifo when fifoQueue is true, and only then"
        yield Failure("name", f"{limit}, got {name!r} ({_NAMES})")


ROWS = (
    ResourceType(
        token="aws:sqs/queue:Queue",
        docs=f"{_DOCS}queue/",
        identify=lambda _, __, inputs: inputs["name"],
        named_by="name",
        replaces=("name", "namePrefix", "fifoQueue"),
        checks=(
            matches("name", r"[A-Za-z0-9_-]{1,80}|[A-Za-z0-9_-]{1,75}\.fifo", _NAMES),
            between("delaySeconds", 0, 900, _ATTRIBUTES),
            between("maxMessageSize", 1024, 1048576, _ATTRIBUTES),
            between("messageRetentionSeconds", 60, 1209600, _ATTRIBUTES),
            between("receiveWaitTimeSeconds", 0, 20, _ATTRIBUTES),
            between("visibilityTimeoutSeconds", 0, 43200, _ATTRIBUTES),
            between("kmsDataKeyReusePeriodSeconds", 60, 86400, _ATTRIBUTES),
            one_of("deduplicationScope", ("messageGroup", "queue"), _ATTRIBUTES),
            one_of("fifoThroughputLimit", ("perQueue", "perMessageGroupId"), _ATTRIBUTES),
            exclusive("kmsMasterKeyId", "sqsManagedSseEnabled"),
            policy_document("policy"),
            _redrive_policy,
            _fifo_is_in_the_name,
        ),
        operations=Queues(),
    ),
    ResourceType(
        token="aws:sqs/queuePolicy:QueuePolicy",
        docs=f"{_DOCS}queuepolicy/",
        identify=by("queueUrl"),
        replaces=("queueUrl",),
        checks=(policy_document("policy"), any_of("policy")),
        operations=QueuePolicies(),
    ),
)
