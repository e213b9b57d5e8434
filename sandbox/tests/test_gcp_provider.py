"""The gcp provider's checks: what Google Cloud would refuse is refused, where it is and why."""

from types import ModuleType
from typing import Any

import pytest

from sandbox.layout import MARKER, Layout
from sandbox.processes import write_atomically
from sandbox.providers import gcp, sdk_schema
from sandbox.providers.gcp import ROWS, Gcp
from sandbox.providers.plugin import Provider, Refused, Request, Urn
from sandbox.providers.values import UNKNOWN
from sandbox.tests import engine_requests

CLUSTER = "gcp:container/cluster:Cluster"
NODE_POOL = "gcp:container/nodePool:NodePool"
NETWORK = "gcp:compute/network:Network"
SUBNETWORK = "gcp:compute/subnetwork:Subnetwork"
ROUTER = "gcp:compute/router:Router"
NAT = "gcp:compute/routerNat:RouterNat"
ADDRESS = "gcp:compute/address:Address"
GLOBAL_ADDRESS = "gcp:compute/globalAddress:GlobalAddress"
POLICY = "gcp:compute/securityPolicy:SecurityPolicy"
SSL_POLICY = "gcp:compute/sSLPolicy:SSLPolicy"
REGION_SSL_POLICY = "gcp:compute/regionSslPolicy:RegionSslPolicy"
ACCOUNT = "gcp:serviceaccount/account:Account"
PROJECT_MEMBER = "gcp:projects/iAMMember:IAMMember"
BUCKET = "gcp:storage/bucket:Bucket"
BUCKET_MEMBER = "gcp:storage/bucketIAMMember:BucketIAMMember"
OBJECT = "gcp:storage/bucketObject:BucketObject"

