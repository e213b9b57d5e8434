"""SpotNodeGroup: the instances it asks for, how they join, how an autoscaler finds them."""

import base64
from typing import Any

import pytest

from components.aws.node_config import render_node_config
from components.aws.spot_node_group import SpotNodeGroup, SpotNodeGroupArgs, SpotPoolSpec
from components.bounds import Bounds
from components.kubernetes.taints import Taint
from tests.unit.components.aws.places import PLACE, POLICIES

ENTRY = "aws:eks/accessEntry:AccessEntry"
GROUP = "aws:autoscaling/group:Group"
PROFILE = "aws:iam/instanceProfile:InstanceProfile"
TEMPLATE = "aws:ec2/launchTemplate:LaunchTemplate"
TAINT = Taint(key="spot", value="yes", effect="NoSchedule")


def a_pool(**spec: Any) -> SpotNodeGroup:
    sound: dict[str, Any] = {
        "instance_types": ("m5.xlarge", "m6i.xlarge"),
        "nodes": Bounds(minimum=0, initial=1, maximum=3),
        "labels": {"intent": "apps"},
        "taints": (TAINT,),
    }
    return SpotNodeGroup(
        "batch", SpotNodeGroupArgs(spec=SpotPoolSpec(**{**sound, **spec}), place=PLACE)
    )


def test_the_group_has_the_bounds_and_subnets_it_was_given(cloud):
    cloud.run(a_pool)

    group = cloud.one(GROUP)
    assert (group["minSize"], group["desiredCapacity"], group["maxSize"]) == (0, 1, 3)
    assert group["vpcZoneIdentifiers"] == ["subnet-a", "subnet-b"]


@pytest.mark.parametrize(
    "strategy", ["capacity-optimized", "capacity-optimized-prioritized", "price-capacity-optimized"]
)
def test_all_capacity_is_spot_by_the_strategy_of_the_spec(cloud, strategy):
    cloud.run(lambda: a_pool(allocation_strategy=strategy))

    policy = cloud.one(GROUP)["mixedInstancesPolicy"]
    assert policy["instancesDistribution"] == {
        "onDemandBaseCapacity": 0,
        "onDemandPercentageAboveBaseCapacity": 0,
        "spotAllocationStrategy": strategy,
    }


def test_the_default_strategy_is_the_least_interrupted(cloud):
    cloud.run(a_pool)

    distribution = cloud.one(GROUP)["mixedInstancesPolicy"]["instancesDistribution"]
    assert distribution["spotAllocationStrategy"] == "capacity-optimized"


def test_any_of_the_instance_types_will_do(cloud):
    cloud.run(a_pool)

    template = cloud.one(GROUP)["mixedInstancesPolicy"]["launchTemplate"]
    assert template["overrides"] == [{"instanceType": "m5.xlarge"}, {"instanceType": "m6i.xlarge"}]
    assert "instanceMarketOptions" not in cloud.one(TEMPLATE)


def test_a_new_template_refreshes_the_instances(cloud):
    cloud.run(a_pool)

    group = cloud.one(GROUP)
    assert group["mixedInstancesPolicy"]["launchTemplate"]["launchTemplateSpecification"] == {
        "launchTemplateId": "batch-template-id",
        "version": "7",
    }
    assert group["instanceRefresh"] == {
        "strategy": "Rolling",
        "preferences": {"minHealthyPercentage": 90},
    }


def test_nodes_are_replaced_before_they_go_and_never_undrained(cloud):
    cloud.run(a_pool)

    group = cloud.one(GROUP)
    assert group["capacityRebalance"] is True
    assert group["suspendedProcesses"] == ["AZRebalance"]


def test_a_deployment_does_not_wait_for_spot_capacity(cloud):
    cloud.run(a_pool)

    assert cloud.one(GROUP)["waitForCapacityTimeout"] == "0"


def test_nodes_join_with_their_labels_and_taints(cloud):
    cloud.run(a_pool)

    document = base64.b64decode(cloud.one(TEMPLATE)["userData"]).decode()
    assert document == render_node_config(
        cluster_name="dev",
        endpoint="https://dev.invalid",
        certificate_authority="Q0E=",
        service_cidr="172.20.0.0/16",
        labels={"intent": "apps"},
        taints=(TAINT,),
    )


def test_nodes_have_the_pinned_image_and_the_clusters_security_group(cloud):
    cloud.run(a_pool)

    template = cloud.one(TEMPLATE)
    assert template["imageId"] == PLACE.ami.image_id
    assert template["vpcSecurityGroupIds"] == ["sg-cluster"]
    assert template["iamInstanceProfile"] == {
        "arn": "arn:aws:iam::123456789012:instance-profile/batch-profile"
    }
    assert cloud.one(PROFILE)["role"] == "batch-role"


def test_nodes_boot_encrypted_and_keep_pods_from_their_role(cloud):
    cloud.run(a_pool)

    template = cloud.one(TEMPLATE)
    (disk,) = template["blockDeviceMappings"]
    assert (disk["ebs"]["encrypted"], disk["ebs"]["volumeSize"]) == ("true", 50)
    assert template["metadataOptions"]["httpTokens"] == "required"
    assert template["metadataOptions"]["httpPutResponseHopLimit"] == 1


def test_the_role_may_join_before_there_are_nodes(cloud):
    cloud.run(a_pool)

    entry = cloud.one(ENTRY)
    assert entry["clusterName"] == "dev"
    assert entry["principalArn"] == "arn:aws:iam::123456789012:role/batch-role"
    assert entry["type"] == "EC2_LINUX"
    assert cloud.waits_for(GROUP) >= {"batch-access", *POLICIES}


def test_the_autoscaler_keeps_the_size_it_chose(cloud):
    cloud.run(a_pool)

    assert cloud.options(GROUP).ignoreChanges == ["desiredCapacity"]


def test_the_autoscaler_finds_the_group_and_knows_its_nodes_at_zero(cloud):
    cloud.run(a_pool)

    tags = {t["key"]: t["value"] for t in cloud.one(GROUP)["tags"] if not t["propagateAtLaunch"]}
    assert tags == {
        "k8s.io/cluster-autoscaler/enabled": "true",
        "k8s.io/cluster-autoscaler/dev": "owned",
        "k8s.io/cluster-autoscaler/node-template/label/intent": "apps",
        "k8s.io/cluster-autoscaler/node-template/taint/spot": "yes:NoSchedule",
    }


def test_tags_reach_instances_and_volumes(cloud):
    cloud.run(a_pool)

    tags = {"pool": "batch", "Name": "batch", "kubernetes.io/cluster/dev": "owned"}
    assert cloud.one(TEMPLATE)["tagSpecifications"] == [
        {"resourceType": "instance", "tags": tags},
        {"resourceType": "volume", "tags": tags},
    ]
    assert {
        t["key"]: t["value"] for t in cloud.one(GROUP)["tags"] if t["propagateAtLaunch"]
    } == tags
    assert cloud.one(PROFILE)["tags"] == cloud.one(ENTRY)["tags"] == {"pool": "batch"}


@pytest.mark.parametrize("typ", [ENTRY, GROUP, PROFILE, TEMPLATE, "tfserving:index:NodeRole"])
def test_every_child_belongs_to_the_pool(cloud, typ):
    cloud.run(a_pool)

    assert cloud.parent_of(typ) == "tfserving:index:SpotNodeGroup::batch"


def test_it_promises_its_name_and_role(cloud):
    pool = cloud.run(a_pool)

    assert cloud.promised(pool) == {
        "group_name": "batch-nodes",
        "role_arn": "arn:aws:iam::123456789012:role/batch-role",
    }
