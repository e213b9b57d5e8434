"""What pools of EC2 nodes have in common, whoever manages their instances."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pulumi

from components.aws.ami import AmiRelease
from components.bounds import Bounds
from components.kubernetes.node_labels import label_faults
from components.kubernetes.taints import Taint
from components.spec import Fault, Spec, rule

if TYPE_CHECKING:
    from pulumi_aws.ec2 import (
        LaunchTemplateBlockDeviceMappingArgsDict,
        LaunchTemplateMetadataOptionsArgsDict,
        LaunchTemplateTagSpecificationArgsDict,
    )

# Pods are a hop further than their node, so they cannot take its role.
INSTANCE_METADATA: "LaunchTemplateMetadataOptionsArgsDict" = {
    "http_endpoint": "enabled",
    "http_tokens": "required",
    "http_put_response_hop_limit": 1,
}


@dataclass(frozen=True, kw_only=True)
class NodePoolSpec(Spec):
    """What a pool's nodes are and how many there may be."""

    instance_types: tuple[str, ...]
    nodes: Bounds
    labels: Mapping[str, str] = field(default_factory=dict[str, str])
    taints: tuple[Taint, ...] = ()
    disk_gib: int = 50

    @rule
    def _there_are_instance_types(self) -> Iterator[Fault]:
        if not self.instance_types or len(set(self.instance_types)) < len(self.instance_types):
            yield Fault(
                ("instance_types",), "must be one or more different types", self.instance_types
            )

    @rule
    def _labels_are_labels(self) -> Iterator[Fault]:
        yield from label_faults(self.labels)

    @rule
    def _image_fits_the_disk(self) -> Iterator[Fault]:
        if self.disk_gib < 20:  # noqa: PLR2004 - the size of the image's own volume
            yield Fault(("disk_gib",), "must be at least 20", self.disk_gib)


@dataclass(frozen=True, kw_only=True)
class ClusterAccess:
    """The cluster that a pool joins, and what a machine must know of it to do so."""

    name: str
    service_cidr: str
    endpoint: pulumi.Input[str]
    certificate_authority: pulumi.Input[str]
    security_group_id: pulumi.Input[str]


@dataclass(frozen=True, kw_only=True)
class PoolPlace:
    """Where a pool goes: its cluster and subnets, the image of its nodes, its tags."""

    cluster: ClusterAccess
    subnet_ids: Sequence[pulumi.Input[str]]
    ami: AmiRelease
    tags: Mapping[str, str] = field(default_factory=dict[str, str])


def root_volume(gib: int) -> "Sequence[LaunchTemplateBlockDeviceMappingArgsDict]":
    """Return the encrypted volume that an Amazon Linux 2023 node boots from."""
    return [
        {
            "device_name": "/dev/xvda",
            "ebs": {
                "volume_type": "gp3",
                "volume_size": gib,
                "encrypted": "true",
                "delete_on_termination": "true",
            },
        }
    ]


def disk_for_pods(gib: int) -> str:
    """Return what kubelet leaves of that volume to pods: a tenth is kept free, 1 GiB reserved."""
    return f"{gib * 9 // 10 - 1}Gi"


def tag_specifications(
    tags: Mapping[str, str],
) -> "Sequence[LaunchTemplateTagSpecificationArgsDict]":
    """Return what carries a template's tags to what is launched from it: default tags do not."""
    return [{"resource_type": kind, "tags": tags} for kind in ("instance", "volume")]
