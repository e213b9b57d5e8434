"""Rows of EventBridge and lifecycle hooks, held since they lead notices about instances to queues.

Those of hooks are the emulator's own; notices of interruption are put on its bus by a command.
"""

import json
from collections.abc import Iterator
from typing import Any

from botocore.exceptions import ClientError

from sandbox.providers.aws.account import OWNER_TAG, Account, is_missing
from sandbox.providers.aws.autoscaling import in_capitals
from sandbox.providers.aws.checks import one_of_shape
from sandbox.providers.aws.resource_type import ResourceType
from sandbox.providers.checks import any_of, between, matches, one_of
from sandbox.providers.plugin import Failure
from sandbox.providers.resource_type import Inputs, Outputs, by
from sandbox.providers.values import UNKNOWN, is_list, is_mapping

_DOCS = "https://www.pulumi.com/registry/packages/aws/api-docs/"
_EVENTS = "https://docs.aws.amazon.com/eventbridge/latest/APIReference/"
_PATTERNS = "https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-event-patterns.html"
_HOOK = "https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_PutLifecycleHook.html"
_DEFAULT_BUS = "default"
_RULE: dict[str, str] = {
    "description": "Description",
    "eventPattern": "EventPattern",
    "roleArn": "RoleArn",
    "scheduleExpression": "ScheduleExpression",
    "state": "State",
}
_TARGET = ("arn", "input", "inputPath", "roleArn")
_HOOK_FIELDS = (
    "defaultResult",
    "heartbeatTimeout",
    "lifecycleTransition",
    "notificationMetadata",
    "notificationTargetArn",
)


class Rules:
    """Rules of an event bus; a rule's id is its name, after that of a bus of the user's own."""

    def create(self, account: Account, inputs: Inputs, owner: str) -> str:
        """Put the rule."""
        self._put(account, inputs, Tags=[{"Key": OWNER_TAG, "Value": owner}])
        bus = _bus(inputs)
        return inputs["name"] if bus == _DEFAULT_BUS else f"{bus}/{inputs['name']}"

    def find(self, account: Account, owner: str) -> list[str]:
        """Find a rule of the default bus by its owner."""
        client = account.client("events")
        return [
            rule["Name"]
            for rule in client.list_rules()["Rules"]
            if {"Key": OWNER_TAG, "Value": owner}
            in client.list_tags_for_resource(ResourceARN=rule["Arn"])["Tags"]
        ]

    def read(self, account: Account, identifier: str) -> Outputs | None:
        """Read what the rule waits for."""
        bus, _, name = identifier.rpartition("/")
        try:
            held = account.client("events").describe_rule(
                Name=name, EventBusName=bus or _DEFAULT_BUS
            )
        except ClientError as error:
            if is_missing(error):
                return None
            raise
        read = {here: held[there] for here, there in _RULE.items() if held.get(there)}
        return {"name": name, "arn": held["Arn"], **read}

    def update(self, account: Account, identifier: str, old: Inputs, new: Inputs) -> None:
        """Put it anew."""
        self._put(account, new)

    def delete(self, account: Account, identifier: str) -> None:
        """Delete the rule, whose targets must be gone as on AWS."""
        bus, _, name = identifier.rpartition("/")
        account.client("events").delete_rule(Name=name, EventBusName=bus or _DEFAULT_BUS)

    @staticmethod
    def _put(account: Account, inputs: Inputs, **more: Any) -> None:
        given = {there: inputs[here] for here, there in _RULE.items() if here in inputs}
        account.client("events").put_rule(
            Name=inputs["name"], EventBusName=_bus(inputs), **given, **more
        )


class Targets:
    """Where a rule's events go; a target's id is bus/rule/target."""

    def create(self, account: Account, inputs: Inputs, owner: str) -> str:
        """Put the target."""
        given = in_capitals({name: inputs[name] for name in _TARGET if name in inputs})
        if fifo := inputs.get("sqsTarget"):
            given["SqsParameters"] = in_capitals(fifo)
        account.client("events").put_targets(
            Rule=inputs["rule"],
            EventBusName=_bus(inputs),
            Targets=[{"Id": inputs["targetId"], **given}],
        )
        return f"{_bus(inputs)}/{inputs['rule']}/{inputs['targetId']}"

    def find(self, account: Account, owner: str) -> list[str]:
        """Putting it again does no harm, so nothing needs finding."""
        return []

    def read(self, account: Account, identifier: str) -> Outputs | None:
        """Read where the events go."""
        bus, rule, target = identifier.rsplit("/", 2)
        try:
            listed = account.client("events").list_targets_by_rule(Rule=rule, EventBusName=bus)
        except ClientError as error:
            if is_missing(error):
                return None
            raise
        found = (each for each in listed["Targets"] if each["Id"] == target)
        return next(({"arn": each["Arn"]} for each in found), None)

    def update(self, account: Account, identifier: str, old: Inputs, new: Inputs) -> None:
        """Put it anew."""
        self.create(account, new, "")

    def delete(self, account: Account, identifier: str) -> None:
        """Take it off the rule, which may be gone."""
        bus, rule, target = identifier.rsplit("/", 2)
        try:
            account.client("events").remove_targets(Rule=rule, EventBusName=bus, Ids=[target])
        except ClientError as error:
            if not is_missing(error):
                raise


