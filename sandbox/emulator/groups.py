"""What Auto Scaling does on AWS and moto 5.2.5 does not.

Instances wait for lifecycle hooks before they end, and where there is no Spot capacity none start.
"""

import json
import math
import time
from collections import Counter, deque
from copy import deepcopy
from dataclasses import dataclass
from typing import Any, cast
from uuid import uuid4

from moto.autoscaling import models, responses
from moto.autoscaling.exceptions import ValidationError
from moto.core.responses import ActionResult, EmptyResult
from moto.events.models import events_backends

from sandbox.nodes.groups import SHORTAGE
from sandbox.providers.aws.account import OWN_TAGS

_TERMINATING = "autoscaling:EC2_INSTANCE_TERMINATING"
_LIFECYCLE = f"{OWN_TAGS}lifecycle"
_NO_SPOT = (
    "Could not launch Spot Instances. InsufficientInstanceCapacity - There is no Spot capacity "
    "available that matches your request. Launching EC2 instance failed."
)
_KEPT = 20
"""So many failed activities of a group are kept, and instances that have ended."""


@dataclass
class Action:
    """What an instance waits for: one lifecycle hook."""

    token: str
    seconds: int
    ends: float


class Group(models.FakeAutoScalingGroup):
    """A group that takes its time with instances that end, and may find no Spot capacity."""

    def __init__(self, *arguments: Any, **settings: Any) -> None:
        self.failures: deque[models.Activity] = deque(maxlen=_KEPT)
        self.actions: dict[str, dict[str, Action]] = {}
        """By instance and by hook."""
        super().__init__(*arguments, **settings)

    def set_desired_capacity(self, new_capacity: int | None) -> None:
        """Start what lacks, or let what is too much end. No instance counts for more than one."""
        wanted = self.min_size if new_capacity is None else new_capacity
        self.desired_capacity = wanted = wanted or 0
        active = self.active_instances()
        if wanted > len(active):
            tags = self.get_propagated_tags()
            self.replace_autoscaling_group_instances(wanted - len(active), tags)
        free = [state for state in active if not state.protected_from_scale_in]
        for state in free[: max(0, len(active) - wanted)]:
            self.let_end(state)

    def replace_autoscaling_group_instances(
        self, count_needed: int, propagated_tags: dict[str, str]
    ) -> None:
        """Start instances; in a shortage those on demand only."""
        count = count_needed
        if any(tag["Key"] == SHORTAGE for tag in self.tags):
            count = min(count, self._lacking_on_demand())
            propagated_tags = {**propagated_tags, _LIFECYCLE: "on-demand"}
        for _ in range(count):
            self._start(propagated_tags)
        if count < count_needed:
            self._fail(count_needed - count)

    def update(self, *arguments: Any, **settings: Any) -> None:
        """Change what is given: with neither a template nor a policy, the policy stays."""
        if not settings.get("launch_template") and not settings.get("mixed_instances_policy"):
            settings["mixed_instances_policy"] = policy = deepcopy(self.mixed_instances_policy)
            if policy:  # of a template it wants one of id and name, as it was given once
                del policy["LaunchTemplate"]["LaunchTemplateSpecification"]["LaunchTemplateName"]
        super().update(*arguments, **settings)

    def let_end(self, state: models.InstanceState) -> None:
        """End an instance as soon as the hooks are completed."""
        hooks = self.autoscaling_backend.describe_lifecycle_hooks(self.name)
        hooks = [hook for hook in hooks if hook.lifecycle_transition == _TERMINATING]
        if not hooks:
            self.end(state.instance_id)
            return
        state.lifecycle_state = "Terminating:Wait"
        for hook in hooks:
            ends = time.time() + hook.heartbeat_timeout
            action = Action(str(uuid4()), hook.heartbeat_timeout, ends)
            self.actions.setdefault(state.instance_id, {})[hook.name] = action
            detail = {
                "LifecycleActionToken": action.token,
                "AutoScalingGroupName": self.name,
                "LifecycleHookName": hook.name,
                "EC2InstanceId": state.instance_id,
                "LifecycleTransition": _TERMINATING,
            }
            event = {
                "Source": "aws.autoscaling",
                "DetailType": "EC2 Instance-terminate Lifecycle Action",
                "Resources": [self.arn],
                "Detail": json.dumps(detail),
            }
            events_backends[self.account_id][self.region].put_events([event])

    def end(self, instance: str) -> None:
        """End an instance at once."""
        self.instance_states = [
            each for each in self.instance_states if each.instance_id != instance
        ]
        self.actions.pop(instance, None)
        self.ec2_backend.terminate_instances([instance])

    def end_overdue(self) -> bool:
        """End the instances whose hooks nobody completed in time; tell whether there were any."""
        now = time.time()
        overdue = [
            instance
            for instance, actions in self.actions.items()
            if any(action.ends < now for action in actions.values())
        ]
        for instance in overdue:
            self.end(instance)
        return bool(overdue)

    def _start(self, tags: dict[str, str]) -> None:
        """Start an instance in the subnet that has the fewest; moto only knows the first one."""
        subnets = self.vpc_zone_identifier
        used = Counter(state.instance.subnet_id for state in self.instance_states)
        if subnets:
            self.vpc_zone_identifier = min(subnets.split(","), key=lambda subnet: used[subnet])
        super().replace_autoscaling_group_instances(1, tags)
        self.vpc_zone_identifier = subnets
        for disk in self.instance_states[-1].instance.block_device_mapping.values():
            disk.delete_on_termination = True  # AWS's default for a root disk
        self._forget()

    def _forget(self) -> None:
        """Forget instances that ended long ago, as AWS does after an hour."""
        ec2 = self.ec2_backend
        ended = [
            reservation
            for reservation in ec2.reservations.values()
            if all(instance.state == "terminated" for instance in reservation.instances)
        ]
        for reservation in ended[:-_KEPT]:
            for instance in reservation.instances:
                ec2.tags.pop(instance.id, None)
                for interface in instance.nics.values():
                    if interface.id in ec2.enis:
                        interface.delete()  # its address is free again
            del ec2.reservations[reservation.id]

    def _fail(self, count: int) -> None:
        wanted = self.desired_capacity or 0
        activity = models.Activity(
            f"Launching a new EC2 instance.  Status Reason: {_NO_SPOT}",
            f"At {time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime())} an instance was started in "
            "response to a difference between desired and actual capacity, increasing the "
            f"capacity from {wanted - count} to {wanted}.",
            self,
            status_code="Failed",
        )
        activity.progress = 100
        vars(activity)["status_message"] = _NO_SPOT
        self.failures.appendleft(activity)

    def _lacking_on_demand(self) -> int:
        distribution = (self.mixed_instances_policy or {}).get("InstancesDistribution", {})
        wanted = self.desired_capacity or 0
        base = min(wanted, int(distribution.get("OnDemandBaseCapacity", 0)))
        share = int(distribution.get("OnDemandPercentageAboveBaseCapacity", 100))
        there = [
            self.ec2_backend.tags.get(each.instance_id, {}) for each in self.active_instances()
        ]
        on_demand = sum(tags.get(_LIFECYCLE) == "on-demand" for tags in there)
        return max(0, base + math.ceil((wanted - base) * share / 100) - on_demand)


