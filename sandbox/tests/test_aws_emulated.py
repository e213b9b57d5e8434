"""What the aws provider hands to the emulator: made, read, changed, adopted, deleted."""

import base64
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from sandbox.emulator import Emulator
from sandbox.layout import MARKER, Layout
from sandbox.processes import Processes, write_atomically
from sandbox.providers.aws import Aws
from sandbox.providers.aws.account import Account
from sandbox.providers.plugin import Refused, Request, Urn
from sandbox.tests.engine_requests import Requests

REGION = "us-west-2"
LAUNCH_TEMPLATE = "aws:ec2/launchTemplate:LaunchTemplate"
GROUP = "aws:autoscaling/group:Group"


@pytest.fixture(scope="module")
def emulated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Layout]:
    layout = Layout(tmp_path_factory.mktemp("clone"))
    processes = Processes(layout)
    emulator = Emulator(layout, processes)
    cluster = {"server": "https://127.0.0.1:1", "certificate-authority": "none"}
    write_atomically(layout.kubeconfig("dev"), yaml.safe_dump({"clusters": [{"cluster": cluster}]}))
    try:
        emulator.start()
        with pytest.MonkeyPatch.context() as patch:
            for name, value in {**emulator.environment, MARKER: str(layout.state)}.items():
                patch.setenv(name, value)
            yield layout
    finally:
        processes.end_all()


class Cloud(Requests):
    """An aws provider as the engine uses it, one resource after another."""

    def __init__(self) -> None:
        super().__init__(Aws())
        self.provider.configure({"region": REGION})
        self.account = Account(REGION, "dev")

    def subnet(self, name: str) -> str:
        number = 64 + sum(name.encode()) % 64
        vpc, _ = self.make("aws:ec2/vpc:Vpc", f"{name}-vpc", {"cidrBlock": f"10.{number}.0.0/16"})
        made, _ = self.make(
            "aws:ec2/subnet:Subnet",
            name,
            {
                "vpcId": vpc.id,
                "cidrBlock": f"10.{number}.0.0/24",
                "availabilityZone": f"{REGION}a",
            },
        )
        return made.id

    def group(self, name: str, **changes: Any) -> Request:
        template, _ = self.make(LAUNCH_TEMPLATE, name, {"userData": encoded(name)})
        return self.make(GROUP, name, self.group_inputs(name, template.id, **changes))[0]

    def group_inputs(self, name: str, template: str, **changes: Any) -> dict[str, Any]:
        return {
            "minSize": 0,
            "maxSize": 3,
            "desiredCapacity": 1,
            "vpcZoneIdentifiers": [self.subnet(name)],
            "mixedInstancesPolicy": launched_from(template, "1"),
            "tags": [{"key": "team", "value": "ml", "propagateAtLaunch": True}],
            **changes,
        }

    def instances(self, group: Request) -> list[dict[str, Any]]:
        (found,) = self.account.client("autoscaling").describe_auto_scaling_groups(
            AutoScalingGroupNames=[group.id]
        )["AutoScalingGroups"]
        return found["Instances"]


def launched_from(template: str, version: str) -> dict[str, Any]:
    return {
        "instancesDistribution": {"spotAllocationStrategy": "capacity-optimized"},
        "launchTemplate": {
            "launchTemplateSpecification": {"launchTemplateId": template, "version": version},
            "overrides": [{"instanceType": "m5.xlarge"}],
        },
    }


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


@pytest.fixture
def cloud(emulated: Layout) -> Cloud:
    return Cloud()


def test_a_launch_templates_change_is_one_more_version(cloud):
    made, outputs = cloud.make(LAUNCH_TEMPLATE, "versions", {"userData": encoded("first")})

    changed = cloud.change(made, userData=encoded("second"))

    assert (outputs["latestVersion"], changed["latestVersion"]) == (1, 2)
    assert cloud.read(made).outputs["userData"] == encoded("second")


def test_a_group_starts_what_is_desired_with_its_tags(cloud):
    group = cloud.group("sized", desiredCapacity=2)

    assert len(cloud.instances(group)) == 2
    assert cloud.read(group).inputs == group.inputs


