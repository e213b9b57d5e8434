"""The add-ons that need nodes to run on."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import pulumi
import pulumi_aws as aws

from components.aws.eks_cluster import AddonVersions


@dataclass(frozen=True, kw_only=True)
class EksAddonsArgs:
    """The cluster and the versions of its add-ons."""

    cluster_name: pulumi.Input[str]
    versions: AddonVersions
    tags: Mapping[str, str] = field(default_factory=dict[str, str])


class EksAddons(pulumi.ComponentResource):
    """Names inside the cluster resolve, and a HorizontalPodAutoscaler has figures to go by.

    EKS calls these add-ons degraded until a node runs them, so this depends on a pool.
    """

    def __init__(
        self, name: str, args: EksAddonsArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("tfserving:index:EksAddons", name, {}, opts)
        versions = {
            "coredns": args.versions.coredns,
            "metrics-server": args.versions.metrics_server,
        }
        for addon, version in versions.items():
            aws.eks.Addon(
                f"{name}-{addon}",
                cluster_name=args.cluster_name,
                addon_name=addon,
                addon_version=version,
                tags=args.tags,
                opts=pulumi.ResourceOptions(parent=self),
            )
        self.register_outputs({})
