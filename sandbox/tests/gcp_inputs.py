"""Inputs that Google Cloud takes, one set for each type that has a row, and what is refused."""

from typing import Any

from sandbox.providers.gcp import Gcp
from sandbox.providers.plugin import Provider
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
POD = f"principal://iam.googleapis.com/projects/123456789012/{_POOL}"
NODES = "serviceAccount:nodes@my-project.iam.gserviceaccount.com"
BY_ADDRESS = {"versionedExpr": "SRC_IPS_V1", "config": {"srcIpRanges": ["203.0.113.0/24"]}}
ALL = {"versionedExpr": "SRC_IPS_V1", "config": {"srcIpRanges": ["*"]}}
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
            {"action": "allow", "priority": 1000, "match": BY_ADDRESS},
            {"action": "deny(403)", "priority": 2147483647, "match": ALL},
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
        "member": NODES,
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
        "member": POD,
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


def leaves(value: Any) -> list[Any]:
    """Every plain value in it."""
    if isinstance(value, dict):
        return [leaf for item in value.values() for leaf in leaves(item)]
    if isinstance(value, list):
        return [leaf for item in value for leaf in leaves(item)]
    return [value]