def test_bounds_tags_and_suspended_processes_change_in_place(cloud):
    group = cloud.group("changed", suspendedProcesses=["AZRebalance"])

    cloud.change(
        group,
        maxSize=5,
        tags=[{"key": "owner", "value": "web", "propagateAtLaunch": False}],
        suspendedProcesses=["Launch"],
    )

    (found,) = cloud.account.client("autoscaling").describe_auto_scaling_groups(
        AutoScalingGroupNames=[group.id]
    )["AutoScalingGroups"]
    tags = {tag["Key"]: tag["Value"] for tag in found["Tags"]}
    assert found["MaxSize"] == 5
    assert (tags.get("owner"), tags.get("team")) == ("web", None)
    assert [each["ProcessName"] for each in found["SuspendedProcesses"]] == ["Launch"]


def test_a_new_group_whose_size_is_out_of_bounds_is_refused(cloud):
    with pytest.raises(Refused, match="desiredCapacity must be between minSize, 0, and maxSize, 3"):
        cloud.group("outside", desiredCapacity=4)


def test_a_groups_size_follows_its_new_bounds(cloud):
    group = cloud.group("followed")

    cloud.change(group, minSize=2)

    assert len(cloud.instances(group)) == 2


def test_a_size_that_an_autoscaler_chose_is_left_alone(cloud):
    group = cloud.group("resized")
    cloud.account.client("autoscaling").set_desired_capacity(
        AutoScalingGroupName=group.id, DesiredCapacity=3
    )

    cloud.change(group, maxSize=4)

    assert len(cloud.instances(group)) == 3


@pytest.mark.parametrize(("refresh", "replaced"), [({"strategy": "Rolling"}, True), (None, False)])
def test_a_new_template_version_replaces_instances_where_a_refresh_is_asked_for(
    cloud, refresh, replaced
):
    name = f"refreshed-{replaced}"
    template, _ = cloud.make(LAUNCH_TEMPLATE, name, {"userData": encoded("old")})
    group, _ = cloud.make(
        GROUP, name, cloud.group_inputs(name, template.id, instanceRefresh=refresh)
    )
    (before,) = cloud.instances(group)
    cloud.change(template, userData=encoded("new"))

    cloud.change(group, mixedInstancesPolicy=launched_from(template.id, "2"))

    (after,) = cloud.instances(group)
    assert (after["InstanceId"] != before["InstanceId"]) is replaced


@pytest.mark.parametrize("kind", ["group", "node group", "queue", "rule", "template", "bucket"])
def test_what_was_made_before_a_crash_is_adopted_by_its_name_and_not_made_again(cloud, kind):
    match kind:
        case "group":
            made = cloud.group("adopted")
        case "node group":
            made = node_group(cloud, "adopted")
        case "queue":
            made, _ = cloud.make(QUEUE, "adopted", {})
        case "rule":
            made, _ = cloud.make(RULE, "adopted", {"eventPattern": '{"source": ["aws.ec2"]}'})
        case "template":
            made, _ = cloud.make(LAUNCH_TEMPLATE, "adopted-too", {"imageId": "ami-1"})
        case _:
            made, _ = cloud.make("aws:s3/bucket:Bucket", "adopted", {})
    (name,) = made.inputs.get("__defaults", ["nodeGroupName"])
    inputs = {key: value for key, value in made.inputs.items() if key not in (name, "__defaults")}
    again, _ = cloud.provider.check(made.urn, {}, inputs, b"another seed")

    identifier, outputs = cloud.provider.create(Request(urn=made.urn, inputs=again))

    assert again[name] != made.inputs[name]
    assert identifier == made.id
    assert outputs[name] == made.inputs[name]


def test_a_part_has_one_name_so_that_a_crash_leaves_no_other(cloud):
    target = {"rule": "r", "arn": "arn:aws:sqs:us-west-2:123456789012:q"}
    hook = {
        "autoscalingGroupName": "g",
        "lifecycleTransition": "autoscaling:EC2_INSTANCE_TERMINATING",
    }
    for token, inputs in (
        ("aws:cloudwatch/eventTarget:EventTarget", target),
        ("aws:autoscaling/lifecycleHook:LifecycleHook", hook),
    ):
        urn = Urn(f"urn:pulumi:dev::tests::{token}::part")
        first, again = (cloud.provider.check(urn, {}, inputs, seed)[0] for seed in (b"1", b"2"))
        assert first == again


def test_what_was_deleted_is_not_adopted_but_made_again(cloud):
    inputs = {"cidrBlock": "10.3.0.0/16"}
    made, _ = cloud.make("aws:ec2/vpc:Vpc", "again", inputs)
    cloud.provider.delete(made)

    again, _ = cloud.make("aws:ec2/vpc:Vpc", "again", inputs)

    assert again.id != made.id
    assert cloud.read(again) is not None


