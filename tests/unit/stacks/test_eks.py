"""The EKS platform: how its parts are wired, and what it tells those who serve on it."""

from typing import Any

import pytest

import settings
from settings.servers import EKS_NOTICE
from stacks import eks
from stacks.platform import Platform
from tests.unit.stack_files import PLATFORM, config_of, configure, put

GROUP = "aws:autoscaling/group:Group"
MANAGED_GROUP = "aws:eks/nodeGroup:NodeGroup"
HOOK = "aws:autoscaling/lifecycleHook:LifecycleHook"
RELEASE = "kubernetes:helm.sh/v3:Release"
PROVIDER = "pulumi:providers:kubernetes"
PRIVATE = ["tfserving-dev-private-us-west-2a-id", "tfserving-dev-private-us-west-2b-id"]
TEMPLATE = "aws:ec2/launchTemplate:LaunchTemplate"
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
    template = cloud.one(TEMPLATE, "tfserving-dev-4vcpu-16gb-template")
    assert template["vpcSecurityGroupIds"] == ["sg-cluster"]


def test_an_existing_network_is_left_as_it_is(cloud):
    subnets = ["subnet-0a1b2c3d", "subnet-0a1b2c3e"]
    deploy(cloud, network={"vpc_id": "vpc-0a1b2c3d", "private_subnet_ids": subnets})

    assert not {typ for typ in cloud.types() if typ.startswith("aws:ec2/")} - {TEMPLATE}
    assert cloud.one("eks:index:Cluster")["vpcId"] == "vpc-0a1b2c3d"
    assert cloud.one("eks:index:Cluster")["subnetIds"] == subnets
    assert cloud.one(GROUP)["vpcZoneIdentifiers"] == subnets
    assert cloud.one(MANAGED_GROUP)["subnetIds"] == subnets


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


def test_costs_are_told_by_tags_of_the_files_own(cloud):
    deploy(cloud, tags={"cost-center": "42", "stack": "not the name of the stack"})

    tags = {"cost-center": "42", **STACK_TAGS}
    assert cloud.one("aws:s3/bucket:Bucket")["tags"] == tags
    for each in cloud.one(TEMPLATE, "tfserving-dev-4vcpu-16gb-template")["tagSpecifications"]:
        assert each["tags"].items() >= tags.items()


def test_the_bucket_is_of_its_spec(cloud):
    deploy(cloud, model_bucket={"protected": True})

    assert cloud.options("aws:s3/bucket:Bucket").protect is True


@pytest.mark.parametrize(
    "component", ["tfserving:index:OnDemandNodeGroup", "tfserving:index:SpotNodeGroup"]
)
def test_nodes_wait_for_what_they_boot_with(cloud, platform, component):
    assert cloud.waits_for(component) >= {
        "tfserving-dev-cluster",
        "tfserving-dev-pod-identity-agent",
        "tfserving-dev-private-us-west-2a-out",
    }


def test_addons_that_need_nodes_wait_for_those_that_stay(cloud, platform):
    waits_for = cloud.waits_for("tfserving:index:EksAddons")

    assert "tfserving-dev-system-nodes" in waits_for
    assert "tfserving-dev-4vcpu-16gb-nodes" not in waits_for
    coredns = cloud.one("aws:eks/addon:Addon", "tfserving-dev-coredns")
    assert (coredns["clusterName"], coredns["tags"]) == ("tfserving-dev", STACK_TAGS)


def test_controllers_are_installed_once_names_resolve(cloud, platform):
    releases = cloud.all(RELEASE)

    assert {*releases} == {
        "cluster-autoscaler",
        "aws-node-termination-handler",
        "aws-load-balancer-controller",
    }
    for component in ("ClusterAutoscaler", "NodeTerminationHandler", "LoadBalancerController"):
        assert "tfserving-dev-coredns" in cloud.waits_for(f"tfserving:index:{component}")
    assert releases["aws-load-balancer-controller"]["values"]["vpcId"] == "tfserving-dev-vpc-id"
    for name in releases:
        assert "pulumi:providers:kubernetes::kubernetes" in cloud.options(RELEASE, name).provider


