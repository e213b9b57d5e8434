"""Auto Scaling's groups of EC2 instances, as the autoscaler's stand-in sees them."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import yaml

from sandbox.cluster_autoscaler.flags import Flags
from sandbox.cluster_autoscaler.node_groups import NodeGroup
from sandbox.cluster_autoscaler.placement import Space, amounts
from sandbox.kubernetes_api import KubernetesApi
from sandbox.nodes.allocatable import Allocatable, describe_type, disk_gib
from sandbox.nodes.groups import Group, groups
from sandbox.providers.aws.account import Account
from sandbox.providers.charts import PRIORITIES

_TEMPLATE = "k8s.io/cluster-autoscaler/node-template/"


@dataclass(frozen=True)
class AutoScalingGroup:
    """One group, which is bounded and grows for itself."""

    account: Account
    group: Group
    refused = 0
    """That launches fail is learnt only from the time that they take."""

    @property
    def name(self) -> str:
        """The name that Auto Scaling knows it by."""
        return self.group.name

    @property
    def bounded(self) -> str:
        """Its own name."""
        return self.name

    @property
    def balanced(self) -> str:
        """Its own name: `--balance-similar-node-groups` is not set."""
        return self.name

    @property
    def bounds(self) -> tuple[int, int]:
        """The least and the most instances that it may have."""
        return self.group.bounds

    @property
    def desired(self) -> int:
        """How many instances it is to have."""
        return self.group.desired

    @property
    def instances(self) -> Sequence[str]:
        """The ids of the instances that it has, without those that a hook keeps from ending."""
        return self.group.instances

    def new_space(self) -> Space:
        """Return what the group's tags say, and the type that comes first of those it may start."""
        return space_of_tags(self.account, self.group)

    def resize(self, size: int) -> None:
        """Let it have so many instances."""
        self.account.client("autoscaling").set_desired_capacity(
            AutoScalingGroupName=self.name, DesiredCapacity=size
        )

    def end(self, instance: str) -> None:
        """End an instance, and have one less from now on."""
        self.account.client("autoscaling").terminate_instance_in_auto_scaling_group(
            InstanceId=instance, ShouldDecrementDesiredCapacity=True
        )


@dataclass(frozen=True)
class AutoScalingGroups:
    """The groups of a stack whose tags say that they may be resized."""

    account: Account
    api: KubernetesApi
    flags: Flags

    def found(self) -> Sequence[AutoScalingGroup]:
        """Return those that may be resized, as they are now."""
        return [
            AutoScalingGroup(self.account, group)
            for group in groups(self.account, self.api.server)
            if self.flags.tags <= group.tags.keys()
        ]

    def priority(self, group: NodeGroup) -> float:
        """Return the rank that the ConfigMap of the release gives a group's name."""
        held = self.api.get("v1", "ConfigMap", PRIORITIES, self.flags.namespace)
        names: dict[int, list[str]] = yaml.safe_load(held["data"]["priorities"])
        found = [rank for rank in names if any(re.search(n, group.name) for n in names[rank])]
        return max(found, default=0)


def space_of_tags(account: Account, group: Group) -> Space:
    """Return the space of a node that a group without any would start, as its tags tell it."""
    told: dict[str, dict[str, str]] = {"label": {}, "taint": {}, "resources": {}}
    for tag, value in group.tags.items():
        kind, _, name = tag.removeprefix(_TEMPLATE).partition("/")
        if tag.startswith(_TEMPLATE) and kind in told:
            told[kind][name] = value
    first = group.instance_types[0]
    allocatable = Allocatable.of(describe_type(account, first), disk_gib(group.template))
    labels = {
        "kubernetes.io/arch": allocatable.architecture,
        "kubernetes.io/os": "linux",
        "node.kubernetes.io/instance-type": first,
        "topology.kubernetes.io/region": account.region,
        "topology.kubernetes.io/zone": group.described["AvailabilityZones"][0],
        **told["label"],
    }
    taints = [
        {"key": key, "value": value, "effect": effect}
        for key, (value, _, effect) in ((k, t.rpartition(":")) for k, t in told["taint"].items())
    ]
    whole = amounts({**allocatable.allocatable, **told["resources"]})
    return Space(labels, taints, whole, whole.copy())
