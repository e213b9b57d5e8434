"""Auto Scaling groups that the aws provider makes in the emulator, EKS's own among them."""

import base64

import pytest

from sandbox.providers.plugin import Refused, Request
from sandbox.tests.emulated_aws import GROUP, LAUNCH_TEMPLATE, encoded, launched_from, node_group


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
