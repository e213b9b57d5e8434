"""Nodes made from what the program asked for: each instance in the emulator becomes a Node.

Of every instance this reads the launch template's user data, as nodeadm does on a real one: the
cluster to join, the labels and the taints. Type and lifecycle are chosen here, since the emulator
chooses neither, and written back as tags.
"""

import base64
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import yaml

from sandbox.kubernetes_api import Object
from sandbox.nodes.allocatable import Allocatable
from sandbox.providers.aws.account import OWN_TAGS

INSTANCE = "sandbox.tfserving.dev/instance"
"""The annotation of a Node that names the instance it was made from."""

_CHOICES = ("template", "type", "zone", "lifecycle")


class Instance(NamedTuple):
    """An instance with what was chosen for it."""

    id: str
    private_ip: str
    template: str
    """Id and version of the launch template that the group had when it started the instance."""
    type: str
    zone: str
    lifecycle: str

    def tags(self) -> list[dict[str, str]]:
        """Return the tags that keep what was chosen."""
        return [
            {"Key": f"{OWN_TAGS}{name}", "Value": str(getattr(self, name))} for name in _CHOICES
        ]


class Registration(NamedTuple):
    """What nodeadm reads from user data."""

    server: str
    labels: Mapping[str, str]
    taints: Sequence[Mapping[str, str]]

    @classmethod
    def of(cls, user_data: str) -> "Registration | None":
        """Read base64 user data; None when it is no NodeConfig, so that no node would join."""
        try:
            config = yaml.safe_load(base64.b64decode(user_data))
            if config["apiVersion"] != "node.eks.aws/v1alpha1" or config["kind"] != "NodeConfig":
                return None
            server = config["spec"]["cluster"]["apiServerEndpoint"]
            flags = config["spec"].get("kubelet", {}).get("flags", [])
        except (ValueError, KeyError, TypeError, AttributeError, yaml.YAMLError):
            return None
        labels = dict(pair.split("=", 1) for pair in _flag(flags, "--node-labels"))
        taints = [_taint(text) for text in _flag(flags, "--register-with-taints")]
        return cls(server, labels, taints)


def choose(group: Mapping[str, Any], instances: Sequence[Mapping[str, Any]]) -> Iterator[Instance]:
    """Choose type and lifecycle of a group's instances; what was chosen before stays.

    `group` is what Auto Scaling describes, with `DefaultType` (of its template) added; `instances`
    is what EC2 describes. Types are taken in turn.
    """
    policy = group.get("MixedInstancesPolicy", {})
    overrides = policy.get("LaunchTemplate", {}).get("Overrides", [])
    types = [override["InstanceType"] for override in overrides] or [group["DefaultType"]]
    distribution = policy.get("InstancesDistribution", {})
    used: dict[str, Counter[str]] = {name: Counter() for name in _CHOICES}
    tagged = {instance["InstanceId"]: tags(instance) for instance in instances}
    for each in tagged.values():
        for key, counter in used.items():
            counter[each.get(f"{OWN_TAGS}{key}", "")] += 1
    for instance in instances:
        had = tagged[instance["InstanceId"]]
        found = {key: had.get(f"{OWN_TAGS}{key}", "") for key in used}
        if not found["type"]:
            chosen = {
                "template": _template(group),
                "type": _least(types, used["type"]),
                "zone": instance["Placement"]["AvailabilityZone"],
                # In a shortage the emulator starts on-demand instances only, and says so.
                "lifecycle": found["lifecycle"]
                or _lifecycle(policy, distribution, used["lifecycle"]),
            }
            for key, value in chosen.items():
                used[key][value] += not found[key]
            found = chosen
        yield Instance(
            id=instance["InstanceId"],
            private_ip=instance["PrivateIpAddress"],
            **found,
        )


def node(
    instance: Instance, registration: Registration, allocatable: Allocatable, region: str
) -> Object:
    """Return the Node that an instance registers as."""
    suffix = "ec2.internal" if region == "us-east-1" else f"{region}.compute.internal"
    name = f"ip-{instance.private_ip.replace('.', '-')}.{suffix}"
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {
            "name": name,
            "annotations": {INSTANCE: instance.id},
            "labels": {
                "kubernetes.io/hostname": name,
                "kubernetes.io/arch": allocatable.architecture,
                "kubernetes.io/os": "linux",
                "node.kubernetes.io/instance-type": instance.type,
                "topology.kubernetes.io/region": region,
                "topology.kubernetes.io/zone": instance.zone,
                **registration.labels,
            },
        },
        "spec": {
            "providerID": f"aws:///{instance.zone}/{instance.id}",
            "taints": list(registration.taints),
        },
        "status": {
            "capacity": allocatable.capacity,
            "allocatable": allocatable.allocatable,
            "addresses": [
                {"type": "InternalIP", "address": instance.private_ip},
                {"type": "Hostname", "address": name},
            ],
        },
    }


def tags(instance: Mapping[str, Any]) -> dict[str, str]:
    """Return the tags of an instance that EC2 describes."""
    return {tag["Key"]: tag["Value"] for tag in instance.get("Tags", [])}


def _template(group: Mapping[str, Any]) -> str:
    # The emulator starts instances from a template's default version, whatever the group says.
    policy = group.get("MixedInstancesPolicy", {}).get("LaunchTemplate", {})
    template = group.get("LaunchTemplate") or policy["LaunchTemplateSpecification"]
    return f"{template['LaunchTemplateId']}:{template['Version']}"


def _least(choices: Sequence[str], used: Counter[str]) -> str:
    return min(choices, key=lambda choice: used[choice])


def _lifecycle(
    policy: Mapping[str, Any], distribution: Mapping[str, Any], used: Counter[str]
) -> str:
    # Both defaults are AWS's: without a distribution everything is on demand.
    base = distribution.get("OnDemandBaseCapacity", 0)
    share = distribution.get("OnDemandPercentageAboveBaseCapacity", 100) if policy else 100
    on_demand, spot = used["on-demand"], used["spot"]
    above = on_demand + spot + 1 - base
    return "on-demand" if on_demand < base or (on_demand - base) * 100 < above * share else "spot"


def _flag(flags: Sequence[str], name: str) -> list[str]:
    values = [flag.removeprefix(f"{name}=") for flag in flags if flag.startswith(f"{name}=")]
    return [pair for value in values for pair in value.split(",") if pair]


def _taint(text: str) -> dict[str, str]:
    assignment, _, effect = text.rpartition(":")
    key, _, value = assignment.partition("=")
    return {"key": key, "effect": effect, **({"value": value} if value else {})}