class LifecycleHooks:
    """What a group waits for before it ends an instance; a hook's id is group/hook."""

    def create(self, account: Account, inputs: Inputs, owner: str) -> str:
        """Put the hook."""
        given = {name: inputs[name] for name in _HOOK_FIELDS if name in inputs}
        account.client("autoscaling").put_lifecycle_hook(
            LifecycleHookName=inputs["name"],
            AutoScalingGroupName=inputs["autoscalingGroupName"],
            **in_capitals(given),
        )
        return f"{inputs['autoscalingGroupName']}/{inputs['name']}"

    def find(self, account: Account, owner: str) -> list[str]:
        """Putting it again does no harm, so nothing needs finding."""
        return []

    def read(self, account: Account, identifier: str) -> Outputs | None:
        """Read how long it waits, and what happens then."""
        group, _, name = identifier.rpartition("/")
        held = account.client("autoscaling").describe_lifecycle_hooks(
            AutoScalingGroupName=group, LifecycleHookNames=[name]
        )["LifecycleHooks"]
        if not held:
            return None
        return {
            "lifecycleTransition": held[0]["LifecycleTransition"],
            "heartbeatTimeout": held[0]["HeartbeatTimeout"],
            "defaultResult": held[0]["DefaultResult"],
        }

    def update(self, account: Account, identifier: str, old: Inputs, new: Inputs) -> None:
        """Put it anew."""
        self.create(account, new, "")

    def delete(self, account: Account, identifier: str) -> None:
        """Take it off the group, which may be gone."""
        group, _, name = identifier.rpartition("/")
        account.client("autoscaling").delete_lifecycle_hook(
            AutoScalingGroupName=group, LifecycleHookName=name
        )


def _bus(inputs: Inputs) -> str:
    return inputs.get("eventBusName") or _DEFAULT_BUS


def _event_pattern(inputs: Inputs) -> Iterator[Failure]:
    given = inputs.get("eventPattern")
    if given in (None, UNKNOWN):
        return
    try:
        pattern = json.loads(str(given))
        _require_pattern(pattern, "the pattern")
    except ValueError as error:
        yield Failure("eventPattern", f"must be an event pattern: {error} ({_PATTERNS})")


def _require_pattern(pattern: Any, what: str) -> None:
    if not is_mapping(pattern) or not pattern:
        raise ValueError(f"{what} must be an object with a field, got {json.dumps(pattern)}")
    for key, value in pattern.items():
        if is_mapping(value):
            _require_pattern(value, key)
        elif not is_list(value) or not value:
            raise ValueError(f"{key} must list the values to match, got {json.dumps(value)}")
        elif any(is_list(each) for each in value):
            raise ValueError(f"{key} must list values, not lists, got {json.dumps(value)}")


ROWS = (
    ResourceType(
        token="aws:cloudwatch/eventRule:EventRule",
        docs=f"{_DOCS}cloudwatch/eventrule/",
        identify=by("name"),
        named_by="name",
        replaces=("name", "namePrefix", "eventBusName"),
        checks=(
            matches("name", r"[.\-_A-Za-z0-9]{1,64}", f"{_EVENTS}API_PutRule.html"),
            matches("eventPattern", r"(?s).{1,4096}", f"{_EVENTS}API_PutRule.html"),
            matches("scheduleExpression", r"(rate|cron)\([^)]+\)", f"{_EVENTS}API_PutRule.html"),
            one_of_shape("state", "events", "RuleState"),
            any_of("eventPattern", "scheduleExpression"),
            _event_pattern,
        ),
        operations=Rules(),
    ),
    ResourceType(
        token="aws:cloudwatch/eventTarget:EventTarget",
        docs=f"{_DOCS}cloudwatch/eventtarget/",
        identify=by("rule", "targetId", separator="/"),
        named_by="targetId",
        is_part=True,
        replaces=("rule", "targetId", "eventBusName"),
        checks=(
            matches("targetId", r"[.\-_A-Za-z0-9]{1,64}", f"{_EVENTS}API_Target.html"),
            matches("arn", r"arn:aws[a-z-]*:[^:]+:.*", f"{_EVENTS}API_Target.html"),
            between("retryPolicy.maximumEventAgeInSeconds", 60, 86400, _EVENTS),
            between("retryPolicy.maximumRetryAttempts", 0, 185, _EVENTS),
        ),
        operations=Targets(),
    ),
    ResourceType(
        token="aws:autoscaling/lifecycleHook:LifecycleHook",
        docs=f"{_DOCS}autoscaling/lifecyclehook/",
        identify=by("autoscalingGroupName", "name", separator="/"),
        named_by="name",
        is_part=True,
        replaces=("name", "autoscalingGroupName"),
        checks=(
            matches("name", r"[A-Za-z0-9\-_/]{1,255}", _HOOK),
            one_of(
                "lifecycleTransition",
                ("autoscaling:EC2_INSTANCE_LAUNCHING", "autoscaling:EC2_INSTANCE_TERMINATING"),
                _HOOK,
            ),
            one_of("defaultResult", ("CONTINUE", "ABANDON"), _HOOK),
            between("heartbeatTimeout", 30, 7200, _HOOK),
        ),
        operations=LifecycleHooks(),
    ),
)
