"""All values that the charts are given: Helm passes over one that is misspelt, and says nothing."""

from tests.unit.components.aws.controllers.controllers import values_of
from tests.unit.components.aws.controllers.test_cluster_autoscaler import an_autoscaler
from tests.unit.components.aws.controllers.test_load_balancer_controller import a_controller
from tests.unit.components.aws.controllers.test_node_termination_handler import a_handler

PLACEMENT = {
    "nodeSelector": {"eks.amazonaws.com/capacityType": "ON_DEMAND"},
    "tolerations": [],
    "priorityClassName": "system-cluster-critical",
}
HANDLER = {
    "fullnameOverride": "aws-node-termination-handler",
    "image": {"tag": "v1.25.6"},
    "serviceAccount": {"create": True, "name": "aws-node-termination-handler"},
    "rbac": {"pspEnabled": False},
    "resources": {
        "requests": {"cpu": "50m", "memory": "128Mi"},
        "limits": {"memory": "128Mi"},
    },
    "podTerminationGracePeriod": -1,
    "nodeTerminationGracePeriod": 120,
    "taintNode": True,
    "emitKubernetesEvents": True,
}


def test_the_load_balancer_controller_has_these(cloud):
    cloud.run(a_controller)

    assert values_of(cloud) == {
        **PLACEMENT,
        "fullnameOverride": "aws-load-balancer-controller",
        "image": {"tag": "v3.5.0"},
        "clusterName": "Dev",
        "region": "us-west-2",
        "vpcId": "vpc-1",
        "replicaCount": 2,
        "resources": {
            "requests": {"cpu": "100m", "memory": "200Mi"},
            "limits": {"memory": "200Mi"},
        },
        "podDisruptionBudget": {"maxUnavailable": 1},
        "serviceAccount": {"create": True, "name": "aws-load-balancer-controller"},
        "ingressClass": "alb",
        "createIngressClassResource": True,
        "enableServiceMutatorWebhook": False,
        "keepTLSSecret": True,
    }


def test_the_cluster_autoscaler_has_these(cloud):
    cloud.run(an_autoscaler)

    assert values_of(cloud) == {
        **PLACEMENT,
        "fullnameOverride": "cluster-autoscaler",
        "cloudProvider": "aws",
        "awsRegion": "us-west-2",
        "autoDiscovery": {"clusterName": "Dev"},
        "image": {"tag": "v1.35.2"},
        "replicaCount": 1,
        "resources": {
            "requests": {"cpu": "100m", "memory": "600Mi"},
            "limits": {"memory": "600Mi"},
        },
        "rbac": {"serviceAccount": {"name": "cluster-autoscaler"}},
        "securityContext": {"runAsNonRoot": True, "runAsUser": 65534, "runAsGroup": 65534},
        "containerSecurityContext": {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "readOnlyRootFilesystem": True,
        },
        "expanderPriorities": {},
        "extraArgs": {
            "v": 4,
            "logtostderr": True,
            "stderrthreshold": "info",
            "expander": "least-waste",
            "balance-similar-node-groups": True,
            "max-node-provision-time": "5m0s",
            "max-total-unready-percentage": 45,
            "ok-total-unready-count": 3,
            "skip-nodes-with-local-storage": False,
            "skip-nodes-with-system-pods": False,
            "expendable-pods-priority-cutoff": -10,
            "scale-down-unneeded-time": "10m0s",
            "scale-down-unready-time": "20m0s",
            "scale-down-delay-after-add": "10m0s",
            "scale-down-utilization-threshold": 0.5,
            "max-scale-down-parallelism": 10,
        },
    }


def test_the_termination_handler_of_a_queue_has_these(cloud):
    cloud.run(a_handler)

    assert values_of(cloud) == {
        **PLACEMENT,
        **HANDLER,
        "enableSqsTerminationDraining": True,
        "queueURL": "https://sqs.invalid/dev-notices",
        "awsRegion": "us-west-2",
        "replicas": 1,
        "checkTagBeforeDraining": True,
        "managedTag": "aws-node-termination-handler/managed",
        "deleteSqsMsgIfNodeNotFound": True,
        "useProviderId": True,
    }


def test_the_termination_handler_of_each_node_has_these(cloud):
    cloud.run(lambda: a_handler(mode="metadata"))

    assert values_of(cloud) == {
        **HANDLER,
        "enableSqsTerminationDraining": False,
        "enableSpotInterruptionDraining": True,
        "enableScheduledEventDraining": True,
        "enableRebalanceDraining": True,
        "enableRebalanceMonitoring": False,
        "useHostNetwork": True,
        "daemonsetNodeSelector": {},
    }
