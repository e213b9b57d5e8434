"""The Auto Scaling groups of a stack: those whose instances would join its cluster."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sandbox.nodes import Registration
from sandbox.providers.aws.account import OWN_TAGS, Account

SHORTAGE = f"{OWN_TAGS}shortage"
"""The tag of a group whose Spot capacity is made unavailable."""

_POOL = "pool"


@dataclass(frozen=True)
class Group:
    """One group, as Auto Scaling describes it, and what its launch template says."""

    described: Mapping[str, Any]
    template: Mapping[str, Any]
    """The launch template's data, of the version that the group names."""

    @property
    def name(self) -> str:
        """The name that Auto Scaling knows it by."""
        return self.described["AutoScalingGroupName"]

    @property
    def tags(self) -> Mapping[str, str]:
        """Its tags."""
        return {tag["Key"]: tag["Value"] for tag in self.described.get("Tags", [])}

    @property
    def pool(self) -> str:
        """The pool that it is of, by the tag of its instances; its own name where it has none."""
        specifications = self.template.get("TagSpecifications", [])
        given = [tag for each in specifications for tag in each.get("Tags", [])]
        named = {tag["Key"]: tag["Value"] for tag in given} | dict(self.tags)
        return named.get(_POOL, self.name)

    @property
    def bounds(self) -> tuple[int, int]:
        """The least and the most instances that it may have."""
        return self.described["MinSize"], self.described["MaxSize"]

    @property
    def desired(self) -> int:
        """How many instances it is to have."""
        return self.described["DesiredCapacity"]

    @property
    def instances(self) -> list[str]:
        """The ids of the instances that it has, without those that a hook keeps from ending."""
        return [
            instance["InstanceId"]
            for instance in self.described["Instances"]
            if not instance["LifecycleState"].startswith("Terminating")
        ]

    @property
    def instance_types(self) -> list[str]:
        """The types that it may start, the first one first."""
        policy = self.described.get("MixedInstancesPolicy", {})
        overrides = policy.get("LaunchTemplate", {}).get("Overrides", [])
        return [override["InstanceType"] for override in overrides] or [
            self.template["InstanceType"]
        ]

    @property
    def has_spot(self) -> bool:
        """Whether any of its instances may be Spot."""
        distribution = self.described.get("MixedInstancesPolicy", {}).get("InstancesDistribution")
        return bool(
            distribution and distribution.get("OnDemandPercentageAboveBaseCapacity", 100) < 100  # noqa: PLR2004 - per cent
        )

    @property
    def is_short(self) -> bool:
        """Whether its Spot capacity was made unavailable."""
        return SHORTAGE in self.tags


def groups(account: Account, server: str) -> Iterator[Group]:
    """Find the groups whose instances register with the API server at `server`."""
    pages = account.client("autoscaling").get_paginator("describe_auto_scaling_groups").paginate()
    for described in (group for page in pages for group in page["AutoScalingGroups"]):
        template = _template(account, described)
        registration = Registration.of(template.get("UserData", ""))
        if registration is not None and registration.server == server:
            yield Group(described, template)


def _template(account: Account, described: Mapping[str, Any]) -> Mapping[str, Any]:
    policy = described.get("MixedInstancesPolicy", {}).get("LaunchTemplate", {})
    named = described.get("LaunchTemplate") or policy["LaunchTemplateSpecification"]
    (found,) = account.client("ec2").describe_launch_template_versions(
        LaunchTemplateId=named["LaunchTemplateId"], Versions=[named["Version"]]
    )["LaunchTemplateVersions"]
    return found["LaunchTemplateData"]
