"""A pool of Spot nodes: an Auto Scaling group of our own, since it may choose its allocation."""

import base64
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import pulumi
import pulumi_aws as aws

from components.aws.controllers.node_termination_handler import MANAGED_TAG
from components.aws.node_config import render_node_config
from components.aws.node_pool import (
    INSTANCE_METADATA,
    NodePoolSpec,
    PoolPlace,
    disk_for_pods,
    root_volume,
    tag_specifications,
)
from components.aws.node_role import NodeRole, NodeRoleArgs
from components.bounds import Bounds
from components.kubernetes.node_labels import label_faults
from components.spec import Fault, Spec, rule

if TYPE_CHECKING:
    from pulumi_aws.autoscaling import (
        GroupMixedInstancesPolicyInstancesDistributionArgsDict,
        GroupTagArgsDict,
    )

AllocationStrategy = Literal[
    "capacity-optimized", "capacity-optimized-prioritized", "price-capacity-optimized"
]

# The labels by which pods tell the kinds of nodes apart.
_LIFECYCLE, _SPOT = "lifecycle", "aws.amazon.com/spot"

_AUTOSCALER = "k8s.io/cluster-autoscaler"
# What the autoscaler's priority expander prefers: the higher number.
_SPOT_PRIORITY, _FALLBACK_PRIORITY = 50, 10


@dataclass(frozen=True, kw_only=True)
class FallbackSpec(Spec):
    """On-demand nodes of the same shape, for when there is no Spot capacity.

    Their labels are the pool's unless others are given, but for those that say Spot: `lifecycle` is
    OnDemand, and `aws.amazon.com/spot` is left out.
    """

    nodes: Bounds
    labels: Mapping[str, str] | None = None

    @rule
    def _labels_are_labels(self) -> Iterator[Fault]:
        yield from label_faults(self.labels or {})


@dataclass(frozen=True, kw_only=True)
class SpotPoolSpec(NodePoolSpec):
    """Nodes that may go at two minutes' notice, from whichever instance types are to be had."""

    kind: Literal["spot"] = "spot"
    allocation_strategy: AllocationStrategy = "capacity-optimized"
    on_demand_base: int = 0
    on_demand_percentage: int = 0
    capacity_rebalance: bool = True
    fallback: FallbackSpec | None = None
    few_instance_types: bool = False
    burstable: bool = False

    @rule
    def _base_is_within_the_maximum(self) -> Iterator[Fault]:
        if not 0 <= self.on_demand_base <= self.nodes.maximum:
            limit = f"must be between 0 and nodes.maximum, {self.nodes.maximum}"
            yield Fault(("on_demand_base",), limit, self.on_demand_base)

    @rule
    def _percentage_is_one(self) -> Iterator[Fault]:
        if self.on_demand_percentage not in range(101):
            limit = "must be between 0 and 100"
            yield Fault(("on_demand_percentage",), limit, self.on_demand_percentage)

    @property
    def most_spot_nodes(self) -> int:
        """How many nodes may be Spot at once: all but the share that is on demand."""
        above_base = self.nodes.maximum - self.on_demand_base
        return above_base - above_base * self.on_demand_percentage // 100

    @property
    def fallback_labels(self) -> Mapping[str, str]:
        """The labels of the fallback's nodes."""
        if self.fallback is not None and self.fallback.labels is not None:
            return self.fallback.labels
        same = {key: value for key, value in self.labels.items() if key != _SPOT}
        return {**same, **({_LIFECYCLE: "OnDemand"} if _LIFECYCLE in same else {})}


@dataclass(frozen=True, kw_only=True)
class SpotNodeGroupArgs:
    """What the pool is and where it goes.

    With `drain_seconds`, an instance that is to end waits for so long at most until the node
    termination handler has drained it; without, nobody is there who would drain it.
    """

    spec: SpotPoolSpec
    place: PoolPlace
    drain_seconds: int | None = None


@dataclass(frozen=True, kw_only=True)
class _Part:
    """One Auto Scaling group of the pool: Spot, or the on-demand fallback."""

    name: str
    nodes: Bounds
    labels: Mapping[str, str]
    distribution: "GroupMixedInstancesPolicyInstancesDistributionArgsDict"