@pytest.mark.parametrize(
    ("key", "release"),
    [
        ("cluster_autoscaler", "cluster-autoscaler"),
        ("node_termination_handler", "aws-node-termination-handler"),
        ("load_balancer_controller", "aws-load-balancer-controller"),
    ],
)
def test_each_controller_can_be_turned_off(cloud, key, release):
    deploy(cloud, **{key: {"enabled": False}})

    assert len(cloud.all(RELEASE)) == 2
    assert release not in cloud.all(RELEASE)


@pytest.mark.parametrize(
    ("handler", "waits"), [({}, True), ({"mode": "metadata"}, False), ({"enabled": False}, False)]
)
def test_an_instance_waits_for_its_drain_where_somebody_hears_of_it(cloud, handler, waits):
    deploy(cloud, node_termination_handler=handler)

    assert (HOOK in cloud.types()) is waits
    if waits:
        assert cloud.one(HOOK)["heartbeatTimeout"] == 300


def test_the_autoscaler_prefers_spot_to_every_fallback(cloud):
    pools = config_of()[PLATFORM]["pools"]
    fallback = {"nodes": {"minimum": 0, "initial": 0, "maximum": 2}}
    pools["other"] = {**pools["4vcpu-16gb"], "fallback": fallback}
    deploy(cloud, pools=pools)

    values = cloud.one(RELEASE, "cluster-autoscaler")["values"]
    assert values["extraArgs"]["expander"] == "priority,least-waste"
    assert values["expanderPriorities"] == {
        "50": ["^tfserving-dev-4vcpu-16gb-nodes$", "^tfserving-dev-other-nodes$"],
        "10": ["^tfserving-dev-other-fallback-nodes$"],
    }


def test_the_provider_stays_the_same_while_the_kubeconfig_is_unknown(cloud, platform):
    provider = cloud.one(PROVIDER)

    assert provider["clusterIdentifier"] == "tfserving-dev"
    assert provider["kubeconfig"]["value"] == "{}"  # a secret
    assert provider["enableServerSideApply"] == "true"


def test_a_long_pool_name_is_shortened(cloud):
    pools = config_of()[PLATFORM]["pools"]
    pools["p" * 63] = pools.pop("system")
    deploy(cloud, pools=pools)

    (name,) = cloud.all(MANAGED_GROUP)
    assert len(name) == 45 + len("-nodes")


def test_it_describes_its_pools_their_taints_and_fallbacks(cloud):
    fallback = {"nodes": {"minimum": 0, "initial": 0, "maximum": 2}}
    pool = {**config_of()[PLATFORM]["pools"]["4vcpu-16gb"], "fallback": fallback}
    taints = [{"key": "models", "value": "only", "effect": "PreferNoSchedule"}]
    described = deploy(cloud, **{"pools.4vcpu-16gb": {**pool, "taints": taints}}).description

    assert [*described.pools] == ["system", "4vcpu-16gb"]
    assert described.pools["system"].fallback is None
    spot = described.pools["4vcpu-16gb"]
    assert [each.key for each in spot.taints] == ["models"]
    assert (spot.fallback.minimum, spot.fallback.maximum) == (0, 2)
    assert spot.fallback.labels == {"lifecycle": "OnDemand", "intent": "apps"}
    assert described.notice == EKS_NOTICE


def test_it_tells_where_load_balancers_go_in_a_network_that_was_there(cloud):
    network = {
        "vpc_id": "vpc-0a1b2c3d",
        "private_subnet_ids": ["subnet-0a1b2c3d", "subnet-0a1b2c3e"],
        "cidr": "10.1.0.0/16",
    }
    entrance = deploy(cloud, network=network).description.entrance

    assert entrance.cidrs == ("10.1.0.0/16",)
    assert entrance.subnets == {"internal": ("subnet-0a1b2c3d", "subnet-0a1b2c3e"), "public": ()}


def test_it_has_no_load_balancers_without_their_controller(cloud):
    platform = deploy(cloud, load_balancer_controller={"enabled": False})

    assert (platform.entrance, platform.description.entrance) == (None, None)


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
