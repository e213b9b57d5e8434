"""Pods that do nothing and give way to a model's, for what comes of their being on a node."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pulumi
from pulumi_kubernetes.core.v1 import ContainerArgsDict, PodSpecArgsDict

from components.kubernetes.model_fetch import RESTRICTED
from components.kubernetes.pod import Lifecycle, affinity
from components.kubernetes.registries import through
from components.kubernetes.resources import Requests
from components.kubernetes.serving_spec import TensorFlowServingSpec
from components.kubernetes.taints import tolerations

PAUSE_IMAGE = "registry.k8s.io/pause:3.10.1"
_USER = 65_535  # the image's own


@dataclass(frozen=True, kw_only=True)
class SparePodsArgs:
    """The model that pods give way to, where it runs, and their priority class."""

    spec: TensorFlowServingSpec
    namespace: pulumi.Input[str]
    priority_class: pulumi.Input[str]
    lifecycle: Lifecycle | None = None
    registries: Mapping[str, str] = field(default_factory=dict[str, str])


def spare_pod(
    args: SparePodsArgs, requests: Requests, before: Sequence[ContainerArgsDict] = ()
) -> PodSpecArgsDict:
    """Return a pod that may run where the model's may, and is gone at once."""
    pod: PodSpecArgsDict = {
        "priority_class_name": args.priority_class,
        "termination_grace_period_seconds": 0,
        "automount_service_account_token": False,
        "enable_service_links": False,
        "security_context": {
            "run_as_non_root": True,
            "run_as_user": _USER,
            "run_as_group": _USER,
            "seccomp_profile": {"type": "RuntimeDefault"},
        },
        "node_selector": args.spec.node_selector,
        "tolerations": tolerations([*args.spec.tolerations, *args.spec.implied_tolerations]),
        "containers": [
            {
                "name": "pause",
                "image": through(args.registries, PAUSE_IMAGE),
                "resources": {
                    "requests": {"cpu": requests.cpu, "memory": requests.memory},
                    "limits": {"memory": requests.memory},
                },
                "security_context": RESTRICTED,
            }
        ],
    }
    if args.lifecycle is not None:
        pod["affinity"] = affinity(args.lifecycle)
    if before:
        pod["init_containers"] = before
    return pod
