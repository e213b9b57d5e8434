"""A pool of Spot nodes: an Auto Scaling group of our own, since it may choose its allocation."""

import base64
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

import pulumi
import pulumi_aws as aws
from pulumi_aws.autoscaling import GroupTagArgsDict

from components.aws.node_config import render_node_config
from components.aws.node_pool import (
    INSTANCE_METADATA,
    NodePoolSpec,
    PoolPlace,
    root_volume,
    tag_specifications,
)
from components.aws.node_role import NodeRole, NodeRoleArgs

AllocationStrategy = Literal[
    "capacity-optimized", "capacity-optimized-prioritized", "price-capacity-optimized"
]

_AUTOSCALER = "k8s.io/cluster-autoscaler"


@dataclass(frozen=True, kw_only=True)
class SpotPoolSpec(NodePoolSpec):
    """Nodes that may go at two minutes' notice, from whichever instance types are to be had."""

    kind: Literal["spot"] = "spot"
    allocation_strategy: AllocationStrategy = "capacity-optimized"


@dataclass(frozen=True, kw_only=True)
class SpotNodeGroupArgs:
    """What the pool is and where it goes."""

    spec: SpotPoolSpec
    place: PoolPlace


class SpotNodeGroup(pulumi.ComponentResource):
    """Spot nodes that join with their labels and taints, and that an autoscaler finds and resizes.

    It may scale from zero: the group's tags say which labels and taints its nodes would have.
    """

    group_name: pulumi.Output[str]
    role_arn: pulumi.Output[str]

    def __init__(
        self, name: str, args: SpotNodeGroupArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("tfserving:index:SpotNodeGroup", name, {}, opts)
        spec, place = args.spec, args.place
        child = pulumi.ResourceOptions(parent=self)
        owned = {f"kubernetes.io/cluster/{place.cluster.name}": "owned"}
        tags = {**place.tags, "Name": name}

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
        template = aws.ec2.LaunchTemplate(
            f"{name}-template",
            image_id=place.ami.image_id,
            iam_instance_profile={"arn": profile.arn},
            vpc_security_group_ids=[place.cluster.security_group_id],
            user_data=_user_data(args),
            block_device_mappings=root_volume(spec.disk_gib),
            metadata_options=INSTANCE_METADATA,
            tag_specifications=tag_specifications({**tags, **owned}),
            tags=tags,
            opts=child,
        )
        group = aws.autoscaling.Group(
            f"{name}-nodes",
            min_size=spec.nodes.minimum,
            desired_capacity=spec.nodes.initial,
            max_size=spec.nodes.maximum,
            vpc_zone_identifiers=place.subnet_ids,
            mixed_instances_policy={
                "instances_distribution": {
                    "on_demand_base_capacity": 0,
                    "on_demand_percentage_above_base_capacity": 0,
                    "spot_allocation_strategy": spec.allocation_strategy,
                },
                "launch_template": {
                    "launch_template_specification": {
                        "launch_template_id": template.id,
                        # Not "$Latest": a new version must show as a change to refresh instances.
                        "version": template.latest_version.apply(str),
                    },
                    "overrides": [{"instance_type": each} for each in spec.instance_types],
                },
            },
            capacity_rebalance=True,
            # It would end nodes without draining them.
            suspended_processes=["AZRebalance"],
            # No Spot capacity is no reason for a deployment to fail.
            wait_for_capacity_timeout="0",
            instance_refresh={
                "strategy": "Rolling",
                "preferences": {"min_healthy_percentage": 90},
            },
            tags=[*_group_tags({**tags, **owned}, _autoscaler_tags(args))],
            opts=pulumi.ResourceOptions(
                parent=self,
                # Nodes that boot before they may join never do.
                depends_on=[entry, *role.ready],
                # It applies once; from then on the autoscaler owns it.
                ignore_changes=["desiredCapacity"],
            ),
        )

        self.group_name = group.name
        self.role_arn = role.arn
        self.register_outputs({"group_name": self.group_name, "role_arn": self.role_arn})


def _user_data(args: SpotNodeGroupArgs) -> pulumi.Output[str]:
    cluster = args.place.cluster

    def encoded(known: Mapping[str, str]) -> str:
        document = render_node_config(
            cluster_name=cluster.name,
            endpoint=known["endpoint"],
            certificate_authority=known["certificate_authority"],
            service_cidr=cluster.service_cidr,
            labels=args.spec.labels,
            taints=args.spec.taints,
        )
        return base64.b64encode(document.encode()).decode()

    return pulumi.Output.all(
        endpoint=cluster.endpoint, certificate_authority=cluster.certificate_authority
    ).apply(encoded)


def _autoscaler_tags(args: SpotNodeGroupArgs) -> dict[str, str]:
    node = f"{_AUTOSCALER}/node-template"
    return {
        f"{_AUTOSCALER}/enabled": "true",
        f"{_AUTOSCALER}/{args.place.cluster.name}": "owned",
        **{f"{node}/label/{key}": value for key, value in args.spec.labels.items()},
        **{f"{node}/taint/{each.key}": f"{each.value}:{each.effect}" for each in args.spec.taints},
    }


def _group_tags(
    instances: Mapping[str, str], group: Mapping[str, str]
) -> Iterator[GroupTagArgsDict]:
    for tags, propagate in ((instances, True), (group, False)):
        for key, value in tags.items():
            yield {"key": key, "value": value, "propagate_at_launch": propagate}
