"""The process that keeps a stack's nodes what its instances are, and the sandbox's logs short."""

import argparse
import sys
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from sandbox import nodes
from sandbox.allocatable import Allocatable
from sandbox.kubernetes_api import ApiError, KubernetesApi, Object, UnreachableError
from sandbox.layout import Layout
from sandbox.processes import trim
from sandbox.providers.aws.account import Account

_ROUND_SECONDS = 1.0
_DISK_GIB = 20
"""The root disk of EKS's AMIs when a launch template names none."""


class Watcher:
    """Compares instances and Nodes, again and again; each round starts from what is there."""

    def __init__(self, layout: Layout, stack: str, region: str) -> None:
        self._layout = layout
        self._region = region
        self._api = KubernetesApi.from_kubeconfig(layout.kubeconfig(stack))
        account = Account(region, stack)
        self._ec2 = account.client("ec2")
        self._groups = account.client("autoscaling")
        self._describe_type = cache(self._describe_type)
        self._template = cache(self._template)

    def run(self) -> None:
        """Go on until this process is ended; what fails now may succeed in the next round."""
        while True:
            try:
                self.reconcile()
                for log in self._layout.logs.glob("*.log"):
                    trim(log)
            except (ApiError, UnreachableError, BotoCoreError, ClientError) as error:
                print(f"{type(error).__name__}: {error}", file=sys.stderr, flush=True)
            time.sleep(_ROUND_SECONDS)

    def reconcile(self) -> None:
        """Create the Nodes of new instances and delete those of instances that are gone."""
        # By instance too: a new one may have got the address, and so the name, of one that ended.
        wanted = {_identity(node): node for node in self._wanted()}
        present = {
            _identity(node)
            for node in self._api.list("v1", "Node")
            if nodes.INSTANCE in node["metadata"].get("annotations", {})
        }
        for identity in sorted(present - wanted.keys()):
            self._api.delete("v1", "Node", identity[0])
        for identity in sorted(wanted.keys() - present):
            self._api.create(wanted[identity])

    def _wanted(self) -> Iterator[Object]:
        groups = {
            group["AutoScalingGroupName"]: group
            for group in self._groups.describe_auto_scaling_groups()["AutoScalingGroups"]
        }
        for name, instances in self._instances().items():
            if name in groups:
                yield from self._nodes_of(groups[name], instances)

    def _nodes_of(self, group: dict[str, Any], instances: list[dict[str, Any]]) -> Iterator[Object]:
        group["Zones"] = self._zones(group)
        group["DefaultType"] = instances[0]["InstanceType"]
        tagged = {each["InstanceId"]: each.get("Tags", []) for each in instances}
        for instance in nodes.choose(group, instances):
            if not all(tag in tagged[instance.id] for tag in instance.tags()):
                self._ec2.create_tags(Resources=[instance.id], Tags=instance.tags())
            template = self._template(*instance.template.split(":"))
            registration = nodes.Registration.of(template.get("UserData", ""))
            if registration is None or registration.server != self._api.server:
                continue  # it would not join this cluster
            allocatable = Allocatable.of(self._describe_type(instance.type), _disk_gib(template))
            yield nodes.node(instance, registration, allocatable, self._region)

    def _instances(self) -> Mapping[str, list[dict[str, Any]]]:
        found: dict[str, list[dict[str, Any]]] = defaultdict(list)
        running = [{"Name": "instance-state-name", "Values": ["pending", "running"]}]
        for page in self._ec2.get_paginator("describe_instances").paginate(Filters=running):
            for instance in (i for r in page["Reservations"] for i in r["Instances"]):
                tags = {tag["Key"]: tag["Value"] for tag in instance.get("Tags", [])}
                if group := tags.get("aws:autoscaling:groupName"):
                    found[group].append(instance)
        return found

    def _zones(self, group: Mapping[str, Any]) -> list[str]:
        if not group.get("VPCZoneIdentifier"):
            return group["AvailabilityZones"]
        subnets = self._ec2.describe_subnets(SubnetIds=group["VPCZoneIdentifier"].split(","))
        return sorted({subnet["AvailabilityZone"] for subnet in subnets["Subnets"]})

    def _describe_type(self, name: str) -> Mapping[str, Any]:
        return self._ec2.describe_instance_types(InstanceTypes=[name])["InstanceTypes"][0]

    def _template(self, identifier: str, version: str) -> Mapping[str, Any]:
        return self._ec2.describe_launch_template_versions(
            LaunchTemplateId=identifier, Versions=[version]
        )["LaunchTemplateVersions"][0]["LaunchTemplateData"]


def _identity(node: Object) -> tuple[str, str]:
    return node["metadata"]["name"], node["metadata"]["annotations"][nodes.INSTANCE]


def _disk_gib(template: Mapping[str, Any]) -> int:
    disks = [mapping.get("Ebs", {}) for mapping in template.get("BlockDeviceMappings", [])]
    return next((disk["VolumeSize"] for disk in disks if "VolumeSize" in disk), _DISK_GIB)


def main() -> None:
    """Watch one stack."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--root", type=Path, required=True)
    parser.add_argument("--stack", required=True)
    parser.add_argument("--region", required=True)
    given = parser.parse_args()
    Watcher(Layout(given.root), given.stack, given.region).run()


if __name__ == "__main__":
    main()
