"""OnDemandNodeGroup: the managed group it asks for."""

from typing import Any

import pytest

from components.aws.on_demand_node_group import (
    OnDemandNodeGroup,
    OnDemandNodeGroupArgs,
    OnDemandPoolSpec,
)
from components.bounds import Bounds
from components.kubernetes.taints import Taint
from tests.unit.components.aws.places import PLACE, POLICIES

GROUP = "aws:eks/nodeGroup:NodeGroup"
TEMPLATE = "aws:ec2/launchTemplate:LaunchTemplate"


def a_pool(**spec: Any) -> OnDemandNodeGroup:
    sound: dict[str, Any] = {
        "instance_types": ("t3.medium",),
        "nodes": Bounds(minimum=1, initial=2, maximum=3),
        "labels": {"intent": "control-apps"},
    }
    return OnDemandNodeGroup(
        "batch", OnDemandNodeGroupArgs(spec=OnDemandPoolSpec(**{**sound, **spec}), place=PLACE)
    )


def test_the_group_is_what_the_spec_says_where_the_place_says(cloud):
    cloud.run(a_pool)

    group = cloud.one(GROUP)
    assert group["clusterName"] == "dev"
    assert group["subnetIds"] == ["subnet-a", "subnet-b"]
    assert group["instanceTypes"] == ["t3.medium"]
    assert group["capacityType"] == "ON_DEMAND"
    assert group["scalingConfig"] == {"minSize": 1, "desiredSize": 2, "maxSize": 3}
    assert group["labels"] == {"intent": "control-apps"}
    assert group["nodeRoleArn"] == "arn:aws:iam::123456789012:role/batch-role"


def test_its_image_is_the_pinned_release(cloud):
    cloud.run(a_pool)

    group = cloud.one(GROUP)
    assert group["amiType"] == "AL2023_x86_64_STANDARD"
    assert group["version"] == "1.35"
    assert group["releaseVersion"] == "1.35.2-20260724"
    assert "imageId" not in cloud.one(TEMPLATE)


@pytest.mark.parametrize(
    ("effect", "asked"),
    [
        ("NoSchedule", "NO_SCHEDULE"),
        ("PreferNoSchedule", "PREFER_NO_SCHEDULE"),
        ("NoExecute", "NO_EXECUTE"),
    ],
)
def test_taints_are_spelled_as_eks_spells_them(cloud, effect, asked):
    cloud.run(lambda: a_pool(taints=(Taint(key="spot", value="yes", effect=effect),)))

    assert cloud.one(GROUP)["taints"] == [{"key": "spot", "value": "yes", "effect": asked}]


def test_nodes_boot_encrypted_and_keep_pods_from_their_role(cloud):
    cloud.run(lambda: a_pool(disk_gib=20))

    template = cloud.one(TEMPLATE)
    assert template["blockDeviceMappings"] == [
        {
            "deviceName": "/dev/xvda",
            "ebs": {
                "volumeType": "gp3",
                "volumeSize": 20,
                "encrypted": "true",
                "deleteOnTermination": "true",
            },
        }
    ]
    assert template["metadataOptions"] == {
        "httpEndpoint": "enabled",
        "httpTokens": "required",
        "httpPutResponseHopLimit": 1,
    }
    assert cloud.one(GROUP)["launchTemplate"] == {"id": "batch-template-id", "version": "7"}


def test_tags_reach_instances_and_volumes(cloud):
    cloud.run(a_pool)

    tags = {"pool": "batch", "Name": "batch"}
    assert cloud.one(TEMPLATE)["tagSpecifications"] == [
        {"resourceType": "instance", "tags": tags},
        {"resourceType": "volume", "tags": tags},
    ]
    assert cloud.one(GROUP)["tags"] == tags


def test_the_autoscaler_keeps_the_size_it_chose(cloud):
    cloud.run(a_pool)

    assert cloud.options(GROUP).ignoreChanges == ["scalingConfig.desiredSize"]


def test_nodes_wait_for_the_policies_they_boot_with(cloud):
    cloud.run(a_pool)

    assert cloud.waits_for(GROUP) >= POLICIES


@pytest.mark.parametrize("typ", [GROUP, TEMPLATE, "tfserving:index:NodeRole"])
def test_every_child_belongs_to_the_pool(cloud, typ):
    cloud.run(a_pool)

    assert cloud.parent_of(typ) == "tfserving:index:OnDemandNodeGroup::batch"


def test_it_promises_its_name(cloud):
    pool = cloud.run(a_pool)

    assert cloud.promised(pool) == {"node_group_name": "batch-nodes"}
