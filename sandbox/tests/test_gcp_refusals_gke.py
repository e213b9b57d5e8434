"""What GKE would refuse of clusters and node pools is refused, where it is and why."""

import pytest

from sandbox.tests.gcp_inputs import (
    CLUSTER,
    NODE_POOL,
    leaves,
    refusals,
)


@pytest.mark.parametrize(
    ("token", "missing"),
    [
        (NODE_POOL, "cluster"),
    ],
)
def test_a_required_property_that_is_missing_is_refused_by_name(token, missing):
    assert refusals(token, **{missing: None}) == {
        missing: f"{missing} is required and was not given"
    }


@pytest.mark.parametrize(
    ("token", "path", "value"),
    [
        (CLUSTER, "releaseChannel__channel", "regular"),
        (CLUSTER, "datapathProvider", "DATAPATH_V2"),
        (CLUSTER, "gatewayApiConfig__channel", "STANDARD"),
        (CLUSTER, "networkingMode", "NATIVE"),
        (CLUSTER, "loggingConfig__enableComponents", ["SYSTEM"]),
        (CLUSTER, "monitoringConfig__enableComponents", ["WORKLOADS"]),
        (CLUSTER, "monitoringConfig__managedPrometheus__autoMonitoringConfig", {"scope": "SOME"}),
        (CLUSTER, "databaseEncryption", {"state": "ON"}),
        (CLUSTER, "dnsConfig", {"clusterDns": "COREDNS"}),
        (CLUSTER, "dnsConfig", {"clusterDnsScope": "VPC"}),
        (CLUSTER, "securityPostureConfig", {"mode": "STRICT"}),
        (CLUSTER, "podAutoscaling", {"hpaProfile": "FAST"}),
        (CLUSTER, "clusterAutoscaling", {"autoscalingProfile": "CHEAP"}),
        (CLUSTER, "networkPolicy", {"enabled": False, "provider": "CILIUM"}),
        (NODE_POOL, "autoscaling__locationPolicy", "EVEN"),
        (NODE_POOL, "nodeConfig__workloadMetadataConfig__mode", "GKE"),
        (NODE_POOL, "nodeConfig__taints__0__effect", "NoSchedule"),
        (NODE_POOL, "nodeConfig__diskType", "ssd"),
        (NODE_POOL, "nodeConfig__imageType", "COS"),
        (NODE_POOL, "nodeConfig__loggingVariant", "MAX"),
        (NODE_POOL, "nodeConfig__kubeletConfig__cpuManagerPolicy", "dynamic"),
        (NODE_POOL, "upgradeSettings", {"strategy": "CANARY"}),
        (NODE_POOL, "placementPolicy", {"type": "SPREAD"}),
    ],
)
def test_a_misspelt_enumeration_is_refused_with_the_value(token, path, value):
    (reason,) = refusals(token, **{path: value}).values()

    assert any(repr(leaf) in reason for leaf in leaves(value))


