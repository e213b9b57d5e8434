"""The process that does what in a cloud goes on by itself: of one stack, each second.

Nodes become what the instances are, pods' programs run, and logs are kept short.
"""

import argparse
from collections import defaultdict
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from sandbox import nodes
from sandbox.kubernetes_api import KubernetesApi, Object
from sandbox.layout import Layout
from sandbox.nodes.allocatable import Allocatable, describe_type, disk_gib
from sandbox.nodes.containers import Containers
from sandbox.nodes.interruption import end_interrupted
from sandbox.processes import trim
from sandbox.providers.aws.account import Account
from sandbox.rounds import go_on

_ROUND_SECONDS = 1.0


class Watcher:
    """Compares instances and Nodes, again and again; each round starts from what is there."""

    def __init__(self, layout: Layout, stack: str, region: str, termination_handler: Path) -> None:
        self._layout = layout
        self._region = region
        self._api = KubernetesApi.from_kubeconfig(layout.kubeconfig(stack))
        self._containers = Containers(layout, stack, region, self._api, termination_handler)
        self._account = Account(region, stack)
        self._ec2 = self._account.client("ec2")
        self._groups = self._account.client("autoscaling")
        self._template = cache(self._template)

    def run(self) -> None:
        """Go on until this process is ended; what fails now may succeed in the next round."""
        go_on(
            lambda: end_interrupted(self._account),
            self.reconcile,
            self._containers.reconcile,
            self._trim,
            every=_ROUND_SECONDS,
        )

    def _trim(self) -> None:
        for log in self._layout.logs.glob("*.log"):
            trim(log)

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
        group["DefaultType"] = instances[0]["InstanceType"]
        tagged = {each["InstanceId"]: each.get("Tags", []) for each in instances}
        for instance in nodes.choose(group, instances):
            if not all(tag in tagged[instance.id] for tag in instance.tags()):
                self._ec2.create_tags(Resources=[instance.id], Tags=instance.tags())
            template = self._template(*instance.template.split(":"))
            registration = nodes.Registration.of(template.get("UserData", ""))
            if registration is None or registration.server != self._api.server:
                continue  # it would not join this cluster
            allocatable = Allocatable.of(
                describe_type(self._account, instance.type), disk_gib(template)
            )
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

    def _template(self, identifier: str, version: str) -> Mapping[str, Any]:
        return self._ec2.describe_launch_template_versions(
            LaunchTemplateId=identifier, Versions=[version]
        )["LaunchTemplateVersions"][0]["LaunchTemplateData"]


def _identity(node: Object) -> tuple[str, str]:
    return node["metadata"]["name"], node["metadata"]["annotations"][nodes.INSTANCE]


def main() -> None:
    """Watch one stack."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--root", type=Path, required=True)
    parser.add_argument("--stack", required=True)
    parser.add_argument("--region", required=True)
    parser.add_argument("--node-termination-handler", type=Path, required=True)
    given = parser.parse_args()
    layout = Layout(given.root)
    Watcher(layout, given.stack, given.region, given.node_termination_handler).run()


if __name__ == "__main__":
    main()