class Groups(models.AutoScalingBackend):
    """The groups of one region."""

    @property
    def url_paths(self) -> dict[str, Any]:
        """Where requests are answered, and by what."""
        return {"/$": Responses.dispatch}

    @property
    def groups(self) -> list[Group]:
        """All of them."""
        return cast("list[Group]", list(self.autoscaling_groups.values()))

    def terminate_instance(
        self, instance_id: str, should_decrement: bool
    ) -> models.TerminateInstanceActivity:
        """Let one instance end, and start another one unless fewer are wanted now."""
        for group, state in ((g, s) for g in self.groups for s in g.instance_states):
            if state.instance_id == instance_id:
                before = group.desired_capacity or 0
                if instance_id not in group.actions:
                    group.let_end(state)
                    group.set_desired_capacity(before - should_decrement)
                return models.TerminateInstanceActivity(state.instance, before)
        raise ValidationError(
            f"Instance Id not found - No managed instance found for instance ID: {instance_id}"
        )

    def delete_auto_scaling_group(self, group_name: str) -> None:
        """Delete a group with all its instances; no hook holds them then."""
        for group in (group for group in self.groups if group.name == group_name):
            for state in group.instance_states:
                group.end(state.instance_id)
        super().delete_auto_scaling_group(group_name)

    def delete_tags(self, tags: list[dict[str, str]]) -> None:
        """Take tags off; where that ends a shortage, start what lacks, as AWS soon tries again."""
        super().delete_tags(tags)
        short = [tag["ResourceId"] for tag in tags if tag["Key"] == SHORTAGE]
        for group in (group for group in self.groups if group.name in short):
            group.set_desired_capacity(group.desired_capacity)

    def waiting(self, asked: dict[str, Any]) -> tuple[Group, str, str]:
        """Return the group, the instance and the hook that an action is of."""
        token, given, hook = (
            asked.get("LifecycleActionToken"),
            asked.get("InstanceId"),
            asked["LifecycleHookName"],
        )
        for group in self.groups:
            for instance, actions in group.actions.items():
                if hook in actions and (instance == given or actions[hook].token == token):
                    return group, instance, hook
        what = f"token {token}" if token else f"instance ID {given}"
        raise ValidationError(f"No active Lifecycle Action found with {what}")


class Responses(responses.AutoScalingResponse):
    """The requests that moto answers in another way, or not at all."""

    @property
    def groups(self) -> Groups:
        """The groups of the region that is asked."""
        return cast("Groups", self.autoscaling_backend)

    def describe_scaling_activities(self) -> ActionResult:
        """Tell of those that failed, the last first."""
        name = self._get_params().get("AutoScalingGroupName")
        groups = [group for group in self.groups.groups if name in (None, group.name)]
        return ActionResult({"Activities": [each for group in groups for each in group.failures]})

    def complete_lifecycle_action(self) -> ActionResult:
        """End an instance whose last hook this was; one that is abandoned waits for no other."""
        asked = self._get_params()
        group, instance, hook = self.groups.waiting(asked)
        del group.actions[instance][hook]
        if not group.actions[instance] or asked["LifecycleActionResult"] == "ABANDON":
            group.end(instance)
        return EmptyResult()

    def record_lifecycle_action_heartbeat(self) -> ActionResult:
        """Let an instance wait for the hook's time, from now on."""
        group, instance, hook = self.groups.waiting(self._get_params())
        action = group.actions[instance][hook]
        action.ends = time.time() + action.seconds
        return EmptyResult()


def end_overdue() -> bool:
    """End the instances whose hooks nobody completed in time; tell whether there were any."""
    regions = models.autoscaling_backends.iter_backends()
    groups = [group for *_, backend in regions for group in cast("Groups", backend).groups]
    return [group for group in groups if group.end_overdue()] != []


def install() -> None:
    """Put these classes in the place of moto's; nothing may have been asked of it yet."""
    models.FakeAutoScalingGroup = Group
    models.autoscaling_backends.backend = Groups