def test_a_replacement_is_not_taken_for_what_it_replaces(cloud):
    made, _ = cloud.make("aws:ec2/vpc:Vpc", "replaced", {"cidrBlock": "10.1.0.0/16"})
    other, _ = cloud.make("aws:ec2/vpc:Vpc", "replaced", {"cidrBlock": "10.2.0.0/16"})

    assert made.id != other.id


def test_a_change_made_behind_the_programs_back_is_read(cloud):
    group = cloud.group("drifted")
    cloud.account.client("autoscaling").update_auto_scaling_group(
        AutoScalingGroupName=group.id, MaxSize=7
    )

    assert cloud.read(group).inputs["maxSize"] == 7


def test_tags_in_another_order_have_not_drifted(cloud):
    group = cloud.group("tagged")
    tags = [{"key": "first", "value": "1", "propagateAtLaunch": False}, *group.inputs["tags"]]
    outputs = cloud.change(group, tags=tags)
    changed = Request(
        urn=group.urn, id=group.id, inputs={**group.inputs, "tags": tags}, old_outputs=outputs
    )

    live = cloud.read(changed)

    assert live.inputs == changed.inputs
    assert live.outputs == outputs


@pytest.mark.parametrize("token", [GROUP, LAUNCH_TEMPLATE])
def test_what_was_deleted_is_gone_and_may_be_deleted_again(cloud, token):
    name = f"deleted-{token[-5:].lower()}"
    group = cloud.group(name)
    made = group if token == GROUP else cloud.make(token, f"{name}-2", {"userData": "aGk="})[0]

    cloud.provider.delete(made)

    assert cloud.read(made) is None
    cloud.provider.delete(made)


def test_a_refusal_of_the_emulator_names_the_resource(cloud):
    wished = cloud.checked(
        "aws:ec2/subnet:Subnet", "lost", {"vpcId": "vpc-0", "cidrBlock": "10.0.0.0/24"}
    )

    with pytest.raises(Refused, match=r"Subnet \(lost\): .*vpc-0"):
        cloud.provider.create(wished)


def node_group(cloud: Cloud, name: str, **changes: Any) -> Request:
    inputs = {
        "clusterName": "dev",
        "nodeRoleArn": "arn:aws:iam::123456789012:role/nodes",
        "subnetIds": [cloud.subnet(name)],
        "scalingConfig": {"minSize": 1, "desiredSize": 2, "maxSize": 3},
        "labels": {"intent": "control-apps"},
        "taints": [{"key": "only", "value": "this", "effect": "NO_SCHEDULE"}],
        "instanceTypes": ["t3.medium"],
        **changes,
    }
    return cloud.make("aws:eks/nodeGroup:NodeGroup", name, inputs)[0]


def test_a_managed_node_group_is_a_group_with_the_tags_that_eks_gives(cloud):
    made = node_group(cloud, "managed")

    (found,) = [
        group
        for group in cloud.account.client("autoscaling").describe_auto_scaling_groups()[
            "AutoScalingGroups"
        ]
        if group["AutoScalingGroupName"].startswith("eks-dev-managed")
    ]
    tags = {tag["Key"]: tag["Value"] for tag in found["Tags"]}
    assert len(found["Instances"]) == 2
    assert tags["eks:nodegroup-name"] == made.inputs["nodeGroupName"]
    assert tags["k8s.io/cluster-autoscaler/dev"] == "owned"
    assert cloud.read(made).inputs == made.inputs


def test_a_managed_node_groups_labels_and_taints_are_in_its_user_data(cloud):
    made = node_group(cloud, "labelled")
    (template,) = cloud.account.client("ec2").describe_launch_template_versions(
        LaunchTemplateName=f"eks-dev-{made.inputs['nodeGroupName']}", Versions=["$Latest"]
    )["LaunchTemplateVersions"]

    text = base64.b64decode(template["LaunchTemplateData"]["UserData"]).decode()

    assert "intent=control-apps" in text
    assert "eks.amazonaws.com/capacityType=ON_DEMAND" in text
    assert "--register-with-taints=only=this:NoSchedule" in text


def test_a_managed_node_groups_disk_is_its_launch_templates(cloud):
    disk = {"deviceName": "/dev/xvda", "ebs": {"volumeSize": 80}}
    template, _ = cloud.make(LAUNCH_TEMPLATE, "disks", {"blockDeviceMappings": [disk]})
    made = node_group(cloud, "disked", launchTemplate={"id": template.id, "version": "1"})

    (found,) = cloud.account.client("ec2").describe_launch_template_versions(
        LaunchTemplateName=f"eks-dev-{made.inputs['nodeGroupName']}", Versions=["$Latest"]
    )["LaunchTemplateVersions"]

    (kept,) = found["LaunchTemplateData"]["BlockDeviceMappings"]
    assert kept["Ebs"]["VolumeSize"] == 80