_POOL = "locations/global/workloadIdentityPools/my-project.svc.id.goog/subject/ns/serving/sa/reader"
_POD = f"principal://iam.googleapis.com/projects/123456789012/{_POOL}"
_NODES = "serviceAccount:nodes@my-project.iam.gserviceaccount.com"
_BY_ADDRESS = {"versionedExpr": "SRC_IPS_V1", "config": {"srcIpRanges": ["203.0.113.0/24"]}}
_ALL = {"versionedExpr": "SRC_IPS_V1", "config": {"srcIpRanges": ["*"]}}
VALID: dict[str, dict[str, Any]] = {
    NETWORK: {"autoCreateSubnetworks": False, "routingMode": "REGIONAL", "mtu": 1460},
    SUBNETWORK: {
        "network": "projects/my-project/global/networks/vpc",
        "region": "us-central1",
        "ipCidrRange": "10.60.0.0/20",
        "secondaryIpRanges": [
            {"rangeName": "pods", "ipCidrRange": "10.64.0.0/14"},
            {"rangeName": "services", "ipCidrRange": "10.68.0.0/20"},
        ],
        "privateIpGoogleAccess": True,
    },
    ROUTER: {"network": "vpc", "region": "us-central1"},
    NAT: {
        "router": "router",
        "region": "us-central1",
        "natIpAllocateOption": "AUTO_ONLY",
        "sourceSubnetworkIpRangesToNat": "ALL_SUBNETWORKS_ALL_IP_RANGES",
        "logConfig": {"enable": True, "filter": "ERRORS_ONLY"},
    },
    ADDRESS: {"region": "us-central1"},
    GLOBAL_ADDRESS: {"addressType": "EXTERNAL"},
    SSL_POLICY: {"profile": "RESTRICTED", "minTlsVersion": "TLS_1_2"},
    REGION_SSL_POLICY: {"profile": "MODERN", "region": "us-central1"},
    POLICY: {
        "rules": [
            {"action": "allow", "priority": 1000, "match": _BY_ADDRESS},
            {"action": "deny(403)", "priority": 2147483647, "match": _ALL},
        ]
    },
    CLUSTER: {
        "name": "cluster-1",
        "location": "us-central1",
        "nodeLocations": ["us-central1-a", "us-central1-b"],
        "removeDefaultNodePool": True,
        "initialNodeCount": 1,
        "releaseChannel": {"channel": "REGULAR"},
        "datapathProvider": "ADVANCED_DATAPATH",
        "networkingMode": "VPC_NATIVE",
        "ipAllocationPolicy": {
            "clusterSecondaryRangeName": "pods",
            "servicesSecondaryRangeName": "services",
        },
        "privateClusterConfig": {"enablePrivateNodes": True},
        "masterAuth": {"clientCertificateConfig": {"issueClientCertificate": False}},
        "masterAuthorizedNetworksConfig": {"cidrBlocks": [{"cidrBlock": "203.0.113.0/24"}]},
        "workloadIdentityConfig": {"workloadPool": "my-project.svc.id.goog"},
        "gatewayApiConfig": {"channel": "CHANNEL_STANDARD"},
        "loggingConfig": {"enableComponents": ["SYSTEM_COMPONENTS", "WORKLOADS"]},
        "monitoringConfig": {
            "enableComponents": ["SYSTEM_COMPONENTS"],
            "managedPrometheus": {"enabled": True},
        },
        "resourceLabels": {"app": "tfserving"},
        "deletionProtection": False,
    },
    NODE_POOL: {
        "cluster": "cluster-1",
        "location": "us-central1",
        "nodeLocations": ["us-central1-a"],
        "initialNodeCount": 1,
        "autoscaling": {"minNodeCount": 1, "maxNodeCount": 3, "locationPolicy": "BALANCED"},
        "management": {"autoRepair": True, "autoUpgrade": True},
        "upgradeSettings": {"maxSurge": 1, "maxUnavailable": 0},
        "nodeConfig": {
            "machineType": "n1-standard-4",
            "diskSizeGb": 50,
            "diskType": "pd-balanced",
            "spot": True,
            "serviceAccount": "nodes@my-project.iam.gserviceaccount.com",
            "oauthScopes": ["https://www.googleapis.com/auth/cloud-platform"],
            "workloadMetadataConfig": {"mode": "GKE_METADATA"},
            "labels": {"cloud.google.com/compute-class": "serving"},
            "taints": [{"key": "only", "value": "this", "effect": "NO_SCHEDULE"}],
            "kubeletConfig": {
                "shutdownGracePeriodSeconds": 120,
                "shutdownGracePeriodCriticalPodsSeconds": 15,
            },
        },
    },
    ACCOUNT: {"accountId": "cluster-1-nodes", "displayName": "Nodes of cluster-1"},
    PROJECT_MEMBER: {
        "project": "my-project",
        "role": "roles/container.defaultNodeServiceAccount",
        "member": _NODES,
    },
    BUCKET: {
        "name": "my-project-bucket",
        "location": "US-CENTRAL1",
        "uniformBucketLevelAccess": True,
        "publicAccessPrevention": "enforced",
        "versioning": {"enabled": True},
        "labels": {"app": "tfserving"},
        "lifecycleRules": [
            {"action": {"type": "Delete"}, "condition": {"daysSinceNoncurrentTime": 90}},
            {"action": {"type": "AbortIncompleteMultipartUpload"}, "condition": {"age": 7}},
        ],
        "softDeletePolicy": {"retentionDurationSeconds": 604800},
    },
    BUCKET_MEMBER: {
        "bucket": "my-project-bucket",
        "role": "roles/storage.objectViewer",
        "member": _POD,
        "condition": {"title": "models", "expression": 'resource.name.startsWith("models/")'},
    },
    OBJECT: {"bucket": "my-project-bucket", "name": "models/half/1/saved_model.pb", "content": "x"},
}


def configured(**settings: Any) -> Gcp:
    provider = Gcp()
    provider.configure({"project": "my-project", **settings})
    return provider


def refusals(token: str, provider: Provider | None = None, **change: Any) -> dict[str, str]:
    """Return what is refused of a type's inputs in which some paths were changed."""
    return engine_requests.refusals(provider or configured(), token, VALID[token], **change)


def test_every_row_has_inputs_to_be_tested_with():
    assert ROWS.keys() == VALID.keys()


