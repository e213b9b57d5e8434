"""A cluster in memory and its groups in moto, as the stand-in of the Cluster Autoscaler sees them.

Nothing happens in it by itself: the test says when nodes join and pods go.
"""

import base64
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from copy import deepcopy
from typing import Any

import pytest
import yaml
from moto.autoscaling.models import autoscaling_backends

from sandbox.cluster_autoscaler import ClusterAutoscaler
from sandbox.cluster_autoscaler.auto_scaling import AutoScalingGroups
from sandbox.cluster_autoscaler.flags import parse
from sandbox.kubernetes_api import ApiError
from sandbox.nodes import INSTANCE
from sandbox.providers.aws.account import ACCOUNT_ID, Account

SERVER = "https://127.0.0.1:1"
TAGS = ("k8s.io/cluster-autoscaler/enabled", "k8s.io/cluster-autoscaler/dev")
M5_XLARGE = {"cpu": "3920m", "memory": "14162Mi", "pods": "58"}
PLACE = ("--root", "/nowhere", "--stack", "dev", "--region", "us-west-2")
LEAVES = {"key": "ToBeDeletedByClusterAutoscaler", "effect": "NoSchedule"}


def pod(name: str, cpu: str = "1500m", memory: str = "1Gi", node: str = "", **spec: Any) -> dict:
    """A pod of a controller, on a node or without room; two of them fit on an m5.xlarge."""
    resources = {"requests": {"cpu": cpu, "memory": memory}}
    waits = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable"}
    status = {"phase": "Running"} if node else {"phase": "Pending", "conditions": [waits]}
    return {
        "metadata": {
            "name": name,
            "namespace": "serving",
            "labels": {"app": name},
            "annotations": {},
            "ownerReferences": [{"kind": "ReplicaSet", "name": "web"}],
        },
        "spec": {"containers": [{"resources": resources}], "nodeName": node, **spec},
        "status": status,
    }


def daemon_set(cpu: str, **spec: Any) -> dict:
    """What runs on each node that its pod's `spec` admits."""
    template = {"spec": {"containers": [{"resources": {"requests": {"cpu": cpu}}}], **spec}}
    return {"metadata": {"name": "agent"}, "spec": {"template": template}}


def node(instance: str, labels: Mapping[str, str], taints: Sequence[dict], **whole: str) -> dict:
    """A node named as its instance."""
    labels = {"kubernetes.io/hostname": instance, **labels}
    return {
        "metadata": {"name": instance, "labels": labels, "annotations": {INSTANCE: instance}},
        "spec": {"taints": [*taints]},
        "status": {"allocatable": {**M5_XLARGE, **whole}},
    }


class HeldCluster:
    """What is in a cluster, by kind, and its autoscaler."""

    server = SERVER
    autoscaler: ClusterAutoscaler

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.held: dict[str, list[dict]] = defaultdict(list)
        self.protected: set[str] = set()
        """The names of pods that a disruption budget keeps from being evicted."""
        self.evicted: list[str] = []
        """The names of pods, once for each eviction that was asked for and allowed."""
        self._ahead, monotonic = 0.0, time.monotonic
        patch.setattr(time, "monotonic", lambda: monotonic() + self._ahead)

    def rounds(self, *waits: float) -> None:
        """Let the autoscaler decide, once after each wait."""
        for seconds in waits:
            self._ahead += seconds
            self.autoscaler.reconcile()

    def add(self, kind: str, *objects: dict) -> None:
        """Create objects."""
        self.held[kind] += deepcopy([*objects])

    def pod(self, name: str) -> dict:
        """The pod of a name."""
        return next(pod for pod in self.held["Pod"] if pod["metadata"]["name"] == name)

    def taint(self, name: str, taint: dict) -> None:
        """Give a node one more taint."""
        (found,) = (node for node in self.held["Node"] if node["metadata"]["name"] == name)
        found["spec"]["taints"].append(taint)

    def end_pods(self) -> None:
        """Let all pods go that were evicted."""
        left = [pod for pod in self.held["Pod"] if "deletionTimestamp" not in pod["metadata"]]
        self.held["Pod"] = left

    def leaving(self) -> set[str]:
        """The nodes that the autoscaler takes away."""
        return {each["metadata"]["name"] for each in self.held["Node"] if LEAVES in _taints(each)}

    # What the autoscaler asks of an API server.

    def list(self, _: str, kind: str) -> list[dict]:
        return deepcopy(self.held[kind])

    def get(self, _: str, kind: str, name: str, namespace: str = "") -> dict:
        for each in self.held[kind]:
            if (each["metadata"]["name"], each["metadata"].get("namespace")) == (name, namespace):
                return deepcopy(each)
        raise ApiError(404, "NotFound", f"{kind} {name} not found")

    def patch(self, _: str, kind: str, name: str, patch: dict) -> None:
        (found,) = (each for each in self.held[kind] if each["metadata"]["name"] == name)
        found["spec"].update(patch["spec"])

    def evict(self, pod: dict) -> bool:
        name = pod["metadata"]["name"]
        if name not in self.protected:
            self.evicted.append(name)
            self.pod(name)["metadata"]["deletionTimestamp"] = "now"
        return name not in self.protected