def test_a_managed_node_groups_bounds_change_without_new_nodes(cloud):
    made = node_group(cloud, "grown")
    group = Request(urn=made.urn, id=f"eks-dev-{made.inputs['nodeGroupName']}")
    before = {each["InstanceId"] for each in cloud.instances(group)}

    cloud.change(made, scalingConfig={"minSize": 1, "desiredSize": 2, "maxSize": 9})

    assert {each["InstanceId"] for each in cloud.instances(group)} == before
    assert cloud.read(made).inputs["scalingConfig"]["maxSize"] == 9


def test_a_managed_node_groups_new_release_brings_new_nodes(cloud):
    made = node_group(cloud, "upgraded", releaseVersion="1.35.2-20260724")
    group = Request(urn=made.urn, id=f"eks-dev-{made.inputs['nodeGroupName']}")
    before = {each["InstanceId"] for each in cloud.instances(group)}

    cloud.change(made, releaseVersion="1.35.3-20261001")

    assert before.isdisjoint({each["InstanceId"] for each in cloud.instances(group)})


def test_a_managed_node_group_is_deleted_with_its_template(cloud):
    made = node_group(cloud, "ended")

    cloud.provider.delete(made)

    assert cloud.read(made) is None
    names = [
        each["LaunchTemplateName"]
        for each in cloud.account.client("ec2").describe_launch_templates()["LaunchTemplates"]
    ]
    assert f"eks-dev-{made.inputs['nodeGroupName']}" not in names


def bucket_with_object(cloud: Cloud, name: str) -> tuple[Request, Request]:
    bucket, _ = cloud.make("aws:s3/bucket:Bucket", name, {})
    cloud.make(
        "aws:s3/bucketVersioning:BucketVersioning",
        name,
        {"bucket": bucket.id, "versioningConfiguration": {"status": "Enabled"}},
    )
    held, _ = cloud.make(
        "aws:s3/bucketObjectv2:BucketObjectv2",
        name,
        {"bucket": bucket.id, "key": "a/b", "content": "one"},
    )
    return bucket, held


def test_an_object_holds_its_content_and_a_change_keeps_the_old_version(cloud):
    bucket, held = bucket_with_object(cloud, "kept")

    cloud.change(held, content="two")

    client = cloud.account.client("s3")
    versions = client.list_object_versions(Bucket=bucket.id)["Versions"]
    assert client.get_object(Bucket=bucket.id, Key="a/b")["Body"].read() == b"two"
    assert len(versions) == 2


def test_a_file_is_uploaded_as_it_is(cloud, tmp_path: Path):
    (tmp_path / "model").write_bytes(b"\x00\xff")
    bucket, _ = cloud.make("aws:s3/bucket:Bucket", "files", {})
    asset = {
        "4dabf18193072939515e22adb298388d": "c44067f5952c0a294b673a41bacd8c17",
        "path": str(tmp_path / "model"),
        "hash": "0",
    }

    cloud.make(
        "aws:s3/bucketObjectv2:BucketObjectv2",
        "file",
        {"bucket": bucket.id, "key": "model", "source": asset},
    )

    body = cloud.account.client("s3").get_object(Bucket=bucket.id, Key="model")["Body"]
    assert body.read() == b"\x00\xff"


def test_a_bucket_that_holds_something_is_not_deleted(cloud):
    bucket, held = bucket_with_object(cloud, "full")

    with pytest.raises(Refused, match="is not empty: delete its objects first"):
        cloud.provider.delete(bucket)
    cloud.provider.delete(held)
    cloud.provider.delete(bucket)

    assert cloud.read(bucket) is None


QUEUE = "aws:sqs/queue:Queue"
RULE = "aws:cloudwatch/eventRule:EventRule"
TARGET = "aws:cloudwatch/eventTarget:EventTarget"


def queue(cloud: Cloud, name: str, **inputs: Any) -> tuple[Request, dict[str, Any]]:
    return cloud.make(QUEUE, name, {"sqsManagedSseEnabled": True, **inputs})


def sent_to(cloud: Cloud, made: Request) -> list[str]:
    received = cloud.account.client("sqs").receive_message(QueueUrl=made.id)
    return [message["Body"] for message in received.get("Messages", [])]


