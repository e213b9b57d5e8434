"""The Cluster Autoscaler: it starts nodes for pods without room and ends nodes without work."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import pulumi

from components.aws.controllers.controller import (
    ControllerPlace,
    ControllerSpec,
    identity,
    placement,
    release,
    resources,
)
from components.aws.controllers.versions import CLUSTER_AUTOSCALER, CLUSTER_AUTOSCALER_IMAGES
from components.aws.policy_document import allow, policy_document
from components.spec import Fault, Spec, rule

# Not `random`, nor `price`, which AWS has no figures for.
# https://docs.aws.amazon.com/prescriptive-guidance/latest/eks-cost-optimization/5-3-use-expander-strategy.html
Expander = Literal["least-waste", "most-pods", "least-nodes"]

_NAME = "cluster-autoscaler"
_DURATION = re.compile(r"(?=\d)(\d+h)?(\d+m)?(\d+s)?")


@dataclass(frozen=True, kw_only=True)
class ScaleDownSpec(Spec):
    """When a node is taken away; the defaults are the autoscaler's own."""

    unneeded_time: str = "10m0s"
    unready_time: str = "20m0s"
    delay_after_add: str = "10m0s"
    utilization_threshold: float = 0.5
    parallelism: int = 10

    @rule
    def _times_are_durations(self) -> Iterator[Fault]:
        for key in ("unneeded_time", "unready_time", "delay_after_add"):
            yield from _duration_faults(key, getattr(self, key))

    @rule
    def _threshold_is_a_share(self) -> Iterator[Fault]:
        if not 0 < self.utilization_threshold <= 1:
            limit = "must be above 0 and at most 1"
            yield Fault(("utilization_threshold",), limit, self.utilization_threshold)

    @rule
    def _some_node_goes(self) -> Iterator[Fault]:
        if self.parallelism < 1:
            yield Fault(("parallelism",), "must be at least 1", self.parallelism)


@dataclass(frozen=True, kw_only=True)
class ClusterAutoscalerSpec(ControllerSpec):
    """How the autoscaler chooses among groups, and when it gives up or takes away."""

    replicas: int = 1
    expander: Expander = "least-waste"
    # What waits for Spot capacity that is not to be had waits as long before it tries elsewhere.
    max_node_provision_time: str = "5m0s"
    max_unready_percent: int = 45
    max_unready_nodes: int = 3
    scale_down: ScaleDownSpec = field(default_factory=ScaleDownSpec)

    @rule
    def _there_is_one(self) -> Iterator[Fault]:
        if self.replicas < 1:
            yield Fault(("replicas",), "must be at least 1; enabled: false has none", self.replicas)

    @rule
    def _patience_is_a_duration(self) -> Iterator[Fault]:
        yield from _duration_faults("max_node_provision_time", self.max_node_provision_time)

    @rule
    def _share_is_a_percentage(self) -> Iterator[Fault]:
        if not 0 <= self.max_unready_percent <= 100:  # noqa: PLR2004 - it is per cent
            yield Fault(("max_unready_percent",), "must be 0 to 100", self.max_unready_percent)


@dataclass(frozen=True, kw_only=True)
class ClusterAutoscalerArgs:
    """How it decides, for which cluster, and which groups it is to prefer: the higher number."""

    spec: ClusterAutoscalerSpec
    place: ControllerPlace
    kubernetes_version: str
    priorities: Mapping[int, Sequence[pulumi.Input[str]]] = field(
        default_factory=dict[int, Sequence[pulumi.Input[str]]]
    )


