"""What GKE would refuse of a cluster as a whole, and which clusters the sandbox does not play."""

import pytest

from sandbox.providers.values import UNKNOWN
from sandbox.tests.gcp_inputs import CLUSTER, refusals

LIMITS = [{"resourceType": "cpu", "maximum": 8}, {"resourceType": "memory", "maximum": 32}]


@pytest.mark.parametrize(
    ("change", "place", "reason"),
    [
        ({"clusterIpv4Cidr": "10.0.0.0/14"}, "clusterIpv4Cidr", "only one of clusterIpv4Cidr"),
        (
            {
                "maintenancePolicy": {
                    "dailyMaintenanceWindow": {"startTime": "03:00"},
                    "recurringWindow": {
                        "startTime": "2026-01-01T00:00:00Z",
                        "endTime": "2026-01-01T04:00:00Z",
                        "recurrence": "FREQ=DAILY",
                    },
                }
            },
            "maintenancePolicy.dailyMaintenanceWindow",
            "only one of dailyMaintenanceWindow, recurringWindow",
        ),
        (
            {"maintenancePolicy": {"dailyMaintenanceWindow": {"startTime": "25:99"}}},
            "maintenancePolicy.dailyMaintenanceWindow.startTime",
            "got '25:99'",
        ),
        (
            {
                "privateClusterConfig": {
                    "masterIpv4CidrBlock": "172.16.0.0/28",
                    "privateEndpointSubnetwork": "control-plane",
                }
            },
            "privateClusterConfig.masterIpv4CidrBlock",
            "only one of masterIpv4CidrBlock, privateEndpointSubnetwork",
        ),
        (
            {"databaseEncryption": {"state": "ENCRYPTED"}},
            "databaseEncryption.keyName",
            "is required with state ENCRYPTED",
        ),
        (
            {"notificationConfig": {"pubsub": {"enabled": True}}},
            "notificationConfig.pubsub.topic",
            "is required where pubsub is enabled",
        ),
        (
            {"notificationConfig": {"pubsub": {"enabled": True, "topic": "upgrades"}}},
            "notificationConfig.pubsub.topic",
            "got 'upgrades'",
        ),
        (
            {"ipAllocationPolicy": {"clusterIpv4CidrBlock": "nonsense"}},
            "ipAllocationPolicy.clusterIpv4CidrBlock",
            "must be an IPv4 network",
        ),
        (
            {"ipAllocationPolicy": {"servicesIpv4CidrBlock": "/99"}},
            "ipAllocationPolicy.servicesIpv4CidrBlock",
            "must be a /28 to /8, got /99",
        ),
        (
            {
                "clusterAutoscaling": {
                    "resourceLimits": [{"resourceType": "cpu", "minimum": 9, "maximum": 3}]
                }
            },
            "clusterAutoscaling.resourceLimits[0].minimum",
            "must be 0 to maximum, 3, got 9",
        ),
        (
            {"clusterAutoscaling": {"resourceLimits": [{"resourceType": "cpu", "maximum": 0}]}},
            "clusterAutoscaling.resourceLimits[0].maximum",
            "must be 1 to",
        ),
        (
            {"clusterAutoscaling": {"enabled": True, "resourceLimits": LIMITS[:1]}},
            "clusterAutoscaling.resourceLimits",
            "must limit memory",
        ),
        (
            {"project": "another-project"},
            "workloadIdentityConfig.workloadPool",
            "must be another-project.svc.id.goog, got 'my-project.svc.id.goog'",
        ),
        ({"network": "My VPC!"}, "network", "got 'My VPC!'"),
        ({"subnetwork": "My nodes"}, "subnetwork", "got 'My nodes'"),
        ({"loggingService": "x"}, "loggingService", "got 'x'"),
        ({"monitoringService": "x"}, "monitoringService", "got 'x'"),
        ({"minMasterVersion": "1.35-gke.7"}, "minMasterVersion", "must match"),
        ({"nodeVersion": "newest"}, "nodeVersion", "must match"),
        ({"deletionPolicy": "KEEP"}, "deletionPolicy", "none of ABANDON, DELETE, PREVENT"),
        (
            {
                "nodePoolDefaults": {
                    "nodeConfigDefaults": {"insecureKubeletReadonlyPortEnabled": "no"}
                }
            },
            "nodePoolDefaults.nodeConfigDefaults.insecureKubeletReadonlyPortEnabled",
            "'no' is none of TRUE, FALSE",
        ),
        (
            {
                "nodePoolAutoConfig": {
                    "nodeKubeletConfig": {"insecureKubeletReadonlyPortEnabled": "no"}
                }
            },
            "nodePoolAutoConfig.nodeKubeletConfig.insecureKubeletReadonlyPortEnabled",
            "'no' is none of TRUE, FALSE",
        ),
        ({"enableAutopilot": True}, "enableAutopilot", "must not be true: nodes of the sandbox"),
        ({"nodePools": [{"name": "inline"}]}, "nodePools", "must not be given: nodes of the"),
        ({"removeDefaultNodePool": False}, "removeDefaultNodePool", "must be true, got False"),
        ({"removeDefaultNodePool": None}, "removeDefaultNodePool", "must be true, got None"),
    ],
)
def test_what_no_cluster_could_be_is_refused_where_it_is(change, place, reason):
    assert reason in refusals(CLUSTER, **change)[place]


@pytest.mark.parametrize(
    "change",
    [
        {"maintenancePolicy": {"dailyMaintenanceWindow": {"startTime": "03:00"}}},
        {"databaseEncryption": {"state": "ENCRYPTED", "keyName": "key"}},
        {"databaseEncryption": {"state": "DECRYPTED"}},
        {"notificationConfig": {"pubsub": {"enabled": True, "topic": "projects/p/topics/t"}}},
        {"notificationConfig": {"pubsub": {"enabled": False}}},
        {"clusterAutoscaling": {"enabled": True, "resourceLimits": LIMITS}},
        {"clusterAutoscaling": {"enabled": True, "resourceLimits": [UNKNOWN]}},
        {"ipAllocationPolicy": {"clusterIpv4CidrBlock": "/14", "servicesIpv4CidrBlock": "/20"}},
        {"ipAllocationPolicy": UNKNOWN},
        {"project": "my-project", "network": "projects/p/global/networks/vpc"},
        {"loggingService": "none", "monitoringService": "monitoring.googleapis.com/kubernetes"},
        {"minMasterVersion": "-"},
        {"enableAutopilot": False},
        {"removeDefaultNodePool": UNKNOWN},
    ],
)
def test_what_a_cluster_may_be_is_taken(change):
    assert refusals(CLUSTER, **change) == {}
