"""Outputs of a stack with a platform, as another stack reads them, and a file that shares it."""

from typing import Any

from tests.unit.stack_files import MODELS, PLATFORM, REGION

STACK = "organization/tfserving/prod"
BUCKET = "tfserving-prod-models"
ALB = {
    "kind": "alb",
    "cidrs": ["10.50.0.0/16"],
    "subnets": {},
    "proxy_cidr": None,
    "subnetwork": None,
}


def outputs(**changes: Any) -> dict[str, Any]:
    """Return what such a stack exports, with other values at some keys."""
    pool = {
        "kind": "spot",
        "instance_types": ["m5.xlarge", "m4.xlarge"],
        "minimum": 0,
        "maximum": 3,
        "labels": {"intent": "apps"},
        "taints": [],
        "vcpus": 4,
        "node_capacity": {"cpu": "3920m", "memory": "14162Mi", "pods": "58"},
        "fallback": None,
    }
    return {
        "contract_version": 1,
        "platform": {
            "kind": "eks",
            "cluster_name": "tfserving-prod",
            "region": "us-west-2",
            "location": "us-west-2",
            "project": None,
            "pools": {"spot": pool},
            "daemon_sets": {"cpu": "200m", "memory": "256Mi", "pods": "4"},
            "spot_vcpus": 12,
            "notice": {"seconds": 120, "reaction_seconds": 15},
            "egress": [{"cidr": "169.254.170.23/32", "port": 80}],
            "entrance": ALB,
            "managed_prometheus": False,
            "registries": {},
        },
        "kubeconfig": '{"clusters": "of prod"}',
        "model_bucket": f"s3://{BUCKET}",
        "models": {
            "resnet": {
                "version": 3,
                "namespace": "serving",
                "rest_url": "http://resnet.serving.svc.cluster.local:8501/v1/models/resnet",
                "grpc_address": "resnet.serving.svc.cluster.local:8500",
                "public_url": None,
                "internal_url": None,
                "load_balanced_grpc_address": None,
            }
        },
        **changes,
    }


def sharing_config(**changes: Any) -> dict[str, Any]:
    """Return the config of a stack that serves one model in a namespace of its own."""
    model = {
        "version": 1,
        "source": "models/half-plus-two",
        "image": "tensorflow/serving:2.19.1",
        "replicas": {"minimum": 1, "initial": 1, "maximum": 3},
        "requests": {"cpu": "2", "memory": "2Gi"},
        "limits": {"memory": "4Gi"},
        "node_selector": {"intent": "apps"},
        "namespace": "team-a",
    }
    return {
        REGION: "us-west-2",
        PLATFORM: {"kind": "shared", "stack": STACK},
        MODELS: {"half-plus-two": {**model, **changes}},
    }
