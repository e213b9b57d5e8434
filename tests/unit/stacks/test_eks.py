"""The EKS platform: how its parts are wired, and what it tells those who serve on it."""

from typing import Any

import pytest

import settings
from stacks import eks
from stacks.platform import Platform
from tests.unit.stack_files import PLATFORM, config_of, configure, put

GROUP = "aws:autoscaling/group:Group"
MANAGED_GROUP = "aws:eks/nodeGroup:NodeGroup"
PROVIDER = "pulumi:providers:kubernetes"
PRIVATE = ["tfserving-dev-private-us-west-2a-id", "tfserving-dev-private-us-west-2b-id"]
STACK_TAGS = {"project": "tfserving", "stack": "test"}


def deploy(cloud: Any, **changes: object) -> Platform:
    """Deploy the dev platform with other values at some of its keys."""
    config = config_of()
    for key, value in changes.items():
        put(config, f"{PLATFORM}.{key}", value)
    configure(config)
    return cloud.run(lambda: eks.deploy(settings.load().platform))


@pytest.fixture
def platform(cloud):
    return deploy(cloud)


def test_the_cluster_is_in_the_private_subnets(cloud, platform):
    cluster = cloud.one("eks:index:Cluster")

    assert cluster["vpcId"] == "tfserving-dev-vpc-id"
    assert cluster["subnetIds"] == PRIVATE
    assert cluster["tags"] == STACK_TAGS


def test_every_pool_joins_the_cluster_from_the_private_subnets(cloud, platform):
    assert cloud.one(MANAGED_GROUP)["clusterName"] == "tfserving-dev"
    assert cloud.one(MANAGED_GROUP)["subnetIds"] == PRIVATE
    assert cloud.one(GROUP)["vpcZoneIdentifiers"] == PRIVATE
    template = cloud.one(
        "aws:ec2/launchTemplate:LaunchTemplate", "tfserving-dev-4vcpu-16gb-template"
    )
    assert template["vpcSecurityGroupIds"] == ["sg-cluster"]


def test_each_kind_of_pool_is_of_its_own_spec(cloud, platform):
    assert cloud.one(MANAGED_GROUP)["instanceTypes"] == ["t3.medium"]
    overrides = cloud.one(GROUP)["mixedInstancesPolicy"]["launchTemplate"]["overrides"]
    assert [each["instanceType"] for each in overrides] == [
        f"{family}.xlarge" for family in ("m5", "m5d", "m4", "m5a", "m6i", "m6a")
    ]


def test_nodes_have_the_pinned_release(cloud, platform):
    assert cloud.one(MANAGED_GROUP)["releaseVersion"] == "1.35.2-20260724"


def test_costs_are_told_by_project_stack_and_pool(cloud, platform):
    tags = cloud.one(MANAGED_GROUP)["tags"]

    assert tags == {**STACK_TAGS, "pool": "system", "Name": "tfserving-dev-system"}
    assert cloud.one("aws:ec2/vpc:Vpc")["tags"].items() >= STACK_TAGS.items()
    assert cloud.one("aws:s3/bucket:Bucket")["tags"] == STACK_TAGS


@pytest.mark.parametrize(
    "component", ["tfserving:index:OnDemandNodeGroup", "tfserving:index:SpotNodeGroup"]
)
def test_nodes_wait_for_what_they_boot_with(cloud, platform, component):
    assert cloud.waits_for(component) >= {
        "tfserving-dev-cluster",
        "tfserving-dev-pod-identity-agent",
        "tfserving-dev-private-us-west-2a-out",
    }


def test_addons_that_need_nodes_wait_for_them(cloud, platform):
    nodes = {"tfserving-dev-system-nodes", "tfserving-dev-4vcpu-16gb-nodes"}

    assert cloud.waits_for("tfserving:index:EksAddons") >= nodes
    coredns = cloud.one("aws:eks/addon:Addon", "tfserving-dev-coredns")
    assert (coredns["clusterName"], coredns["tags"]) == ("tfserving-dev", STACK_TAGS)


def test_the_provider_stays_the_same_while_the_kubeconfig_is_unknown(cloud, platform):
    provider = cloud.one(PROVIDER)

    assert provider["clusterIdentifier"] == "tfserving-dev"
    assert provider["kubeconfig"]["value"] == "{}"  # a secret
    assert provider["enableServerSideApply"] == "true"


def test_a_long_pool_name_is_shortened(cloud):
    pool = config_of()[PLATFORM]["pools"]["system"]
    deploy(cloud, pools={"p" * 63: pool})

    (name,) = cloud.all(MANAGED_GROUP)
    assert len(name) == 45 + len("-nodes")


def test_it_describes_itself_and_its_pools(cloud, platform):
    description = {**platform.description}

    assert cloud.value(description.pop("cluster_name")) == "tfserving-dev"
    assert description == {
        "kind": "eks",
        "region": "us-west-2",
        "pools": {
            "system": {
                "kind": "on_demand",
                "instance_types": ("t3.medium",),
                "minimum": 2,
                "maximum": 3,
                "labels": {"lifecycle": "OnDemand", "intent": "control-apps"},
            },
            "4vcpu-16gb": {
                "kind": "spot",
                "instance_types": (
                    "m5.xlarge",
                    "m5d.xlarge",
                    "m4.xlarge",
                    "m5a.xlarge",
                    "m6i.xlarge",
                    "m6a.xlarge",
                ),
                "minimum": 0,
                "maximum": 3,
                "labels": {"lifecycle": "Ec2Spot", "intent": "apps"},
            },
        },
    }


def test_pods_are_told_of_the_bucket_but_given_no_keys(cloud, platform):
    remote = platform.models.remote

    assert cloud.value(platform.models.uri) == "s3://models-bucket-id"
    assert cloud.value(remote.bucket) == "models-bucket-id"
    assert remote.options == {
        "type": "s3",
        "provider": "AWS",
        "env_auth": "true",
        "region": "us-west-2",
    }


def test_the_kubeconfig_is_secret(cloud, platform):
    assert cloud.value_is_secret(platform.kubeconfig)
