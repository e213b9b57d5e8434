"""What the tests of the aws provider and its emulator share: a provider, and what it makes."""

import base64
from typing import Any

from sandbox.providers.aws import Aws
from sandbox.providers.aws.account import Account
from sandbox.providers.plugin import Request
from sandbox.tests.engine_requests import Requests

REGION = "us-west-2"
LAUNCH_TEMPLATE = "aws:ec2/launchTemplate:LaunchTemplate"
GROUP = "aws:autoscaling/group:Group"
QUEUE = "aws:sqs/queue:Queue"
RULE = "aws:cloudwatch/eventRule:EventRule"
TARGET = "aws:cloudwatch/eventTarget:EventTarget"


class Cloud(Requests):
    """An aws provider as the engine uses it, one resource after another."""

    def __init__(self) -> None:
        super().__init__(Aws())
        self.provider.configure({"region": REGION})
        self.account = Account(REGION, "dev")

    def subnet(self, name: str) -> str:
        number = 64 + sum(name.encode()) % 64
        vpc, _ = self.make("aws:ec2/vpc:Vpc", f"{name}-vpc", {"cidrBlock": f"10.{number}.0.0/16"})
        made, _ = self.make(
            "aws:ec2/subnet:Subnet",
            name,
            {
                "vpcId": vpc.id,
                "cidrBlock": f"10.{number}.0.0/24",
                "availabilityZone": f"{REGION}a",
            },
        )
        return made.id

    def group(self, name: str, **changes: Any) -> Request:
        template, _ = self.make(LAUNCH_TEMPLATE, name, {"userData": encoded(name)})
        return self.make(GROUP, name, self.group_inputs(name, template.id, **changes))[0]

    def group_inputs(self, name: str, template: str, **changes: Any) -> dict[str, Any]:
        return {
            "minSize": 0,
            "maxSize": 3,
            "desiredCapacity": 1,
            "vpcZoneIdentifiers": [self.subnet(name)],
            "mixedInstancesPolicy": launched_from(template, "1"),
            "tags": [{"key": "team", "value": "ml", "propagateAtLaunch": True}],
            **changes,
        }

    def instances(self, group: Request) -> list[dict[str, Any]]:
        (found,) = self.account.client("autoscaling").describe_auto_scaling_groups(
            AutoScalingGroupNames=[group.id]
        )["AutoScalingGroups"]
        return found["Instances"]


def launched_from(template: str, version: str) -> dict[str, Any]:
    return {
        "instancesDistribution": {"spotAllocationStrategy": "capacity-optimized"},
        "launchTemplate": {
            "launchTemplateSpecification": {"launchTemplateId": template, "version": version},
            "overrides": [{"instanceType": "m5.xlarge"}],
        },
    }


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def node_group(cloud: Cloud, name: str, **changes: Any) -> Request:
    inputs = {
        "clusterName": "dev",
        "nodeRoleArn": "arn:aws:iam::123456789012:role/nodes",
        "subnetIds": [cloud.subnet(name)],
        "scalingConfig": {"minSize": 1, "desiredSize": 2, "maxSize": 3},
        "labels": {"intent": "control-apps"},
        "taints": [{"key": "only", "value": "this", "effect": "NO_SCHEDULE"}],
        "instanceTypes": ["t3.medium"],
        **changes,
    }
    return cloud.make("aws:eks/nodeGroup:NodeGroup", name, inputs)[0]