class ClusterAutoscaler(pulumi.ComponentResource):
    """An autoscaler of the cluster's own minor version, which resizes this cluster's groups only.

    The nodes that it ends are drained, and pods that keep a model in an emptyDir may move.
    """

    def __init__(
        self, name: str, args: ClusterAutoscalerArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("tfserving:index:ClusterAutoscaler", name, {}, opts)
        place = args.place
        role = identity(
            f"{name}-{_NAME}",
            place,
            _NAME,
            pulumi.Output.from_input(place.cluster_name).apply(cluster_autoscaler_policy),
            pulumi.ResourceOptions(parent=self),
        )
        release(
            _NAME,
            CLUSTER_AUTOSCALER,
            _values(args),
            args.place,
            pulumi.ResourceOptions(parent=self, depends_on=[role]),
        )
        self.register_outputs({})


def cluster_autoscaler_policy(cluster_name: str) -> str:
    """Return what the autoscaler may do: look at everything, and resize what is tagged for it."""
    # https://github.com/kubernetes/autoscaler/blob/master/cluster-autoscaler/cloudprovider/aws/README.md
    return policy_document(
        allow(
            [
                "autoscaling:DescribeAutoScalingGroups",
                "autoscaling:DescribeAutoScalingInstances",
                "autoscaling:DescribeLaunchConfigurations",
                "autoscaling:DescribeScalingActivities",
                "autoscaling:DescribeTags",
                "ec2:DescribeImages",
                "ec2:DescribeInstanceTypes",
                "ec2:DescribeLaunchTemplateVersions",
                "ec2:GetInstanceTypesFromInstanceRequirements",
            ]
        ),
        allow("eks:DescribeNodegroup", f"arn:aws:eks:*:*:nodegroup/{cluster_name}/*/*"),
        allow(
            ["autoscaling:SetDesiredCapacity", "autoscaling:TerminateInstanceInAutoScalingGroup"],
            "arn:aws:autoscaling:*:*:autoScalingGroup:*:autoScalingGroupName/*",
            {
                "StringEquals": {
                    f"aws:ResourceTag/k8s.io/cluster-autoscaler/{cluster_name}": "owned"
                }
            },
        ),
    )


def _values(args: ClusterAutoscalerArgs) -> Mapping[str, Any]:
    # Chart 9.59.0: the names of all values, and which of them are run through its templates.
    spec = args.spec
    preferred = "priority," if len(args.priorities) > 1 else ""
    return {
        **placement(spec),
        "fullnameOverride": _NAME,
        "cloudProvider": "aws",
        "awsRegion": args.place.region,
        "autoDiscovery": {"clusterName": args.place.cluster_name},
        # Chart 9.59.0 would install v1.35.0 whatever the cluster's version is.
        "image": {"tag": CLUSTER_AUTOSCALER_IMAGES[args.kubernetes_version]},
        "replicaCount": spec.replicas,
        "resources": resources("100m", "600Mi"),
        "rbac": {"serviceAccount": {"name": _NAME}},
        "securityContext": {"runAsNonRoot": True, "runAsUser": 65534, "runAsGroup": 65534},
        "containerSecurityContext": {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "readOnlyRootFilesystem": True,
        },
        # Chart 9.59.0 makes a ConfigMap of it when the expander is one of priorities.
        "expanderPriorities": _priorities(args.priorities) if preferred else {},
        "extraArgs": {
            "v": 4,
            "logtostderr": True,
            "stderrthreshold": "info",
            "expander": f"{preferred}{spec.expander}",
            "balance-similar-node-groups": True,
            "max-node-provision-time": spec.max_node_provision_time,
            "max-total-unready-percentage": spec.max_unready_percent,
            "ok-total-unready-count": spec.max_unready_nodes,
            # Else no node would ever go on which a pod holds its model in an emptyDir.
            "skip-nodes-with-local-storage": False,
            "skip-nodes-with-system-pods": False,
            "expendable-pods-priority-cutoff": -10,
            "scale-down-unneeded-time": spec.scale_down.unneeded_time,
            "scale-down-unready-time": spec.scale_down.unready_time,
            "scale-down-delay-after-add": spec.scale_down.delay_after_add,
            "scale-down-utilization-threshold": spec.scale_down.utilization_threshold,
            # What max-empty-bulk-delete was before it was deprecated.
            "max-scale-down-parallelism": spec.scale_down.parallelism,
        },
    }


def _priorities(
    groups: Mapping[int, Sequence[pulumi.Input[str]]],
) -> dict[str, list[pulumi.Output[str]]]:
    """Return patterns that each match one group by its name."""
    return {
        str(priority): [pulumi.Output.format("^{0}$", name) for name in names]
        for priority, names in groups.items()
    }


def _duration_faults(key: str, value: str) -> Iterator[Fault]:
    if not _DURATION.fullmatch(value):
        yield Fault((key,), "must be a duration, such as 10m0s", value)