class SpotNodeGroup(pulumi.ComponentResource):
    """Spot nodes that join with their labels and taints, and that an autoscaler finds and resizes.

    It may scale from zero: the group's tags say which labels, taints and disk its nodes would have.
    The autoscaler is to prefer the groups whose priority is the higher number.
    """

    group_name: pulumi.Output[str]
    role_arn: pulumi.Output[str]
    priorities: Mapping[int, Sequence[pulumi.Output[str]]]

    def __init__(
        self, name: str, args: SpotNodeGroupArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("tfserving:index:SpotNodeGroup", name, {}, opts)
        spec, place = args.spec, args.place
        child = pulumi.ResourceOptions(parent=self)

        role = NodeRole(f"{name}-role", NodeRoleArgs(tags=place.tags), opts=child)
        profile = aws.iam.InstanceProfile(
            f"{name}-profile", role=role.role_name, tags=place.tags, opts=child
        )
        entry = aws.eks.AccessEntry(
            f"{name}-access",
            cluster_name=place.cluster.name,
            principal_arn=role.arn,
            type="EC2_LINUX",
            tags=place.tags,
            opts=child,
        )
        spot = _Part(
            name=name,
            nodes=spec.nodes,
            labels=spec.labels,
            distribution={
                "on_demand_base_capacity": spec.on_demand_base,
                "on_demand_percentage_above_base_capacity": spec.on_demand_percentage,
                "spot_allocation_strategy": spec.allocation_strategy,
            },
        )
        # Nodes that boot before they may join never do.
        first = [entry, *role.ready]
        group = self._group(args, spot, profile, first)
        self.priorities = {_SPOT_PRIORITY: [group.name]}
        if spec.fallback is not None:
            fallback = _Part(
                name=f"{name}-fallback",
                nodes=spec.fallback.nodes,
                labels=spec.fallback_labels,
                distribution={
                    "on_demand_allocation_strategy": "lowest-price",
                    "on_demand_percentage_above_base_capacity": 100,
                },
            )
            other = self._group(args, fallback, profile, first)
            self.priorities = {**self.priorities, _FALLBACK_PRIORITY: [other.name]}

        self.group_name = group.name
        self.role_arn = role.arn
        self.register_outputs({"group_name": self.group_name, "role_arn": self.role_arn})

    def _group(
        self,
        args: SpotNodeGroupArgs,
        part: _Part,
        profile: "aws.iam.InstanceProfile",
        first: Sequence[pulumi.Resource],
    ) -> "aws.autoscaling.Group":
        spec, place = args.spec, args.place
        child = pulumi.ResourceOptions(parent=self)
        tags = {**place.tags, "Name": part.name}
        owned = {f"kubernetes.io/cluster/{place.cluster.name}": "owned"}
        if args.drain_seconds is not None:
            owned[MANAGED_TAG] = "true"

        template = aws.ec2.LaunchTemplate(
            f"{part.name}-template",
            image_id=place.ami.image_id,
            iam_instance_profile={"arn": profile.arn},
            vpc_security_group_ids=[place.cluster.security_group_id],
            user_data=_user_data(args, part),
            block_device_mappings=root_volume(spec.disk_gib),
            metadata_options=INSTANCE_METADATA,
            tag_specifications=tag_specifications({**tags, **owned}),
            tags=tags,
            opts=child,
        )
        group = aws.autoscaling.Group(
            f"{part.name}-nodes",
            min_size=part.nodes.minimum,
            desired_capacity=part.nodes.initial,
            max_size=part.nodes.maximum,
            vpc_zone_identifiers=place.subnet_ids,
            mixed_instances_policy={
                "instances_distribution": part.distribution,
                "launch_template": {
                    "launch_template_specification": {
                        "launch_template_id": template.id,
                        # Not "$Latest": a new version must show as a change to refresh instances.
                        "version": template.latest_version.apply(str),
                    },
                    "overrides": [{"instance_type": each} for each in spec.instance_types],
                },
            },
            capacity_rebalance=spec.capacity_rebalance,
            # It would end nodes without draining them.
            suspended_processes=["AZRebalance"],
            # No capacity is no reason for a deployment to fail.
            wait_for_capacity_timeout="0",
            instance_refresh={
                "strategy": "Rolling",
                "preferences": {"min_healthy_percentage": 90},
            },
            tags=[*_group_tags({**tags, **owned}, _autoscaler_tags(args, part))],
            opts=pulumi.ResourceOptions(
                parent=self,
                depends_on=first,
                # It applies once; from then on the autoscaler owns it.
                ignore_changes=["desiredCapacity"],
            ),
        )
        if args.drain_seconds is not None:
            aws.autoscaling.LifecycleHook(
                f"{part.name}-drain",
                autoscaling_group_name=group.name,
                lifecycle_transition="autoscaling:EC2_INSTANCE_TERMINATING",
                heartbeat_timeout=args.drain_seconds,
                # An instance that nobody drained in time goes all the same.
                default_result="CONTINUE",
                opts=child,
            )
        return group


def _user_data(args: SpotNodeGroupArgs, part: _Part) -> pulumi.Output[str]:
    cluster = args.place.cluster

    def encoded(known: Mapping[str, str]) -> str:
        document = render_node_config(
            cluster_name=cluster.name,
            endpoint=known["endpoint"],
            certificate_authority=known["certificate_authority"],
            service_cidr=cluster.service_cidr,
            labels=part.labels,
            taints=args.spec.taints,
        )
        return base64.b64encode(document.encode()).decode()

    return pulumi.Output.all(
        endpoint=cluster.endpoint, certificate_authority=cluster.certificate_authority
    ).apply(encoded)


def _autoscaler_tags(args: SpotNodeGroupArgs, part: _Part) -> dict[str, str]:
    node = f"{_AUTOSCALER}/node-template"
    return {
        f"{_AUTOSCALER}/enabled": "true",
        f"{_AUTOSCALER}/{args.place.cluster.name}": "owned",
        **{f"{node}/label/{key}": value for key, value in part.labels.items()},
        **{f"{node}/taint/{each.key}": f"{each.value}:{each.effect}" for each in args.spec.taints},
        # It knows an instance type's CPU and memory, but not the size of its disk.
        f"{node}/resources/ephemeral-storage": disk_for_pods(args.spec.disk_gib),
    }


def _group_tags(
    instances: Mapping[str, str], group: Mapping[str, str]
) -> "Iterator[GroupTagArgsDict]":
    for tags, propagate in ((instances, True), (group, False)):
        for key, value in tags.items():
            yield {"key": key, "value": value, "propagate_at_launch": propagate}
