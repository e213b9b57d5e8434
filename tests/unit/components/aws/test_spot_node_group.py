"""SpotNodeGroup: the instances it asks for, how they join, how an autoscaler finds them."""

import base64
from typing import Any

import pytest
import yaml

from components.aws.node_config import render_node_config
from components.aws.spot_node_group import (
    FallbackSpec,
    SpotNodeGroup,
    SpotNodeGroupArgs,
    SpotPoolSpec,
)
from components.bounds import Bounds
from components.kubernetes.taints import Taint
from components.spec import SpecError
from tests.unit.components.aws.places import PLACE, POLICIES

ENTRY = "aws:eks/accessEntry:AccessEntry"
GROUP = "aws:autoscaling/group:Group"
HOOK = "aws:autoscaling/lifecycleHook:LifecycleHook"
PROFILE = "aws:iam/instanceProfile:InstanceProfile"
TEMPLATE = "aws:ec2/launchTemplate:LaunchTemplate"
TAINT = Taint(key="spot", value="yes", effect="NoSchedule")
FALLBACK = FallbackSpec(nodes=Bounds(minimum=0, initial=0, maximum=2))


def a_pool(drain_seconds: int | None = None, **spec: Any) -> SpotNodeGroup:
    sound: dict[str, Any] = {
        "instance_types": ("m5.xlarge", "m6i.xlarge"),
        "nodes": Bounds(minimum=0, initial=1, maximum=3),
        "labels": {"intent": "apps"},
        "taints": (TAINT,),
    }
    return SpotNodeGroup(
        "batch",
        SpotNodeGroupArgs(
            spec=SpotPoolSpec(**{**sound, **spec}), place=PLACE, drain_seconds=drain_seconds
        ),
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


def test_a_share_of_the_nodes_may_be_on_demand(cloud):
    cloud.run(lambda: a_pool(on_demand_base=1, on_demand_percentage=20))

    distribution = cloud.one(GROUP)["mixedInstancesPolicy"]["instancesDistribution"]
    assert distribution["onDemandBaseCapacity"] == 1
    assert distribution["onDemandPercentageAboveBaseCapacity"] == 20


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ({"on_demand_base": 4}, "on_demand_base: must be between 0 and nodes.maximum, 3, got 4"),
        ({"on_demand_base": -1}, "on_demand_base: must be between 0 and nodes.maximum, 3, got -1"),
        ({"on_demand_percentage": 101}, "on_demand_percentage: must be between 0 and 100, got 101"),
        ({"on_demand_percentage": -1}, "on_demand_percentage: must be between 0 and 100, got -1"),
    ],
)
def test_a_share_is_within_what_there_can_be(spec, message):
    with pytest.raises(SpecError) as refusal:
        a_pool(**spec)

    assert str(refusal.value) == message


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


def test_replacing_early_can_be_turned_off(cloud):
    cloud.run(lambda: a_pool(capacity_rebalance=False))

    assert cloud.one(GROUP)["capacityRebalance"] is False


def test_a_node_that_is_to_go_waits_for_its_drain(cloud):
    cloud.run(lambda: a_pool(drain_seconds=300))

    hook = cloud.one(HOOK)
    assert hook["autoscalingGroupName"] == "batch-nodes"
    assert hook["lifecycleTransition"] == "autoscaling:EC2_INSTANCE_TERMINATING"
    assert (hook["heartbeatTimeout"], hook["defaultResult"]) == (300, "CONTINUE")
    managed = {"aws-node-termination-handler/managed": "true"}
    assert all(
        each["tags"].items() >= managed.items() for each in cloud.one(TEMPLATE)["tagSpecifications"]
    )
    assert {
        "key": "aws-node-termination-handler/managed",
        "value": "true",
        "propagateAtLaunch": True,
    } in cloud.one(GROUP)["tags"]


def test_a_node_does_not_wait_for_a_drain_that_nobody_does(cloud):
    cloud.run(a_pool)

    assert HOOK not in cloud.types()
    assert not any("termination-handler" in tag["key"] for tag in cloud.one(GROUP)["tags"])


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
        "k8s.io/cluster-autoscaler/node-template/resources/ephemeral-storage": "44Gi",
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


def with_fallback(**fallback: Any) -> SpotNodeGroup:
    spec = FallbackSpec(nodes=FALLBACK.nodes, **fallback)
    labels = {"intent": "apps", "lifecycle": "Ec2Spot", "aws.amazon.com/spot": "true"}
    return a_pool(fallback=spec, labels=labels, drain_seconds=300)


def test_without_spot_capacity_nodes_of_the_same_shape_are_on_demand(cloud):
    cloud.run(with_fallback)

    spot, fallback = (cloud.one(GROUP, f"batch{of}-nodes") for of in ("", "-fallback"))
    assert (fallback["minSize"], fallback["desiredCapacity"], fallback["maxSize"]) == (0, 0, 2)
    assert fallback["mixedInstancesPolicy"]["instancesDistribution"] == {
        "onDemandAllocationStrategy": "lowest-price",
        "onDemandPercentageAboveBaseCapacity": 100,
    }
    template = fallback["mixedInstancesPolicy"]["launchTemplate"]
    assert template["overrides"] == spot["mixedInstancesPolicy"]["launchTemplate"]["overrides"]
    assert template["launchTemplateSpecification"]["launchTemplateId"] == (
        "batch-fallback-template-id"
    )
    assert cloud.one(HOOK, "batch-fallback-drain")["autoscalingGroupName"] == "batch-fallback-nodes"


@pytest.mark.parametrize(
    ("given", "labels"),
    [
        (None, {"intent": "apps", "lifecycle": "OnDemand"}),
        ({"intent": "last-resort"}, {"intent": "last-resort"}),
    ],
)
def test_nodes_of_the_fallback_do_not_say_that_they_are_spot(cloud, given, labels):
    cloud.run(lambda: with_fallback(labels=given))

    document = base64.b64decode(cloud.one(TEMPLATE, "batch-fallback-template")["userData"]).decode()
    flags = yaml.safe_load(document)["spec"]["kubelet"]["flags"]
    node_labels = ",".join(f"{key}={value}" for key, value in labels.items())
    assert flags[0] == f"--node-labels={node_labels}"
    tags = {tag["key"]: tag["value"] for tag in cloud.one(GROUP, "batch-fallback-nodes")["tags"]}
    prefix = "k8s.io/cluster-autoscaler/node-template/label/"
    assert {
        key.removeprefix(prefix): value for key, value in tags.items() if key.startswith(prefix)
    } == labels


def test_spot_is_preferred_to_the_fallback(cloud):
    pool = cloud.run(with_fallback)

    groups = {number: [cloud.value(n) for n in names] for number, names in pool.priorities.items()}
    assert groups == {50: ["batch-nodes"], 10: ["batch-fallback-nodes"]}


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


@pytest.mark.parametrize(
    ("base", "percentage", "most"), [(0, 0, 3), (1, 0, 2), (0, 50, 2), (1, 100, 0)]
)
def test_all_nodes_may_be_spot_but_the_share_that_is_on_demand(base, percentage, most):
    spec = SpotPoolSpec(
        instance_types=("m5.xlarge",),
        nodes=Bounds(minimum=0, initial=0, maximum=3),
        on_demand_base=base,
        on_demand_percentage=percentage,
    )

    assert spec.most_spot_nodes == most