def test_no_type_has_two_rows():
    modules = (module for module in vars(gcp).values() if isinstance(module, ModuleType))
    tokens = [row.token for module in modules for row in getattr(module, "ROWS", ())]
    assert sorted(tokens) == sorted(ROWS)


@pytest.mark.parametrize("token", VALID)
def test_what_google_cloud_takes_is_taken(token):
    assert refusals(token) == {}


@pytest.mark.parametrize("token", VALID)
def test_a_property_that_the_type_has_not_is_refused_by_name(token):
    assert "is no property of" in refusals(token, bukcet="x")["bukcet"]


@pytest.mark.parametrize("token", VALID)
def test_the_properties_that_force_replacement_are_the_types_own(token):
    known = sdk_schema.output_names(token) | {"namePrefix"}
    assert {name.split(".")[0] for name in ROWS[token].replaces} <= known


@pytest.mark.parametrize(
    ("token", "missing"),
    [
        (SUBNETWORK, "network"),
        (NAT, "router"),
        (NODE_POOL, "cluster"),
        (PROJECT_MEMBER, "role"),
        (BUCKET, "location"),
        (BUCKET_MEMBER, "bucket"),
    ],
)
def test_a_required_property_that_is_missing_is_refused_by_name(token, missing):
    assert refusals(token, **{missing: None}) == {
        missing: f"{missing} is required and was not given"
    }


@pytest.mark.parametrize(
    ("token", "path", "value"),
    [
        (NETWORK, "routingMode", "regional"),
        (NETWORK, "networkFirewallPolicyEnforcementOrder", "BEFORE"),
        (NETWORK, "bgpBestPathSelectionMode", "BEST"),
        (NETWORK, "bgpInterRegionCost", "NONE"),
        (SUBNETWORK, "purpose", "PUBLIC"),
        (SUBNETWORK, "stackType", "IPV4"),
        (ROUTER, "bgp", {"asn": 64512, "advertiseMode": "ALL"}),
        (NAT, "sourceSubnetworkIpRangesToNat", "ALL"),
        (NAT, "natIpAllocateOption", "AUTO"),
        (NAT, "logConfig__filter", "ERRORS"),
        (NAT, "type", "INTERNAL"),
        (NAT, "endpointTypes", ["VM"]),
        (POLICY, "type", "ARMOR"),
        (POLICY, "rules__0__action", "deny(500)"),
        (POLICY, "rules__0__match__versionedExpr", "SRC_IPS"),
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
        (BUCKET, "publicAccessPrevention", "on"),
        (BUCKET, "storageClass", "standard"),
        (BUCKET, "rpo", "TURBO"),
        (BUCKET, "lifecycleRules__0__action__type", "delete"),
        (BUCKET, "lifecycleRules__0__condition__withState", "OLD"),
        (OBJECT, "storageClass", "COLD"),
    ],
)
def test_a_misspelt_enumeration_is_refused_with_the_value(token, path, value):
    (reason,) = refusals(token, **{path: value}).values()

    assert any(repr(leaf) in reason for leaf in _leaves(value))


