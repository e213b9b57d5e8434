"""In which order GKE adds nodes to pools that are for the same pods."""

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
import pulumi_kubernetes as k8s


@dataclass(frozen=True, kw_only=True)
class ComputeClassArgs:
    """The pools, each before those that are to stand in for it.

    Their nodes have the class, which is called as its component is, for label and taint.
    https://docs.cloud.google.com/kubernetes-engine/docs/concepts/about-custom-compute-classes#existing-node-pools
    """

    pools: Sequence[pulumi.Input[str]]


class ComputeClass(pulumi.ComponentResource):
    """A pool gets nodes while those before it can get none, and pods move back once they can.

    There is no other place for its pods: without room in any of the pools they wait.
    """

    def __init__(
        self, name: str, args: ComputeClassArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("tfserving:index:ComputeClass", name, {}, opts)
        # https://docs.cloud.google.com/kubernetes-engine/docs/reference/crds/computeclass
        k8s.apiextensions.CustomResource(
            f"{name}-class",
            api_version="cloud.google.com/v1",
            kind="ComputeClass",
            metadata={"name": name},
            spec={
                "priorities": [{"nodepools": [pool]} for pool in args.pools],
                "whenUnsatisfiable": "DoNotScaleUp",
                "activeMigration": {"optimizeRulePriority": True},
                "nodePoolAutoCreation": {"enabled": False},
            },
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.register_outputs({})
