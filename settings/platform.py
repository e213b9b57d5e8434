"""The section `tfserving:platform`: the cluster that models are served on."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Network
from typing import Annotated, Literal

import pulumi
from pydantic import Field

from components.aws.ami import AmiRelease
from components.aws.controllers.cluster_autoscaler import ClusterAutoscalerSpec
from components.aws.controllers.controller import ControllerSpec
from components.aws.controllers.load_balancer_controller import LoadBalancerControllerSpec
from components.aws.controllers.node_termination_handler import NodeTerminationHandlerSpec
from components.aws.controllers.versions import CLUSTER_AUTOSCALER_IMAGES
from components.aws.eks_cluster import EksClusterSpec
from components.aws.network import ZONE_LETTERS, AnyNetworkSpec, NetworkSpec
from components.aws.on_demand_node_group import ADDED_LABELS, OnDemandPoolSpec
from components.aws.spot_node_group import SpotPoolSpec
from components.model_bucket import ModelBucketSpec
from components.spec import Fault, Spec, rule
from settings.daemon_sets import DaemonSetRequests
from settings.gke import GkeSettings
from settings.names import DnsLabel, Registries

EksPool = Annotated[OnDemandPoolSpec | SpotPoolSpec, Field(discriminator="kind")]


@dataclass(frozen=True, kw_only=True)
class EksSettings(EksClusterSpec):
    """A platform of our own on EKS. Its region is the value of `aws:region`."""

    kind: Literal["eks"]
    region: str
    ami_release: str
    network: AnyNetworkSpec
    pools: Mapping[DnsLabel, EksPool]
    daemon_sets: DaemonSetRequests = field(default_factory=DaemonSetRequests)
    cluster_autoscaler: ClusterAutoscalerSpec = field(default_factory=ClusterAutoscalerSpec)
    node_termination_handler: NodeTerminationHandlerSpec = field(
        default_factory=NodeTerminationHandlerSpec
    )
    load_balancer_controller: LoadBalancerControllerSpec = field(
        default_factory=LoadBalancerControllerSpec
    )
    model_bucket: ModelBucketSpec = field(default_factory=ModelBucketSpec)
    registries: Registries = field(default_factory=dict[str, str])
    tags: Mapping[str, str] = field(default_factory=dict[str, str])

    @rule
    def _zones_are_in_the_region(self) -> Iterator[Fault]:
        if not isinstance(self.network, NetworkSpec):
            return
        for number, zone in enumerate(self.network.zones):
            if not re.fullmatch(f"{re.escape(self.region)}[{ZONE_LETTERS}]", zone):
                limit = f"must be a zone of aws:region, such as {self.region}a"
                yield Fault(("network", "zones", number), limit, zone)

    @rule
    def _services_have_addresses_of_their_own(self) -> Iterator[Fault]:
        if self.network.cidr is None:
            return
        try:
            overlaps = IPv4Network(self.network.cidr).overlaps(IPv4Network(self.service_cidr))
        except ValueError:
            return
        if overlaps:
            limit = f"must not overlap the addresses of Kubernetes Services, {self.service_cidr}"
            yield Fault(("network", "cidr"), limit, self.network.cidr)

    @rule
    def _nodes_are_of_the_clusters_version(self) -> Iterator[Fault]:
        try:
            fits = AmiRelease.parse(self.ami_release).kubernetes_version == self.kubernetes_version
        except ValueError:
            fits = False
        if not fits:
            limit = f"must be a release for Kubernetes {self.kubernetes_version}, "
            limit += f"such as {self.kubernetes_version}.2-20260724"
            yield Fault(("ami_release",), limit, self.ami_release)

    @rule
    def _there_are_pools(self) -> Iterator[Fault]:
        if not self.pools:
            yield Fault(("pools",), "must be one or more", self.pools)

    @rule
    def _autoscaler_is_of_the_clusters_version(self) -> Iterator[Fault]:
        known = CLUSTER_AUTOSCALER_IMAGES
        if self.cluster_autoscaler.enabled and self.kubernetes_version not in known:
            limit = f"must be {', '.join(known)}, or come with cluster_autoscaler.enabled: false"
            yield Fault(("kubernetes_version",), limit, self.kubernetes_version)

    @rule
    def _controllers_have_nodes_that_stay(self) -> Iterator[Fault]:
        pools = [pool for pool in self.pools.values() if isinstance(pool, OnDemandPoolSpec)]
        for key, spec in self._deployed_controllers.items():
            if not any(_takes(pool, spec) for pool in pools):
                limit = "must match the labels of an on_demand pool, and tolerations its taints; "
                limit += "enabled: false does without"
                yield Fault((key, "node_selector"), limit, spec.node_selector)

    @property
    def _deployed_controllers(self) -> Mapping[str, ControllerSpec]:
        """The controllers that are Deployments, by key."""
        controllers: Mapping[str, ControllerSpec] = {
            "cluster_autoscaler": self.cluster_autoscaler,
            "load_balancer_controller": self.load_balancer_controller,
            **({"node_termination_handler": self.node_termination_handler} if self.drains else {}),
        }
        return {key: spec for key, spec in controllers.items() if spec.enabled}

    @property
    def drains(self) -> bool:
        """Whether somebody drains the nodes that a group is about to end."""
        handler = self.node_termination_handler
        return handler.enabled and handler.mode == "queue"

    @rule
    def _tags_are_taken(self) -> Iterator[Fault]:
        # https://docs.aws.amazon.com/tag-editor/latest/userguide/best-practices-and-strats.html
        for key, value in self.tags.items():
            if not re.fullmatch(r"(?!aws:)[\w .:/=+@-]{1,128}", key):
                limit = "must be a tag key: 1 to 128 letters, digits, spaces and _.:/=+-@, not aws:"
                yield Fault(("tags", key), limit, key)
            if not re.fullmatch(r"[\w .:/=+@-]{0,256}", value):
                limit = "must be at most 256 letters, digits, spaces and _.:/=+-@"
                yield Fault(("tags", key), limit, value)

    @property
    def ami(self) -> AmiRelease:
        """The image of every node."""
        return AmiRelease.parse(self.ami_release)


def _takes(pool: OnDemandPoolSpec, pods: ControllerSpec) -> bool:
    hard = {taint for taint in pool.taints if taint.effect != "PreferNoSchedule"}
    matches = pods.node_selector.items() <= {**pool.labels, **ADDED_LABELS}.items()
    return matches and hard <= {*pods.tolerations}


@dataclass(frozen=True, kw_only=True)
class SharedSettings(Spec):
    """A platform that another stack built, of whose cloud the region or project has to be given.

    They are the values of `aws:region` and `gcp:project`.
    """

    kind: Literal["shared"]
    region: str | None = None
    project: str | None = None
    stack: str

    @rule
    def _its_cloud_is_told(self) -> Iterator[Fault]:
        if self.region is None and self.project is None:
            limit = "must be given, or gcp:project if that platform is on GKE"
            yield Fault(("region",), limit, self.region)

    @rule
    def _stack_has_its_whole_name(self) -> Iterator[Fault]:
        if not re.fullmatch(r"[\w.-]+(/[\w.-]+){2}", self.stack):
            limit = "must be organization/project/stack, such as organization/tfserving/prod"
            yield Fault(("stack",), limit, self.stack)

    @rule
    def _stack_is_another(self) -> Iterator[Fault]:
        own = f"{pulumi.get_organization()}/{pulumi.get_project()}/{pulumi.get_stack()}"
        if self.stack == own:
            yield Fault(("stack",), "must be another stack than this one", self.stack)


PlatformSettings = Annotated[
    EksSettings | GkeSettings | SharedSettings, Field(discriminator="kind")
]