@pytest.mark.parametrize(
    ("token", "change", "place", "reason"),
    [
        (NETWORK, {"name": "VPC"}, "name", "must match"),
        (NETWORK, {"name": "a" * 64}, "name", "must match"),
        (NETWORK, {"mtu": 1299}, "mtu", "must be 1300 to 8896, got 1299"),
        (SUBNETWORK, {"name": "Nodes"}, "name", "must match"),
        (SUBNETWORK, {"region": "us-central1-a"}, "region", "must match"),
        (
            SUBNETWORK,
            {"secondaryIpRanges__0__ipCidrRange": "10.64.0.0/30"},
            "secondaryIpRanges[0].ipCidrRange",
            "must be a /29 to /4",
        ),
        (SUBNETWORK, {"ipCidrRange": "10.60.0.0/30"}, "ipCidrRange", "must be a /29 to /4"),
        (SUBNETWORK, {"ipCidrRange": "10.60.0.1/20"}, "ipCidrRange", "must be an IPv4 network"),
        (SUBNETWORK, {"ipCidrRange": None}, "ipCidrRange", "is required"),
        (
            SUBNETWORK,
            {"secondaryIpRanges__0__ipCidrRange": "10.60.0.0/14"},
            "secondaryIpRanges[0].ipCidrRange",
            "must not overlap 10.60.0.0/20, got 10.60.0.0/14",
        ),
        (
            SUBNETWORK,
            {"secondaryIpRanges__1__ipCidrRange": "10.64.0.0/20"},
            "secondaryIpRanges[1].ipCidrRange",
            "must not overlap 10.64.0.0/14",
        ),
        (
            SUBNETWORK,
            {"secondaryIpRanges__1__rangeName": "Services"},
            "secondaryIpRanges[1].rangeName",
            "must match",
        ),
        (SUBNETWORK, {"role": "ACTIVE"}, "role", "only with the purpose of a proxy"),
        (
            SUBNETWORK,
            {
                "purpose": "REGIONAL_MANAGED_PROXY",
                "logConfig": {"metadata": "INCLUDE_ALL_METADATA"},
            },
            "logConfig",
            "not with the purpose of a proxy",
        ),
        (
            SUBNETWORK,
            {"logConfig": {"flowSampling": 1.5}},
            "logConfig.flowSampling",
            "must be 0 to 1",
        ),
        (SUBNETWORK, {"purpose": "REGIONAL_MANAGED_PROXY", "role": "SPARE"}, "role", "'SPARE'"),
        (ROUTER, {"region": "central"}, "region", "must match"),
        (ROUTER, {"name": "1st"}, "name", "must match"),
        (NAT, {"name": "nat_1"}, "name", "must match"),
        (NAT, {"region": "us"}, "region", "must match"),
        (NAT, {"natIps": ["an-address"]}, "natIps", "only with natIpAllocateOption MANUAL_ONLY"),
        (NAT, {"natIpAllocateOption": "MANUAL_ONLY"}, "natIps", "MANUAL_ONLY needs some"),
        (NAT, {"natIpAllocateOption": None}, "natIpAllocateOption", "a public NAT needs one"),
        (
            NAT,
            {"sourceSubnetworkIpRangesToNat": "LIST_OF_SUBNETWORKS"},
            "subnetworks",
            "LIST_OF_SUBNETWORKS needs some",
        ),
        (
            NAT,
            {"natIpAllocateOption": "MANUAL_ONLY", "natIps": ["a"], "initialNatIps": ["b"]},
            "initialNatIps",
            "only one of initialNatIps, natIps may be given",
        ),
        (POLICY, {"name": "-armor"}, "name", "must match"),
        (POLICY, {"rules__1__priority": 2000}, "rules", "one must be the default"),
        (POLICY, {"rules__0__priority": 2147483647}, "rules", "2 rules have the priority"),
        (POLICY, {"rules__0__priority": -1}, "rules[0].priority", "must be 0 to 2147483647"),
        (POLICY, {"rules__1__match": _BY_ADDRESS}, "rules[1].match", "must match *"),
        (
            POLICY,
            {"rules__0__match__config__srcIpRanges": [f"203.0.113.{n}/32" for n in range(11)]},
            "rules[0].match.config.srcIpRanges",
            "must be at most 10, got 11",
        ),
        (
            POLICY,
            {"rules__0__match__config__srcIpRanges": ["home"]},
            "rules[0].match.config.srcIpRanges[0]",
            "got 'home'",
        ),
        (
            POLICY,
            {"rules__0__match__expr": {"expression": "true"}},
            "rules[0].match.expr",
            "only one of expr, versionedExpr may be given",
        ),
        (
            POLICY,
            {"rules__0__match__versionedExpr": None},
            "rules[0].match.expr",
            "one of expr, versionedExpr is required",
        ),
        (POLICY, {"labels": {"Team": "ml"}}, "labels.Team", "must be called"),
        (POLICY, {"labels": {"team": "ML"}}, "labels[team]", "must match"),
        (
            POLICY,
            {"labels": {f"label-{n}": "" for n in range(65)}},
            "labels",
            "must be at most 64, got 65",
        ),
        (CLUSTER, {"name": "a" * 41}, "name", "must match"),
        (CLUSTER, {"name": "cluster-"}, "name", "must match"),
        (CLUSTER, {"location": "central"}, "location", "must match"),
        (CLUSTER, {"nodeLocations": ["us-central1-1"]}, "nodeLocations[0]", "must match"),
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
            "must be an IPv4 network",
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
        (NODE_POOL, {"location": "us"}, "location", "must match"),
        (
            NODE_POOL,
            {"nodeLocations": ["us-east1-b"]},
            "nodeLocations[0]",
            "must be in us-central1",
        ),
        (NODE_POOL, {"nodeLocations": ["us-central1-1"]}, "nodeLocations[0]", "must match"),
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
        (NODE_POOL, {"autoscaling__maxNodeCount": 0}, "autoscaling.maxNodeCount", "must be 1 to"),
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
            {"autoscaling": {"totalMaxNodeCount": 0}},
            "autoscaling.totalMaxNodeCount",
            "must be 1 to",
        ),
        (NODE_POOL, {"nodeConfig__machineType": "n1"}, "nodeConfig.machineType", "must match"),
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
        (ACCOUNT, {"accountId": "nodes"}, "accountId", "must match"),
        (ACCOUNT, {"accountId": "a" * 31}, "accountId", "must match"),
        (ACCOUNT, {"accountId": "1-account"}, "accountId", "must match"),
        (ACCOUNT, {"displayName": "a" * 101}, "displayName", "must match"),
        (ACCOUNT, {"description": "a" * 257}, "description", "must match"),
        (PROJECT_MEMBER, {"project": "My Project"}, "project", "must match"),
        (PROJECT_MEMBER, {"role": "container.nodes"}, "role", "must match"),
        (PROJECT_MEMBER, {"role": "roles/"}, "role", "must match"),
        (PROJECT_MEMBER, {"member": "nodes@my-project.org"}, "member", "must be an identity"),
        (PROJECT_MEMBER, {"member": "allUsers"}, "member", "a project has no roles for everyone"),
        (
            PROJECT_MEMBER,
            {"role": "roles/editor", "condition": {"title": "t", "expression": "true"}},
            "condition",
            "no basic role may have one",
        ),
        (
            BUCKET_MEMBER,
            {"member": _POD.replace("123456789012", "my-project")},
            "member",
            "must have the project's number, not 'my-project'",
        ),
        (
            BUCKET_MEMBER,
            {"member": _POD.replace("/global", "")},
            "member",
            "must go on with locations/global/workloadIdentityPools",
        ),
        (
            BUCKET_MEMBER,
            {"member": _POD.replace("/sa/reader", "")},
            "member",
            "must end with subject/ns/NAMESPACE/sa/SERVICE_ACCOUNT",
        ),
        (BUCKET_MEMBER, {"member": _POD.replace("iam.", "")}, "member", "must be an identity"),
        (BUCKET_MEMBER, {"role": "storage.objectViewer"}, "role", "must match"),
        (BUCKET_MEMBER, {"bucket": "My-Bucket"}, "bucket", "must match"),
        (
            BUCKET_MEMBER,
            {"condition__expression": " || ".join(['x == "a || b"'] * 14)},
            "condition.expression",
            "must have at most 12 logical operators, got 13",
        ),
        (
            BUCKET_MEMBER,
            {"condition__title": "a" * 101},
            "condition.title",
            "must have at most 100 characters, got 101",
        ),
        (BUCKET, {"name": "Upper"}, "name", "must match"),
        (BUCKET, {"name": "ab"}, "name", "must match"),
        (BUCKET, {"name": "a" * 64}, "name", "must match"),
        (BUCKET, {"name": "goog-models"}, "name", "must match"),
        (BUCKET, {"name": "my-google-models"}, "name", "must match"),
        (BUCKET, {"name": "10.60.0.1"}, "name", "must match"),
        (BUCKET, {"location": "us-central1-a"}, "location", "must match"),
        (BUCKET, {"labels": {"app": "TF"}}, "labels[app]", "must match"),
        (
            BUCKET,
            {"lifecycleRules__0__condition": {}},
            "lifecycleRules[0].condition",
            "must have at least one condition",
        ),
        (
            BUCKET,
            {"lifecycleRules__0__action": {"type": "SetStorageClass"}},
            "lifecycleRules[0].action.storageClass",
            "is for the action SetStorageClass, which needs one",
        ),
        (
            BUCKET,
            {"lifecycleRules__0__action": {"type": "SetStorageClass", "storageClass": "COLD"}},
            "lifecycleRules[0].action.storageClass",
            "'COLD' is none of",
        ),
        (
            BUCKET,
            {"lifecycleRules__1__condition": {"daysSinceNoncurrentTime": 7}},
            "lifecycleRules[1].condition",
            "an upload has none of daysSinceNoncurrentTime",
        ),
        (
            BUCKET,
            {"lifecycleRules__0__condition__daysSinceNoncurrentTime": -1},
            "lifecycleRules[0].condition.daysSinceNoncurrentTime",
            "must be 0 to",
        ),
        (
            BUCKET,
            {"lifecycleRules__1__condition__age": -1},
            "lifecycleRules[1].condition.age",
            "must be 0 to",
        ),
        (
            BUCKET,
            {"softDeletePolicy__retentionDurationSeconds": 86400},
            "softDeletePolicy.retentionDurationSeconds",
            "must be 0, or 604800 to 7776000, got 86400",
        ),
        (OBJECT, {"bucket": "gs://b"}, "bucket", "must match"),
        (OBJECT, {"name": "a\nb"}, "name", "must match"),
        (OBJECT, {"name": ".."}, "name", "must match"),
        (OBJECT, {"source": {}}, "source", "only one of source, content may be given"),
        (OBJECT, {"content": None}, "source", "one of source, content is required"),
        (
            OBJECT,
            {"contentType": "text/plain", "forceEmptyContentType": True},
            "contentType",
            "only one of contentType, forceEmptyContentType",
        ),
        (
            OBJECT,
            {"kmsKeyName": "key", "customerEncryption": {"encryptionKey": "a2V5"}},
            "kmsKeyName",
            "only one of kmsKeyName, customerEncryption",
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
        (BUCKET_MEMBER, {"member": "allUsers"}),
        (BUCKET_MEMBER, {"member": "group:ml@example.org"}),
        (BUCKET_MEMBER, {"member": "domain:example.org"}),
        (BUCKET_MEMBER, {"member": "serviceAccount:my-project.svc.id.goog[serving/reader]"}),
        (BUCKET_MEMBER, {"member": _POD.replace("subject/ns/serving/sa/reader", "namespace/a")}),
        (BUCKET_MEMBER, {"role": "projects/my-project/roles/reader"}),
        (BUCKET_MEMBER, {"role": "organizations/123/roles/reader"}),
        (BUCKET_MEMBER, {"condition__expression": " || ".join(['x == "a"'] * 13)}),
        (BUCKET, {"name": "models.example.org"}),
        (BUCKET, {"location": "EU"}),
        (BUCKET, {"softDeletePolicy__retentionDurationSeconds": 0}),
        (CLUSTER, {"location": "us-central1-f"}),
        (NODE_POOL, {"autoscaling": {"totalMinNodeCount": 0, "totalMaxNodeCount": 3}}),
        (NODE_POOL, {"nodeConfig__kubeletConfig": {"shutdownGracePeriodSeconds": 30}}),
        (SUBNETWORK, {"purpose": "REGIONAL_MANAGED_PROXY", "role": "ACTIVE"}),
        (POLICY, {"rules": None}),
    ],
)
def test_another_value_that_google_cloud_takes_is_taken(token, change):
    assert refusals(token, **change) == {}