class ScaledCluster(HeldCluster):
    """A cluster whose nodes are instances of Auto Scaling groups."""

    def __init__(self, account: Account, patch: pytest.MonkeyPatch, *flags: str) -> None:
        super().__init__(patch)
        self._scaling = account.client("autoscaling")
        self._ec2 = account.client("ec2")
        self._account = account
        self._policies: dict[str, dict] = {}
        self.start(*flags)

    def start(self, *flags: str) -> None:
        """Start the autoscaler, again with other flags."""
        discovery = f"--node-group-auto-discovery=asg:tag={','.join(TAGS)}"
        told = parse([*PLACE, discovery, *flags])
        groups = AutoScalingGroups(self._account, self, told)
        self.autoscaler = ClusterAutoscaler(self, groups, told)

    def group(  # noqa: PLR0913 - what a group is made of
        self,
        name: str,
        bounds: tuple[int, int] = (0, 5),
        desired: int = 0,
        *,
        types: Sequence[str] = ("m5.xlarge",),
        tags: Mapping[str, str] | None = None,
        found_by: Sequence[str] = TAGS,
    ) -> None:
        """Make a group; its nodes are yet to join."""
        spec = {"cluster": {"name": "dev", "apiServerEndpoint": SERVER}}
        config = {"apiVersion": "node.eks.aws/v1alpha1", "kind": "NodeConfig", "spec": spec}
        user_data = base64.b64encode(yaml.safe_dump(config).encode()).decode()
        template = self._ec2.create_launch_template(
            LaunchTemplateName=name,
            LaunchTemplateData={"InstanceType": "t3.medium", "UserData": user_data},
        )["LaunchTemplate"]["LaunchTemplateId"]
        self._policies[name] = policy = {
            "LaunchTemplateSpecification": {"LaunchTemplateId": template, "Version": "1"},
            "Overrides": [{"InstanceType": each} for each in types],
        }
        given = {**dict.fromkeys(found_by, "owned"), **(tags or {})}
        self._scaling.create_auto_scaling_group(
            AutoScalingGroupName=name,
            MinSize=bounds[0],
            MaxSize=bounds[1],
            DesiredCapacity=desired,
            AvailabilityZones=["us-west-2a"],
            MixedInstancesPolicy={"LaunchTemplate": policy},
            Tags=[{"Key": k, "Value": v, "PropagateAtLaunch": False} for k, v in given.items()],
        )

    def bound(self, name: str, **bounds: int) -> None:
        """Change a group's MinSize or MaxSize behind the autoscaler's back."""
        # Without its policy the group would lose it.
        policy = {"LaunchTemplate": self._policies[name]}
        self._scaling.update_auto_scaling_group(
            AutoScalingGroupName=name, MixedInstancesPolicy=policy, **bounds
        )

    def join(
        self, name: str, *taints: dict, labels: Mapping[str, str] | None = None, **whole: str
    ) -> list[str]:
        """Let the instances of a group become nodes; return the names of all nodes of it."""
        instances = [each["InstanceId"] for each in self._described(name)["Instances"]]
        there = {node["metadata"]["name"] for node in self.held["Node"]}
        new = [node(each, labels or {}, taints, **whole) for each in instances if each not in there]
        self.add("Node", *new)
        return instances

    def let_end(self, name: str) -> None:
        """Want no instance of a group any more; a lifecycle hook keeps those that there are."""
        group = autoscaling_backends[ACCOUNT_ID]["us-west-2"].autoscaling_groups[name]
        group.desired_capacity = 0
        for state in group.instance_states:
            state.lifecycle_state = "Terminating:Wait"

    def desired(self, *names: str) -> list[int]:
        """The sizes that groups are to have."""
        return [self._described(name)["DesiredCapacity"] for name in names]

    def _described(self, name: str) -> dict:
        asked = self._scaling.describe_auto_scaling_groups(AutoScalingGroupNames=[name])
        return asked["AutoScalingGroups"][0]


def _taints(node: dict) -> list[dict]:
    return node["spec"]["taints"]
