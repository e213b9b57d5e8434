"""The Auto Scaling groups of a cluster, and what is said of each."""

import base64

import pytest
import yaml

from sandbox.nodes.groups import SHORTAGE, Group, groups
from sandbox.providers.aws.account import Account

SERVER = "https://127.0.0.1:1"


def user_data(server: str) -> str:
    config = {
        "apiVersion": "node.eks.aws/v1alpha1",
        "kind": "NodeConfig",
        "spec": {"cluster": {"name": "dev", "apiServerEndpoint": server}},
    }
    return base64.b64encode(yaml.safe_dump(config).encode()).decode()


def template(account: Account, name: str, data: dict) -> dict:
    made = account.client("ec2").create_launch_template(
        LaunchTemplateName=name, LaunchTemplateData={"InstanceType": "m5.large", **data}
    )
    return {"LaunchTemplateId": made["LaunchTemplate"]["LaunchTemplateId"], "Version": "1"}


def make(account: Account, name: str, desired: int = 0, **settings: object) -> None:
    account.client("autoscaling").create_auto_scaling_group(
        AutoScalingGroupName=name,
        MinSize=0,
        MaxSize=9,
        DesiredCapacity=desired,
        AvailabilityZones=["us-west-2a"],
        **settings,
    )


def group(*overrides: str, tags: dict | None = None, data: dict | None = None, **more) -> Group:
    described = {
        "AutoScalingGroupName": "web-1",
        "MinSize": 1,
        "MaxSize": 5,
        "DesiredCapacity": 2,
        "Instances": [],
        "Tags": [{"Key": key, "Value": value} for key, value in (tags or {}).items()],
        "MixedInstancesPolicy": {
            "LaunchTemplate": {"Overrides": [{"InstanceType": each} for each in overrides]},
            **more,
        },
    }
    return Group(described, data or {"InstanceType": "m5.large"})


def tagged(**tags: str) -> dict:
    given = [{"Key": key, "Value": value} for key, value in tags.items()]
    return {"TagSpecifications": [{"ResourceType": "instance", "Tags": given}]}


def test_the_groups_whose_instances_join_the_cluster_are_found(account: Account):
    mine, other = (
        template(account, name, {"UserData": user_data(server)})
        for name, server in (("mine", SERVER), ("other", "https://127.0.0.1:2"))
    )
    script = base64.b64encode(b"#!/bin/sh").decode()
    make(account, "plain", LaunchTemplate=mine)
    policy = {"LaunchTemplate": {"LaunchTemplateSpecification": mine}}
    make(account, "mixed", MixedInstancesPolicy=policy)
    make(account, "another-clusters", LaunchTemplate=other)
    make(account, "nobodys", LaunchTemplate=template(account, "nobody", {}))
    make(account, "a-script", LaunchTemplate=template(account, "x", {"UserData": script}))

    assert {each.name for each in groups(account, SERVER)} == {"plain", "mixed"}


def test_a_group_is_read_by_the_version_of_the_template_that_it_names(account: Account):
    named = template(account, "t", {"UserData": user_data("https://127.0.0.1:2")})
    account.client("ec2").create_launch_template_version(
        LaunchTemplateId=named["LaunchTemplateId"],
        LaunchTemplateData={"InstanceType": "c5.large", "UserData": user_data(SERVER)},
    )
    make(account, "before", LaunchTemplate=named)
    make(account, "after", LaunchTemplate={**named, "Version": "2"})
    make(account, "newest", LaunchTemplate={**named, "Version": "$Latest"})

    found = {each.name: each.instance_types for each in groups(account, SERVER)}
    assert found == {"after": ["c5.large"], "newest": ["c5.large"]}


def test_more_groups_are_found_than_one_answer_holds(account: Account):
    joins = template(account, "t", {"UserData": user_data(SERVER)})
    for number in range(51):
        make(account, f"group-{number}", LaunchTemplate=joins)

    assert len([*groups(account, SERVER)]) == 51


def test_its_bounds_size_and_instances_are_as_auto_scaling_says(account: Account):
    joins = template(account, "t", {"UserData": user_data(SERVER)})
    make(account, "web", 2, LaunchTemplate=joins)

    (web,) = groups(account, SERVER)

    assert (web.bounds, web.desired) == ((0, 9), 2)
    assert len({*web.instances}) == 2


def test_instances_that_a_hook_keeps_from_ending_are_none_of_its_instances():
    states = ["InService", "Pending", "Terminating:Wait", "Terminating"]
    instances = [{"InstanceId": each, "LifecycleState": each} for each in states]

    assert Group({"Instances": instances}, {}).instances == ["InService", "Pending"]


def test_the_first_override_comes_first_and_without_any_the_template_says():
    assert group("m5.xlarge", "m4.xlarge").instance_types == ["m5.xlarge", "m4.xlarge"]
    assert group().instance_types == ["m5.large"]


@pytest.mark.parametrize(
    ("distribution", "has_spot"),
    [
        ({"OnDemandPercentageAboveBaseCapacity": 0}, True),
        ({"OnDemandPercentageAboveBaseCapacity": 99}, True),
        ({"OnDemandPercentageAboveBaseCapacity": 100}, False),
        ({"OnDemandBaseCapacity": 1}, False),
    ],
)
def test_a_group_has_spot_if_not_all_of_it_is_on_demand(distribution, has_spot):
    assert group("m5.large", InstancesDistribution=distribution).has_spot is has_spot


def test_a_group_without_a_distribution_is_all_on_demand():
    assert not group("m5.large").has_spot
    assert not Group({}, {}).has_spot


@pytest.mark.parametrize(
    ("tags", "data", "pool"),
    [
        ({}, {}, "web-1"),
        ({"pool": "web"}, {}, "web"),
        ({}, tagged(pool="web"), "web"),
        ({"pool": "own"}, tagged(pool="web"), "own"),
        ({}, tagged(other="web"), "web-1"),
    ],
)
def test_the_pool_is_the_one_that_its_tags_or_its_instances_tags_name(tags, data, pool):
    assert group(tags=tags, data=data).pool == pool


def test_a_group_is_short_by_its_tag():
    assert group(tags={SHORTAGE: ""}).is_short
    assert not group(tags={"other": "true"}).is_short