def test_a_project_that_nobody_names_is_told(tmp_path):
    nowhere = configured(project=None)

    found = refusals(NETWORK, nowhere)

    assert found == {"project": "required field is not set: give gcp:project in the stack's file"}
    assert refusals(NETWORK, nowhere, project="my-project") == {}
    assert refusals(OBJECT, nowhere) == {}  # it is in a bucket, wherever that is


def test_a_project_that_is_none_is_refused_before_anything_is_made():
    (failure,) = Gcp().check_config({"project": "My Project"})

    assert failure.property == "project"
    assert failure.reason.endswith("got 'My Project'")
    assert Gcp().check_config({"project": "my-project"}) == []
    assert Gcp().check_config({}) == []


@pytest.mark.parametrize(("token", "change"), [(SUBNETWORK, "ipCidrRange"), (CLUSTER, "network")])
def test_what_is_not_known_yet_is_not_refused(token, change):
    assert refusals(token, **{change: UNKNOWN}) == {}


@pytest.mark.parametrize("section", ["autoscaling", "nodeConfig", "upgradeSettings"])
def test_a_section_that_is_not_known_yet_is_not_refused(section):
    assert refusals(NODE_POOL, **{section: UNKNOWN}) == {}


def test_a_type_without_a_row_is_refused_by_name():
    urn = Urn("urn:pulumi:dev::tests::gcp:pubsub/topic:Topic::thing")

    with pytest.raises(Refused, match=r"gcp:pubsub/topic:Topic .*thing.* has no row"):
        configured().check(urn, {}, {}, b"seed")


