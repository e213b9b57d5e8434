"""Auto Scaling in the emulator: instances that are let go in time, and those that cannot start."""

import json
import time
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any
from uuid import uuid4

import boto3
import pytest

from sandbox.emulator import Emulator
from sandbox.layout import Layout
from sandbox.nodes.groups import SHORTAGE
from sandbox.processes import Processes

NO_SPOT = (
    "Could not launch Spot Instances. InsufficientInstanceCapacity - There is no Spot capacity "
    "available that matches your request. Launching EC2 instance failed."
)
HOOK = {"LifecycleHookName": "drain"}


@pytest.fixture(scope="module")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    layout = Layout(tmp_path_factory.mktemp("clone"))
    processes = Processes(layout)
    emulator = Emulator(layout, processes)
    try:
        emulator.start()
        yield emulator
    finally:
        processes.end_all()


class Group:
    """A group of two instances that may have five."""

    def __init__(self, emulator: Emulator, **distribution: Any) -> None:
        self.name = f"group-{uuid4().hex[:8]}"
        self._emulator = emulator
        self.client = self.of("autoscaling")
        disk = {"DeviceName": "/dev/xvda", "Ebs": {"VolumeSize": 50}}
        template = self.of("ec2").create_launch_template(
            LaunchTemplateName=self.name,
            LaunchTemplateData={"ImageId": "ami-1", "BlockDeviceMappings": [disk]},
        )["LaunchTemplate"]["LaunchTemplateId"]
        specification = {"LaunchTemplateId": template, "Version": "1"}
        self.client.create_auto_scaling_group(
            AutoScalingGroupName=self.name,
            MinSize=0,
            MaxSize=5,
            DesiredCapacity=2,
            AvailabilityZones=["us-west-2a"],
            MixedInstancesPolicy={
                "LaunchTemplate": {
                    "LaunchTemplateSpecification": specification,
                    "Overrides": [{"InstanceType": "m5.large"}],
                },
                "InstancesDistribution": {
                    "OnDemandPercentageAboveBaseCapacity": 0,
                    **distribution,
                },
            },
        )

    def of(self, service: str) -> Any:
        return boto3.client(
            service,
            endpoint_url=self._emulator.url,
            region_name="us-west-2",
            aws_access_key_id="x",
            aws_secret_access_key="x",
        )

    @property
    def described(self) -> dict[str, Any]:
        (found,) = self.client.describe_auto_scaling_groups(AutoScalingGroupNames=[self.name])[
            "AutoScalingGroups"
        ]
        return found

    @property
    def states(self) -> dict[str, str]:
        instances = self.described["Instances"]
        return {each["InstanceId"]: each["LifecycleState"] for each in instances}

    def running(self) -> set[str]:
        reservations = self.of("ec2").describe_instances(
            Filters=[
                {"Name": "tag:aws:autoscaling:groupName", "Values": [self.name]},
                {"Name": "instance-state-name", "Values": ["running"]},
            ]
        )["Reservations"]
        return {each["InstanceId"] for found in reservations for each in found["Instances"]}

    def hook(self, seconds: int = 60, name: str = "drain") -> None:
        self.client.put_lifecycle_hook(
            AutoScalingGroupName=self.name,
            LifecycleHookName=name,
            LifecycleTransition="autoscaling:EC2_INSTANCE_TERMINATING",
            HeartbeatTimeout=seconds,
            DefaultResult="CONTINUE",
        )

    def size(self, desired: int) -> None:
        self.client.set_desired_capacity(AutoScalingGroupName=self.name, DesiredCapacity=desired)

    def move(self, zones: str, mask: int) -> list[str]:
        """Let what is started from now on be in new subnets, one in each of these zones."""
        ec2 = self.of("ec2")
        vpc = ec2.create_vpc(CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"]
        subnets = [
            ec2.create_subnet(
                VpcId=vpc, CidrBlock=f"10.9.{n}.0/{mask}", AvailabilityZone=f"us-west-2{zone}"
            )["Subnet"]["SubnetId"]
            for n, zone in enumerate(zones)
        ]
        self.client.update_auto_scaling_group(
            AutoScalingGroupName=self.name, VPCZoneIdentifier=",".join(subnets)
        )
        return subnets

    def terminate(self, instance: str, *, decrement: bool) -> None:
        self.client.terminate_instance_in_auto_scaling_group(
            InstanceId=instance, ShouldDecrementDesiredCapacity=decrement
        )

    def complete(self, result: str = "CONTINUE", **by: str) -> None:
        self.client.complete_lifecycle_action(
            **{**HOOK, **by}, AutoScalingGroupName=self.name, LifecycleActionResult=result
        )

    def short(self, short: bool = True) -> None:
        tag = {"ResourceId": self.name, "ResourceType": "auto-scaling-group", "Key": SHORTAGE}
        if short:
            value = {"Value": "true", "PropagateAtLaunch": False}
            self.client.create_or_update_tags(Tags=[{**tag, **value}])
        else:
            self.client.delete_tags(Tags=[tag])

    def failures(self) -> list[dict[str, Any]]:
        return self.client.describe_scaling_activities(AutoScalingGroupName=self.name)["Activities"]


@pytest.fixture
def group(emulator: Emulator) -> Group:
    return Group(emulator)


def eventually(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def waiting(group: Group) -> list[str]:
    return [name for name, state in group.states.items() if state == "Terminating:Wait"]


def test_without_a_hook_an_instance_ends_at_once(group):
    first, second = group.states
    group.terminate(first, decrement=True)
    assert group.states == {second: "InService"}
    assert group.described["DesiredCapacity"] == 1
    assert group.running() == {second}


@pytest.mark.parametrize("decrement", [True, False])
def test_an_instance_that_is_ended_waits_for_the_hook_and_then_goes(group, decrement):
    group.hook()
    ended, _ = group.states

    group.terminate(ended, decrement=decrement)

    assert waiting(group) == [ended]
    assert group.described["DesiredCapacity"] == (1 if decrement else 2)
    assert list(group.states.values()).count("InService") == (1 if decrement else 2)
    assert ended in group.running()
    group.complete(InstanceId=ended)
    assert ended not in group.states
    assert group.running() == group.states.keys()


def test_ending_an_instance_twice_ends_no_other(group):
    group.hook()
    ended, other = group.states
    for _ in range(2):
        group.terminate(ended, decrement=True)
    assert group.states == {ended: "Terminating:Wait", other: "InService"}
    assert group.described["DesiredCapacity"] == 1


def test_fewer_wanted_instances_wait_for_the_hook_too(group):
    group.hook()
    group.size(0)
    assert len(waiting(group)) == 2
    group.size(1)
    assert sorted(group.states.values()) == ["InService", "Terminating:Wait", "Terminating:Wait"]


def test_an_instance_that_is_protected_stays(group):
    kept, other = group.states
    group.client.set_instance_protection(
        InstanceIds=[kept], AutoScalingGroupName=group.name, ProtectedFromScaleIn=True
    )
    group.size(0)
    assert group.states == {kept: "InService"}
    assert other not in group.running()


def test_the_event_of_a_hook_reaches_the_queue_of_its_rule(group):
    sqs, events = group.of("sqs"), group.of("events")
    queue = sqs.create_queue(QueueName=group.name)["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]
    pattern = {
        "source": ["aws.autoscaling"],
        "detail-type": ["EC2 Instance-terminate Lifecycle Action"],
    }
    events.put_rule(Name=group.name, EventPattern=json.dumps(pattern))
    events.put_targets(Rule=group.name, Targets=[{"Id": "q", "Arn": arn["QueueArn"]}])
    group.hook()
    ended, _ = group.states

    group.terminate(ended, decrement=True)

    (message,) = sqs.receive_message(QueueUrl=queue)["Messages"]
    event = json.loads(message["Body"])
    token = event["detail"].pop("LifecycleActionToken")
    assert event["resources"] == [group.described["AutoScalingGroupARN"]]
    assert event["detail"] == {
        "AutoScalingGroupName": group.name,
        "LifecycleHookName": "drain",
        "EC2InstanceId": ended,
        "LifecycleTransition": "autoscaling:EC2_INSTANCE_TERMINATING",
    }
    group.complete(LifecycleActionToken=token)
    assert ended not in group.running()
    events.remove_targets(Rule=group.name, Ids=["q"])
    events.delete_rule(Name=group.name)


def test_an_instance_goes_when_nobody_completes_its_hook_in_time(group):
    group.hook(seconds=1)
    group.size(0)
    assert len(waiting(group)) == 2
    eventually(lambda: not group.states)
    assert not group.running()


def test_a_heartbeat_gives_an_instance_the_time_of_the_hook_anew(group):
    group.hook(seconds=3)
    group.size(0)
    first, second = waiting(group)
    while group.states.keys() == {first, second}:
        group.client.record_lifecycle_action_heartbeat(
            **HOOK, AutoScalingGroupName=group.name, InstanceId=first
        )
    assert waiting(group) == [first]


def test_an_instance_waits_for_all_hooks_unless_one_abandons_it(group):
    for name in ("drain", "notify"):
        group.hook(name=name)
    group.size(0)
    first, second = waiting(group)

    group.complete(InstanceId=first)
    group.complete("ABANDON", InstanceId=second)
    assert waiting(group) == [first]
    group.complete(InstanceId=first, LifecycleHookName="notify")
    assert not group.states


def test_an_action_that_nobody_waits_for_is_refused(group):
    group.hook()
    instance, _ = group.states
    with pytest.raises(
        group.client.exceptions.ClientError,
        match=f"No active Lifecycle Action found with instance ID {instance}",
    ):
        group.complete(InstanceId=instance)
    with pytest.raises(group.client.exceptions.ClientError, match="No managed instance found"):
        group.terminate("i-1", decrement=True)


def test_a_group_that_is_deleted_holds_no_instance(group):
    group.hook()
    group.size(1)
    group.client.delete_auto_scaling_group(AutoScalingGroupName=group.name, ForceDelete=True)
    assert not group.running()


def test_in_a_shortage_nothing_starts_and_the_failure_is_told_in_the_words_of_aws(group):
    group.short()
    group.size(4)

    assert len(group.states) == 2
    assert group.described["DesiredCapacity"] == 4
    (failure,) = group.failures()
    assert (failure["StatusCode"], failure["StatusMessage"]) == ("Failed", NO_SPOT)
    assert failure["Description"] == f"Launching a new EC2 instance.  Status Reason: {NO_SPOT}"
    assert failure["Cause"].endswith("increasing the capacity from 2 to 4.")
    group.size(5)
    assert failure in group.failures()
    assert group.failures()[0]["Cause"].endswith("increasing the capacity from 2 to 5.")


def test_an_instance_that_ends_in_a_shortage_is_not_replaced(group):
    group.short()
    first, second = group.states
    group.of("ec2").terminate_instances(InstanceIds=[first])
    assert group.states == {second: "InService"}
    assert group.described["DesiredCapacity"] == 2


def test_after_a_shortage_what_lacks_is_started(group):
    group.short()
    group.size(4)
    group.short(False)
    assert len(group.states) == 4
    assert len(group.failures()) == 1


@pytest.mark.parametrize(
    ("distribution", "on_demand"),
    [
        ({"OnDemandBaseCapacity": 3}, 3),
        ({"OnDemandPercentageAboveBaseCapacity": 50}, 3),
        ({"OnDemandBaseCapacity": 1, "OnDemandPercentageAboveBaseCapacity": 25}, 2),
    ],
)
def test_in_a_shortage_what_is_on_demand_starts_all_the_same(emulator, distribution, on_demand):
    group = Group(emulator, **distribution)
    group.size(0)
    group.short()

    for desired in (2, 5, 5):
        group.size(desired)

    assert len(group.states) == on_demand
    tags = group.of("ec2").describe_tags(
        Filters=[{"Name": "resource-id", "Values": list(group.states)}]
    )["Tags"]
    assert [tag["Value"] for tag in tags if tag["Key"] == "sandbox:lifecycle"] == (
        ["on-demand"] * on_demand
    )


def test_instances_are_spread_over_the_subnets(group):
    group.size(0)
    subnets = group.move("abc", 24)
    group.size(4)
    group.size(5)

    zones = Counter(each["AvailabilityZone"] for each in group.described["Instances"])
    assert sorted(zones.values()) == [1, 2, 2]
    assert group.described["VPCZoneIdentifier"] == ",".join(subnets)


def test_instances_that_ended_long_ago_are_forgotten(group):
    group.move("a", 27)  # with no more addresses than are in use at a time
    for _ in range(6):
        group.size(5)
        group.size(0)
    group.size(1)

    (last,) = group.states
    ec2 = group.of("ec2")
    pages = ec2.get_paginator("describe_instances").paginate()
    found = [each for page in pages for each in page["Reservations"]]
    states = [each["State"]["Name"] for one in found for each in one["Instances"]]
    assert states.count("terminated") == 20
    ids = {each["InstanceId"] for one in found for each in one["Instances"]}
    tagged = ec2.describe_tags(Filters=[{"Name": "resource-type", "Values": ["instance"]}])["Tags"]
    assert last in ids
    assert {tag["ResourceId"] for tag in tagged} <= ids
    assert all(volume["Attachments"] for volume in ec2.describe_volumes()["Volumes"])


def test_a_new_maximum_leaves_the_policy_as_it_is(group):
    before = group.described["MixedInstancesPolicy"]
    group.client.update_auto_scaling_group(AutoScalingGroupName=group.name, MaxSize=1)
    assert group.described["MixedInstancesPolicy"] == before
    assert len(group.states) == 1