def test_a_queue_is_known_by_its_address_and_has_what_was_asked_for(cloud):
    made, outputs = queue(cloud, "asked", visibilityTimeoutSeconds=60)

    assert made.id == outputs["url"]
    assert outputs["arn"] == f"arn:aws:sqs:{REGION}:123456789012:{made.inputs['name']}"
    assert cloud.read(made).inputs == made.inputs


def test_a_queues_settings_change_in_place_and_go_back_to_their_defaults(cloud):
    made, _ = queue(cloud, "settings", visibilityTimeoutSeconds=60, delaySeconds=5)
    kept = {name: value for name, value in made.inputs.items() if name != "delaySeconds"}

    changed = cloud.provider.update(
        Request(
            urn=made.urn,
            id=made.id,
            inputs={**kept, "visibilityTimeoutSeconds": 90},
            old_inputs=made.inputs,
        )
    )

    assert (changed["visibilityTimeoutSeconds"], changed["delaySeconds"]) == (90, 0)


def test_a_queue_whose_making_was_not_recorded_is_adopted(cloud):
    made, _ = queue(cloud, "crashed")

    again, _ = queue(cloud, "crashed")

    assert again.id == made.id


def test_a_queue_has_its_policy_until_that_is_deleted(cloud):
    made, _ = queue(cloud, "open")
    document = '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": "*", '
    document += '"Action": "sqs:SendMessage", "Resource": "*"}]}'
    policy, _ = cloud.make(
        "aws:sqs/queuePolicy:QueuePolicy", "open", {"queueUrl": made.id, "policy": document}
    )

    held = cloud.read(policy)
    cloud.provider.delete(policy)

    assert held.inputs == policy.inputs
    assert cloud.read(policy) is None
    assert cloud.read(made).inputs == made.inputs


def test_an_event_that_a_rule_waits_for_reaches_its_queue_and_no_other_does(cloud):
    made, outputs = queue(cloud, "notices")
    rule, _ = cloud.make(RULE, "spot", {"eventPattern": '{"detail-type": ["Interruption"]}'})
    cloud.make(TARGET, "spot", {"rule": rule.id, "arn": outputs["arn"]})

    cloud.account.client("events").put_events(
        Entries=[
            {"Source": "aws.ec2", "DetailType": kind, "Detail": '{"instance-id": "i-1"}'}
            for kind in ("Interruption", "Launch")
        ]
    )

    (notice,) = sent_to(cloud, made)
    assert yaml.safe_load(notice)["detail"] == {"instance-id": "i-1"}


def test_a_rule_and_its_target_change_in_place(cloud):
    _, first = queue(cloud, "first")
    _, second = queue(cloud, "second")
    rule, _ = cloud.make(RULE, "moved", {"eventPattern": '{"source": ["a"]}'})
    target, _ = cloud.make(TARGET, "moved", {"rule": rule.id, "arn": first["arn"]})

    cloud.change(rule, eventPattern='{"source": ["b"]}')
    cloud.change(target, arn=second["arn"])

    assert cloud.read(rule).inputs["eventPattern"] == '{"source": ["b"]}'
    assert cloud.read(target).inputs["arn"] == second["arn"]


def test_a_group_has_its_lifecycle_hook(cloud):
    group = cloud.group("hooked")
    inputs = {
        "autoscalingGroupName": group.id,
        "lifecycleTransition": "autoscaling:EC2_INSTANCE_TERMINATING",
        "heartbeatTimeout": 300,
        "defaultResult": "CONTINUE",
    }
    hook, _ = cloud.make("aws:autoscaling/lifecycleHook:LifecycleHook", "drain", inputs)

    cloud.change(hook, heartbeatTimeout=600)

    assert cloud.read(hook).inputs["heartbeatTimeout"] == 600
    cloud.provider.delete(hook)
    assert cloud.read(hook) is None


@pytest.mark.parametrize("token", [QUEUE, RULE, TARGET])
def test_what_tells_of_interruptions_is_gone_once_deleted_and_may_be_deleted_again(cloud, token):
    name = f"gone-{token[-5:].lower()}"
    _, outputs = queue(cloud, name)
    rule, _ = cloud.make(RULE, name, {"eventPattern": '{"source": ["a"]}'})
    target, _ = cloud.make(TARGET, name, {"rule": rule.id, "arn": outputs["arn"]})
    made = {QUEUE: queue(cloud, f"{name}-2")[0], RULE: rule, TARGET: target}[token]

    cloud.provider.delete(target)
    cloud.provider.delete(made)

    assert cloud.read(made) is None
    cloud.provider.delete(made)