def test_what_has_not_changed_is_not_checked_again():
    urn = Urn(f"urn:pulumi:dev::tests::{NETWORK}::thing")
    once = {"name": "Not A Name"}

    assert configured().check(urn, once, once, b"seed") == (once, [])


@pytest.mark.parametrize(
    ("token", "name", "value"),
    [
        (NETWORK, "autoCreateSubnetworks", True),
        (SUBNETWORK, "network", "another"),
        (SUBNETWORK, "ipCidrRange", "10.60.0.0/21"),
        (SUBNETWORK, "ipCidrRange", UNKNOWN),
        (NAT, "router", "another"),
        (POLICY, "type", "CLOUD_ARMOR_EDGE"),
        (CLUSTER, "location", "us-east1"),
        (CLUSTER, "initialNodeCount", 2),
        (CLUSTER, "datapathProvider", "LEGACY_DATAPATH"),
        (NODE_POOL, "initialNodeCount", 2),
        (NODE_POOL, "location", "us-east1"),
        (NODE_POOL, "nodeConfig", {**VALID[NODE_POOL]["nodeConfig"], "spot": False}),
        (ACCOUNT, "accountId", "another"),
        (PROJECT_MEMBER, "role", "roles/viewer"),
        (BUCKET, "location", "EU"),
        (BUCKET_MEMBER, "member", "allUsers"),
        (OBJECT, "metadata", {"sha256": "0"}),
    ],
)
def test_a_change_that_google_cloud_cannot_make_in_place_replaces(token, name, value):
    assert {path[0] for path in changes(token, name, value).replacing} == {name}


