"""A pool of nodes that GKE manages and scales: on-demand ones, or Spot."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

import pulumi
import pulumi_gcp as gcp

from components.gcp.machine_series import DiskType, cpu_platform_faults, disk_faults
from components.gcp.node_account import CLOUD_PLATFORM
from components.gcp.node_counts import NodeCounts
from components.kubernetes.node_labels import label_faults
from components.kubernetes.taints import COMPUTE_CLASS, Taint
from components.names import shortened
from components.spec import Fault, Spec, rule

if TYPE_CHECKING:
    from pulumi_gcp.container import NodePoolAutoscalingArgsDict, NodePoolNodeConfigArgsDict

# https://docs.cloud.google.com/kubernetes-engine/docs/concepts/about-custom-compute-classes
_GKES_DOMAIN = "cloud.google.com"
_EFFECTS = {
    "NoSchedule": "NO_SCHEDULE",
    "PreferNoSchedule": "PREFER_NO_SCHEDULE",
    "NoExecute": "NO_EXECUTE",
}
# Of 40 characters, without what Pulumi adds: a hyphen and seven digits.
# https://cloud.google.com/kubernetes-engine/docs/reference/rest/v1/projects.locations.clusters.nodePools
_LONGEST_NAME = 40 - 8
# https://cloud.google.com/kubernetes-engine/docs/reference/rest/v1/NodeConfig
_SMALLEST_DISK = 10
# https://cloud.google.com/kubernetes-engine/docs/concepts/node-pool-upgrade-strategies
_MOST_UPGRADED = 20
# https://cloud.google.com/kubernetes-engine/docs/concepts/spot-vms
_SHUTDOWN, _LONG_SHUTDOWN, _CRITICAL_PODS = 30, 120, 15


@dataclass(frozen=True, kw_only=True)
class UpgradeSpec(Spec):
    """How many nodes more and how many fewer there may be while GKE replaces them."""

    max_surge: int = 1
    max_unavailable: int = 0

    @rule
    def _some_node_is_upgraded(self) -> Iterator[Fault]:
        for key in ("max_surge", "max_unavailable"):
            if (given := getattr(self, key)) < 0:
                yield Fault((key,), "must be at least 0", given)
        if not 1 <= self.max_surge + self.max_unavailable <= _MOST_UPGRADED:
            limit = f"must be 1 to {_MOST_UPGRADED} nodes together with max_unavailable, "
            limit += f"{self.max_unavailable}"
            yield Fault(("max_surge",), limit, self.max_surge)


@dataclass(frozen=True, kw_only=True)
class NodePoolSpec(NodeCounts):
    """What a pool's nodes are and how many there may be."""

    machine_type: str
    labels: Mapping[str, str] = field(default_factory=dict[str, str])
    taints: tuple[Taint, ...] = ()
    disk_gib: int = 50
    disk_type: DiskType = "pd-balanced"
    min_cpu_platform: str | None = None
    location_policy: Literal["BALANCED", "ANY"] | None = None
    upgrades: UpgradeSpec = field(default_factory=UpgradeSpec)

    @rule
    def _labels_are_labels(self) -> Iterator[Fault]:
        yield from label_faults(self.labels)

    @rule
    def _labels_are_not_those_of_gke(self) -> Iterator[Fault]:
        for key in self.labels:
            if key.partition("/")[0] == _GKES_DOMAIN:
                limit = f"must not be in the domain {_GKES_DOMAIN}: GKE sets what is true of it"
                yield Fault(("labels", key), limit, key)

    @rule
    def _compute_class_is_not_chosen_here(self) -> Iterator[Fault]:
        limit = "must not be the taint of compute classes: a pool with a fallback gets one"
        for number, taint in enumerate(self.taints):
            if taint.key == COMPUTE_CLASS:
                yield Fault(("taints", number, "key"), limit, taint.key)

    @rule
    def _image_fits_the_disk(self) -> Iterator[Fault]:
        if self.disk_gib < _SMALLEST_DISK:
            yield Fault(("disk_gib",), f"must be at least {_SMALLEST_DISK}", self.disk_gib)

    @rule
    def _disk_fits_the_machine(self) -> Iterator[Fault]:
        yield from disk_faults(self.machine_type, self.disk_type)

    @rule
    def _cpu_platform_is_one_of_the_machine(self) -> Iterator[Fault]:
        yield from cpu_platform_faults(self.machine_type, self.min_cpu_platform)


@dataclass(frozen=True, kw_only=True)
class OnDemandPoolSpec(NodePoolSpec):
    """Nodes that stay: for what must not be interrupted."""

    kind: Literal["on_demand"] = "on_demand"


@dataclass(frozen=True, kw_only=True)
class FallbackSpec(NodeCounts):
    """On-demand nodes that are otherwise the pool's, for when there is no Spot capacity."""


