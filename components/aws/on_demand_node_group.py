"""A pool of on-demand nodes that EKS manages."""

from dataclasses import dataclass
from typing import Literal

import pulumi
import pulumi_aws as aws

from components.aws.node_pool import (
    INSTANCE_METADATA,
    NodePoolSpec,
    PoolPlace,
    root_volume,
    tag_specifications,
)
from components.aws.node_role import NodeRole, NodeRoleArgs

# What EKS adds to the labels of every node of such a pool.
# https://docs.aws.amazon.com/eks/latest/userguide/managed-node-groups.html
ADDED_LABELS = {"eks.amazonaws.com/capacityType": "ON_DEMAND"}

_EFFECTS = {
    "NoSchedule": "NO_SCHEDULE",
    "PreferNoSchedule": "PREFER_NO_SCHEDULE",
    "NoExecute": "NO_EXECUTE",
}


@dataclass(frozen=True, kw_only=True)
class OnDemandPoolSpec(NodePoolSpec):
    """Nodes that stay: for what must not be interrupted."""

    kind: Literal["on_demand"] = "on_demand"


@dataclass(frozen=True, kw_only=True)
class OnDemandNodeGroupArgs:
    """What the pool is and where it goes."""

    spec: OnDemandPoolSpec
    place: PoolPlace


class OnDemandNodeGroup(pulumi.ComponentResource):
    """A managed node group on a pinned image; EKS drains its nodes before it replaces them."""

    node_group_name: pulumi.Output[str]

    def __init__(
        self, name: str, args: OnDemandNodeGroupArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("tfserving:index:OnDemandNodeGroup", name, {}, opts)
        spec, place = args.spec, args.place
        child = pulumi.ResourceOptions(parent=self)
        tags = {**place.tags, "Name": name}

        role = NodeRole(f"{name}-role", NodeRoleArgs(tags=place.tags), opts=child)
        template = aws.ec2.LaunchTemplate(
            f"{name}-template",
            block_device_mappings=root_volume(spec.disk_gib),
            metadata_options=INSTANCE_METADATA,
            tag_specifications=tag_specifications(tags),
            tags=tags,
            opts=child,
        )
        group = aws.eks.NodeGroup(
            f"{name}-nodes",
            cluster_name=place.cluster.name,
            node_role_arn=role.arn,
            subnet_ids=place.subnet_ids,
            capacity_type="ON_DEMAND",
            instance_types=spec.instance_types,
            ami_type="AL2023_x86_64_STANDARD",
            version=place.ami.kubernetes_version,
            release_version=place.ami.text,
            launch_template={
                "id": template.id,
                "version": template.latest_version.apply(str),
            },
            scaling_config={
                "min_size": spec.nodes.minimum,
                "desired_size": spec.nodes.initial,
                "max_size": spec.nodes.maximum,
            },
            labels=spec.labels,
            taints=[
                {"key": each.key, "value": each.value, "effect": _EFFECTS[each.effect]}
                for each in spec.taints
            ],
            tags=tags,
            opts=pulumi.ResourceOptions(
                parent=self,
                # Nodes that boot before their policies are attached never become ready.
                depends_on=role.ready,
                # It applies once; from then on an autoscaler may own it.
                ignore_changes=["scalingConfig.desiredSize"],
            ),
        )

        self.node_group_name = group.node_group_name
        self.register_outputs({"node_group_name": self.node_group_name})