@pytest.mark.parametrize(
    ("token", "name", "value"),
    [
        (SUBNETWORK, "ipCidrRange", "10.60.0.0/19"),
        (CLUSTER, "nodeLocations", ["us-central1-a"]),
        (CLUSTER, "deletionProtection", True),
        (NODE_POOL, "autoscaling", {"totalMaxNodeCount": 9}),
        (NODE_POOL, "nodeLocations", ["us-central1-a", "us-central1-b"]),
        (NODE_POOL, "nodeConfig", {**VALID[NODE_POOL]["nodeConfig"], "machineType": "e2-medium"}),
        (BUCKET, "versioning", {"enabled": False}),
        (OBJECT, "content", "y"),
    ],
)
def test_a_change_that_google_cloud_can_make_in_place_does_not_replace(token, name, value):
    found = changes(token, name, value)

    assert {path[0] for path in found.changes} == {name}
    assert not found.replacing


def test_what_a_cluster_gets_is_not_known_in_a_preview(tmp_path, monkeypatch):
    layout = Layout(tmp_path)
    cluster = {"server": "https://127.0.0.1:1", "certificate-authority": str(tmp_path / "ca")}
    write_atomically(layout.kubeconfig("dev"), f"clusters: [{{cluster: {cluster}}}]")
    (tmp_path / "ca").write_text("an authority")
    monkeypatch.setenv(MARKER, str(layout.state))
    urn = Urn(f"urn:pulumi:dev::tests::{CLUSTER}::thing")
    dns = {"dnsEndpointConfig": {"allowExternalTraffic": True}}

    inputs = {**VALID[CLUSTER], "controlPlaneEndpointsConfig": dns}
    _, planned = configured().create(Request(urn=urn, inputs=inputs, preview=True))
    _, made = configured().create(Request(urn=urn, inputs=inputs))

    assert planned["endpoint"] == UNKNOWN
    assert planned["masterAuth"]["clusterCaCertificate"] == UNKNOWN
    assert planned["controlPlaneEndpointsConfig"]["dnsEndpointConfig"] == {
        "allowExternalTraffic": True,
        "endpoint": UNKNOWN,
    }
    assert made["endpoint"] == "127.0.0.1:1"
    assert made["controlPlaneEndpointsConfig"]["dnsEndpointConfig"]["endpoint"] == "127.0.0.1:1"
    assert made["masterAuth"] == {
        **VALID[CLUSTER]["masterAuth"],
        "clusterCaCertificate": "YW4gYXV0aG9yaXR5",
    }
    assert made["selfLink"].endswith(
        "/projects/my-project/locations/us-central1/clusters/cluster-1"
    )