@dataclass(frozen=True, kw_only=True)
class SpotPoolSpec(NodePoolSpec):
    """Nodes that may go at any time, and what of the last seconds is whose.

    A shutdown of 120 seconds is to be had from version 1.35.0-gke.1171000 on.
    """

    kind: Literal["spot"] = "spot"
    fallback: FallbackSpec | None = None
    shutdown_grace_seconds: int = _SHUTDOWN
    critical_pods_grace_seconds: int = _CRITICAL_PODS

    @rule
    def _shutdown_is_as_long_as_gke_has_it(self) -> Iterator[Fault]:
        # https://cloud.google.com/kubernetes-engine/docs/reference/rest/v1/NodeConfig
        if self.shutdown_grace_seconds not in (_SHUTDOWN, _LONG_SHUTDOWN):
            limit = f"must be {_SHUTDOWN} or {_LONG_SHUTDOWN}: GKE takes no others"
            yield Fault(("shutdown_grace_seconds",), limit, self.shutdown_grace_seconds)

    @rule
    def _critical_pods_are_given_a_part_of_it(self) -> Iterator[Fault]:
        if not 0 <= self.critical_pods_grace_seconds <= self.shutdown_grace_seconds:
            limit = f"must be between 0 and shutdown_grace_seconds, {self.shutdown_grace_seconds}"
            given = self.critical_pods_grace_seconds
            yield Fault(("critical_pods_grace_seconds",), limit, given)

    @property
    def notice_seconds(self) -> int:
        """How long pods have from the notice on: the rest is for what keeps the node going."""
        return self.shutdown_grace_seconds - self.critical_pods_grace_seconds

    @property
    def fallback_pool(self) -> OnDemandPoolSpec | None:
        """The pool of the fallback's nodes."""
        if self.fallback is None:
            return None
        return OnDemandPoolSpec(
            machine_type=self.machine_type,
            nodes_per_zone=self.fallback.nodes_per_zone,
            nodes_in_total=self.fallback.nodes_in_total,
            labels=self.labels,
            taints=self.taints,
            disk_gib=self.disk_gib,
            disk_type=self.disk_type,
            min_cpu_platform=self.min_cpu_platform,
            location_policy=self.location_policy,
            upgrades=self.upgrades,
        )


@dataclass(frozen=True, kw_only=True)
class GkeNodePoolArgs:
    """What the pool is, where it goes, and as whom its nodes run.

    With `compute_class` it is for pods that ask for that class, and for no others.
    """

    spec: OnDemandPoolSpec | SpotPoolSpec
    cluster_name: pulumi.Input[str]
    location: str
    zones: tuple[str, ...]
    service_account: pulumi.Input[str]
    compute_class: str | None = None
    labels: Mapping[str, str] = field(default_factory=dict[str, str])


class GkeNodePool(pulumi.ComponentResource):
    """Nodes that join with their labels and taints, and that GKE scales, repairs and upgrades.

    Pods do not get at the account of their node.
    """

    node_pool_name: pulumi.Output[str]

    def __init__(
        self, name: str, args: GkeNodePoolArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("tfserving:index:GkeNodePool", name, {}, opts)
        spec = args.spec

        pool = gcp.container.NodePool(
            shortened(name, _LONGEST_NAME),
            cluster=args.cluster_name,
            location=args.location,
            node_locations=args.zones,
            autoscaling=_autoscaling(spec),
            initial_node_count=spec.initial_per_zone(len(args.zones)),
            ignore_node_count_changes=True,
            management={"auto_repair": True, "auto_upgrade": True},
            upgrade_settings={
                "max_surge": spec.upgrades.max_surge,
                "max_unavailable": spec.upgrades.max_unavailable,
            },
            node_config=_node_config(args),
            opts=pulumi.ResourceOptions(
                parent=self,
                # It applies once; from then on an autoscaler owns it, and a change is a new pool.
                ignore_changes=["initialNodeCount"],
            ),
        )

        self.node_pool_name = pool.name
        self.register_outputs({"node_pool_name": self.node_pool_name})


def _autoscaling(spec: NodePoolSpec) -> "NodePoolAutoscalingArgsDict":
    limits: NodePoolAutoscalingArgsDict = {}
    if (per_zone := spec.nodes_per_zone) is not None:
        limits = {"min_node_count": per_zone.minimum, "max_node_count": per_zone.maximum}
    if (total := spec.nodes_in_total) is not None:
        limits = {"total_min_node_count": total.minimum, "total_max_node_count": total.maximum}
    if spec.location_policy is not None:
        limits["location_policy"] = spec.location_policy
    return limits


def _node_config(args: GkeNodePoolArgs) -> "NodePoolNodeConfigArgsDict":
    spec = args.spec
    labels, taints = {**spec.labels}, [*spec.taints]
    if args.compute_class is not None:
        # https://cloud.google.com/kubernetes-engine/docs/concepts/about-custom-compute-classes
        labels[COMPUTE_CLASS] = args.compute_class
        taints.append(Taint(key=COMPUTE_CLASS, value=args.compute_class))
    config: NodePoolNodeConfigArgsDict = {
        "machine_type": spec.machine_type,
        "spot": isinstance(spec, SpotPoolSpec),
        "disk_size_gb": spec.disk_gib,
        "disk_type": spec.disk_type,
        "labels": labels,
        "taints": [
            {"key": each.key, "value": each.value, "effect": _EFFECTS[each.effect]}
            for each in taints
        ],
        "resource_labels": args.labels,
        "service_account": args.service_account,
        "oauth_scopes": [CLOUD_PLATFORM],
        # Without it pods are their node to Google Cloud, not their service account.
        "workload_metadata_config": {"mode": "GKE_METADATA"},
        "shielded_instance_config": {
            "enable_secure_boot": True,
            "enable_integrity_monitoring": True,
        },
    }
    if spec.min_cpu_platform is not None:
        config["min_cpu_platform"] = spec.min_cpu_platform
    if isinstance(spec, SpotPoolSpec) and (
        (spec.shutdown_grace_seconds, spec.critical_pods_grace_seconds)
        != (_SHUTDOWN, _CRITICAL_PODS)
    ):
        # GKE's own are the same; versions before 1.35 take none.
        config["kubelet_config"] = {
            "shutdown_grace_period_seconds": spec.shutdown_grace_seconds,
            "shutdown_grace_period_critical_pods_seconds": spec.critical_pods_grace_seconds,
        }
    return config