@pytest.mark.parametrize(
    ("token", "change", "place", "reason"),
    [
        (CLUSTER, {"name": "a" * 41}, "name", "must match"),
        (CLUSTER, {"name": "cluster-"}, "name", "must match"),
        (CLUSTER, {"location": "central"}, "location", "is no region or zone"),
        (CLUSTER, {"nodeLocations": ["us-central1-1"]}, "nodeLocations[0]", "is no zone"),
        (CLUSTER, {"nodeLocations": ["us-east1-b"]}, "nodeLocations[0]", "must be in us-central1"),
        (
            CLUSTER,
            {"location": "us-central1-a"},
            "nodeLocations[0]",
            "must not be the cluster's own zone, got 'us-central1-a'",
        ),
        (CLUSTER, {"initialNodeCount": 0}, "initialNodeCount", "must be at least 1, though"),
        (CLUSTER, {"initialNodeCount": None}, "initialNodeCount", "is required where"),
        (CLUSTER, {"initialNodeCount": 1001}, "initialNodeCount", "must be 0 to 1000"),
        (CLUSTER, {"minMasterVersion": "newest"}, "minMasterVersion", "must match"),
        (CLUSTER, {"defaultMaxPodsPerNode": 257}, "defaultMaxPodsPerNode", "must be 8 to 256"),
        (
            CLUSTER,
            {"ipAllocationPolicy__clusterIpv4CidrBlock": "/14"},
            "ipAllocationPolicy.clusterSecondaryRangeName",
            "only one of clusterSecondaryRangeName, clusterIpv4CidrBlock",
        ),
        (
            CLUSTER,
            {"ipAllocationPolicy__servicesIpv4CidrBlock": "/20"},
            "ipAllocationPolicy.servicesSecondaryRangeName",
            "only one of servicesSecondaryRangeName, servicesIpv4CidrBlock",
        ),
        (
            CLUSTER,
            {"privateClusterConfig__masterIpv4CidrBlock": "172.16.0.0/24"},
            "privateClusterConfig.masterIpv4CidrBlock",
            "must be a /28 to /28",
        ),
        (CLUSTER, {"clusterIpv4Cidr": "10.0.0.0/30"}, "clusterIpv4Cidr", "must be a /28 to /8"),
        (
            CLUSTER,
            {"masterAuthorizedNetworksConfig__cidrBlocks": [{"cidrBlock": "203.0.113.7/24"}]},
            "masterAuthorizedNetworksConfig.cidrBlocks[0].cidrBlock",
            "must be an IPv4 or IPv6 network",
        ),
        (
            CLUSTER,
            {"workloadIdentityConfig__workloadPool": "my-project"},
            "workloadIdentityConfig.workloadPool",
            "must match",
        ),
        (
            CLUSTER,
            {"networkPolicy": {"enabled": True}},
            "networkPolicy.enabled",
            "not with ADVANCED_DATAPATH",
        ),
        (
            CLUSTER,
            {"networkingMode": "ROUTES", "ipAllocationPolicy": None},
            "networkingMode",
            "ADVANCED_DATAPATH needs VPC_NATIVE",
        ),
        (CLUSTER, {"networkingMode": "ROUTES"}, "ipAllocationPolicy", "only with VPC_NATIVE"),
        (CLUSTER, {"resourceLabels": {"1": "x"}}, "resourceLabels.1", "must be called"),
        (CLUSTER, {"nodeConfig": {"diskSizeGb": 9}}, "nodeConfig.diskSizeGb", "must be 10 to"),
        (NODE_POOL, {"name": "Pool"}, "name", "must match"),
        (NODE_POOL, {"location": "us"}, "location", "is no region or zone"),
        (
            NODE_POOL,
            {"nodeLocations": ["us-east1-b"]},
            "nodeLocations[0]",
            "must be in us-central1",
        ),
        (
            NODE_POOL,
            {"nodeLocations": ["us-central1-1"]},
            "nodeLocations[0]",
            "is no zone",
        ),
        (
            NODE_POOL,
            {"nodeCount": 1, "initialNodeCount": None},
            "nodeCount",
            "only one of nodeCount, autoscaling",
        ),
        (
            NODE_POOL,
            {"nodeCount": 1, "autoscaling": None},
            "nodeCount",
            "only one of nodeCount, initialNodeCount",
        ),
        (
            NODE_POOL,
            {"nodeCount": 1001, "autoscaling": None, "initialNodeCount": None},
            "nodeCount",
            "must be 0 to 1000",
        ),
        (NODE_POOL, {"initialNodeCount": -1}, "initialNodeCount", "must be 0 to 1000, got -1"),
        (NODE_POOL, {"maxPodsPerNode": 7}, "maxPodsPerNode", "must be 8 to 256"),
        (
            NODE_POOL,
            {"autoscaling__totalMaxNodeCount": 3},
            "autoscaling",
            "cannot be together, got minNodeCount, maxNodeCount, totalMaxNodeCount",
        ),
        (
            NODE_POOL,
            {"autoscaling": {"minNodeCount": 1}},
            "autoscaling.maxNodeCount",
            "one of maxNodeCount, totalMaxNodeCount is required",
        ),
        (NODE_POOL, {"autoscaling__minNodeCount": 4}, "autoscaling.minNodeCount", "4 above 3"),
        (NODE_POOL, {"autoscaling__maxNodeCount": -1}, "autoscaling.maxNodeCount", "must be 0 to"),
        (NODE_POOL, {"autoscaling__minNodeCount": -1}, "autoscaling.minNodeCount", "must be 0 to"),
        (
            NODE_POOL,
            {"autoscaling": {"totalMinNodeCount": 3, "totalMaxNodeCount": 2}},
            "autoscaling.totalMinNodeCount",
            "3 above 2",
        ),
        (
            NODE_POOL,
            {"autoscaling": {"totalMinNodeCount": -1, "totalMaxNodeCount": 2}},
            "autoscaling.totalMinNodeCount",
            "must be 0 to",
        ),
        (
            NODE_POOL,
            {"autoscaling": {"totalMaxNodeCount": -1}},
            "autoscaling.totalMaxNodeCount",
            "must be 0 to",
        ),
        (NODE_POOL, {"nodeConfig__machineType": "n1"}, "nodeConfig.machineType", "sandbox knows"),
        (NODE_POOL, {"nodeConfig__diskSizeGb": 9}, "nodeConfig.diskSizeGb", "must be 10 to"),
        (
            NODE_POOL,
            {"nodeConfig__preemptible": True},
            "nodeConfig.spot",
            "only one of spot, preemptible",
        ),
        (NODE_POOL, {"nodeConfig__serviceAccount": "nodes"}, "nodeConfig.serviceAccount", "must"),
        (
            NODE_POOL,
            {"nodeConfig__oauthScopes": ["https://example.org/all"]},
            "nodeConfig.oauthScopes[0]",
            "must match",
        ),
        (NODE_POOL, {"nodeConfig__labels": {"-x": ""}}, "nodeConfig.labels.-x", "must match"),
        (NODE_POOL, {"nodeConfig__labels": {"x": "a b"}}, "nodeConfig.labels[x]", "must match"),
        (NODE_POOL, {"nodeConfig__taints__0__key": "a/"}, "nodeConfig.taints[0].key", "must match"),
        (
            NODE_POOL,
            {"nodeConfig__taints__0__value": "a/b"},
            "nodeConfig.taints[0].value",
            "must match",
        ),
        (
            NODE_POOL,
            {"nodeConfig__resourceLabels": {"x": "A"}},
            "nodeConfig.resourceLabels[x]",
            "must match",
        ),
        (
            NODE_POOL,
            {"nodeConfig__kubeletConfig__podPidsLimit": 1023},
            "nodeConfig.kubeletConfig.podPidsLimit",
            "must be 1024 to 4194304",
        ),
        (
            NODE_POOL,
            {"nodeConfig__spot": False},
            "nodeConfig.kubeletConfig.shutdownGracePeriodSeconds",
            "only Spot VMs have one",
        ),
        (
            NODE_POOL,
            {"nodeConfig__kubeletConfig__shutdownGracePeriodSeconds": 60},
            "nodeConfig.kubeletConfig.shutdownGracePeriodSeconds",
            "must be one of 0, 30, 120, got 60",
        ),
        (
            NODE_POOL,
            {"nodeConfig__kubeletConfig__shutdownGracePeriodCriticalPodsSeconds": 121},
            "nodeConfig.kubeletConfig.shutdownGracePeriodCriticalPodsSeconds",
            "must be 0 to shutdownGracePeriodSeconds, 120, got 121",
        ),
        (
            NODE_POOL,
            {"nodeConfig__kubeletConfig": {"shutdownGracePeriodCriticalPodsSeconds": 15}},
            "nodeConfig.kubeletConfig.shutdownGracePeriodCriticalPodsSeconds",
            "must be 0 to shutdownGracePeriodSeconds, None, got 15",
        ),
        (
            NODE_POOL,
            {"upgradeSettings": {"maxSurge": 0, "maxUnavailable": 0}},
            "upgradeSettings.maxSurge",
            "must be 1 to 20 with maxUnavailable, got 0 and 0",
        ),
        (
            NODE_POOL,
            {"upgradeSettings__maxSurge": 21},
            "upgradeSettings.maxSurge",
            "must be 1 to 20 with maxUnavailable, got 21 and 0",
        ),
        (
            NODE_POOL,
            {"upgradeSettings": {"strategy": "BLUE_GREEN", "maxSurge": 1}},
            "upgradeSettings.maxSurge",
            "only with strategy SURGE",
        ),
        (
            NODE_POOL,
            {"upgradeSettings": {"blueGreenSettings": {"nodePoolSoakDuration": "60s"}}},
            "upgradeSettings.blueGreenSettings",
            "not with strategy SURGE",
        ),
    ],
)
def test_a_value_that_google_cloud_would_not_take_is_refused_where_it_is(
    token, change, place, reason
):
    assert reason in refusals(token, **change)[place]


@pytest.mark.parametrize(
    ("token", "change"),
    [
        (CLUSTER, {"location": "us-central1-f"}),
        (NODE_POOL, {"autoscaling": {"totalMinNodeCount": 0, "totalMaxNodeCount": 3}}),
        (NODE_POOL, {"autoscaling": {"maxNodeCount": 0}}),
        (NODE_POOL, {"autoscaling": {"maxNodeCount": 0, "totalMaxNodeCount": 3}}),
        (NODE_POOL, {"nodeConfig__imageType": "cos_containerd"}),
        (NODE_POOL, {"nodeConfig__kubeletConfig": {"cpuManagerPolicy": ""}}),
        (NODE_POOL, {"nodeConfig__kubeletConfig": {"shutdownGracePeriodSeconds": 30}}),
    ],
)
def test_another_value_that_google_cloud_takes_is_taken(token, change):
    assert refusals(token, **change) == {}