@pytest.mark.parametrize(
    ("token", "identifier"),
    [
        (NETWORK, "projects/my-project/global/networks/thing"),
        (SUBNETWORK, "projects/my-project/regions/us-central1/subnetworks/thing"),
        (NAT, "my-project/us-central1/router/thing"),
        (
            ACCOUNT,
            "projects/my-project/serviceAccounts/"
            "cluster-1-nodes@my-project.iam.gserviceaccount.com",
        ),
        (PROJECT_MEMBER, f"my-project/roles/container.defaultNodeServiceAccount/{_NODES}"),
    ],
)
def test_what_is_recorded_has_the_id_and_project_that_google_cloud_gives(token, identifier):
    urn = Urn(f"urn:pulumi:dev::tests::{token}::thing")
    named = {"name": "thing"} if ROWS[token].named_by == "name" else {}

    found, outputs = configured().create(Request(urn=urn, inputs={**VALID[token], **named}))

    assert found == identifier
    assert outputs["project"] == "my-project"


def test_an_account_is_known_by_its_address():
    urn = Urn(f"urn:pulumi:dev::tests::{ACCOUNT}::thing")

    _, outputs = configured().create(Request(urn=urn, inputs=VALID[ACCOUNT]))

    assert outputs["email"] == "cluster-1-nodes@my-project.iam.gserviceaccount.com"
    assert outputs["member"] == f"serviceAccount:{outputs['email']}"


@pytest.mark.parametrize("protection", [True, None])
def test_a_protected_cluster_is_not_deleted(protection):
    urn = Urn(f"urn:pulumi:dev::tests::{CLUSTER}::thing")
    inputs = {**VALID[CLUSTER], "deletionProtection": protection}

    with pytest.raises(Refused, match="deletionProtection is true: set it to false"):
        configured().delete(Request(urn=urn, inputs=inputs))
    configured().delete(Request(urn=urn, inputs=VALID[CLUSTER]))


def test_what_is_kept_by_its_policy_is_not_deleted():
    urn = Urn(f"urn:pulumi:dev::tests::{NETWORK}::thing")

    with pytest.raises(Refused, match=r"Network \(thing\): deletionPolicy is PREVENT"):
        configured().delete(Request(urn=urn, inputs={"deletionPolicy": "PREVENT"}))


def changes(token: str, name: str, value: Any) -> Any:
    urn = Urn(f"urn:pulumi:dev::tests::{token}::thing")
    old = VALID[token]
    return configured().diff(Request(urn=urn, old_inputs=old, inputs={**old, name: value}))


def _leaves(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return [leaf for item in value.values() for leaf in _leaves(item)]
    if isinstance(value, list):
        return [leaf for item in value for leaf in _leaves(item)]
    return [value]
