"""The Nodes of a stack on EKS: one for each instance in the emulator that would join its cluster.

And what the emulator does not do by itself: instances whose notice is over end.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from typing import Any

from sandbox import nodes
from sandbox.kubernetes_api import Object
from sandbox.nodes.allocatable import Allocatable, describe_type, disk_gib
from sandbox.nodes.interruption import end_interrupted
from sandbox.providers.aws.account import Account


class Ec2Nodes:
    """The instances of one stack's account, as the Nodes of the API server at `server`."""

    def __init__(self, account: Account, server: str) -> None:
        self._account = account
        self._server = server
        self._ec2 = account.client("ec2")
        self._groups = account.client("autoscaling")
        self._template = cache(self._template)

    @property
    def goes_on(self) -> Sequence[Callable[[], None]]:
        """What to do in each round before Nodes are compared with instances."""
        return (lambda: end_interrupted(self._account),)

    def wanted(self) -> Iterator[Object]:
        """Return the Nodes that the instances register as."""
        groups = {
            group["AutoScalingGroupName"]: group
            for group in self._groups.describe_auto_scaling_groups()["AutoScalingGroups"]
        }
        for name, instances in self._instances().items():
            if name in groups:
                yield from self._nodes_of(groups[name], instances)

    def change(self, _present: Object, _wanted: Object) -> Object | None:
        """Return None: what a kubelet registered with stays."""
        return None

    def _nodes_of(self, group: dict[str, Any], instances: list[dict[str, Any]]) -> Iterator[Object]:
        group["DefaultType"] = instances[0]["InstanceType"]
        tagged = {each["InstanceId"]: each.get("Tags", []) for each in instances}
        for instance in nodes.choose(group, instances):
            if not all(tag in tagged[instance.id] for tag in instance.tags()):
                self._ec2.create_tags(Resources=[instance.id], Tags=instance.tags())
            template = self._template(*instance.template.split(":"))
            registration = nodes.Registration.of(template.get("UserData", ""))
            if registration is None or registration.server != self._server:
                continue  # it would not join this cluster
            allocatable = Allocatable.of(
                describe_type(self._account, instance.type), disk_gib(template)
            )
            yield nodes.node(instance, registration, allocatable, self._account.region)

    def _instances(self) -> Mapping[str, list[dict[str, Any]]]:
        found: dict[str, list[dict[str, Any]]] = defaultdict(list)
        running = [{"Name": "instance-state-name", "Values": ["pending", "running"]}]
        for page in self._ec2.get_paginator("describe_instances").paginate(Filters=running):
            for instance in (i for r in page["Reservations"] for i in r["Instances"]):
                tags = {tag["Key"]: tag["Value"] for tag in instance.get("Tags", [])}
                if group := tags.get("aws:autoscaling:groupName"):
                    found[group].append(instance)
        return found

    def _template(self, identifier: str, version: str) -> Mapping[str, Any]:
        return self._ec2.describe_launch_template_versions(
            LaunchTemplateId=identifier, Versions=[version]
        )["LaunchTemplateVersions"][0]["LaunchTemplateData"]
