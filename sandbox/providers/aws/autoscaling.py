"""Rows of launch templates and Auto Scaling groups, held since nodes are made of them."""

from typing import Any

from botocore.exceptions import ClientError

from sandbox.providers.aws.account import OWN_TAGS, OWNER_TAG, Account, is_missing
from sandbox.providers.aws.checks import one_of_shape
from sandbox.providers.aws.network import owner_tags, tagged
from sandbox.providers.aws.resource_type import ResourceType, prefixed
from sandbox.providers.checks import any_of, between, exclusive, matches, one_of, ordered
from sandbox.providers.plugin import Refused
from sandbox.providers.resource_type import Inputs, Outputs
from sandbox.providers.values import is_list, is_mapping, listed, nested

_EC2_DOCS = "https://www.pulumi.com/registry/packages/aws/api-docs/ec2/"
_GROUP_DOCS = "https://www.pulumi.com/registry/packages/aws/api-docs/autoscaling/group/"
_API = "https://docs.aws.amazon.com/autoscaling/ec2/APIReference/"
_DISTRIBUTION = f"{_API}API_InstancesDistribution.html"
_TEMPLATE = "https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateLaunchTemplate.html"
_USER_DATA = "https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/user-data.html"
_HOOK = f"{_API}API_PutLifecycleHook.html"
_IN_POLICY = "mixedInstancesPolicy.instancesDistribution."
_STRATEGIES = (
    "lowest-price",
    "capacity-optimized",
    "capacity-optimized-prioritized",
    "price-capacity-optimized",
)
_TRANSITIONS = ("autoscaling:EC2_INSTANCE_LAUNCHING", "autoscaling:EC2_INSTANCE_TERMINATING")
_PROCESSES = (
    "Launch",
    "Terminate",
    "HealthCheck",
    "ReplaceUnhealthy",
    "AZRebalance",
    "AlarmNotification",
    "ScheduledActions",
    "AddToLoadBalancer",
    "InstanceRefresh",
)


def in_capitals(value: Any) -> Any:
    """Return a structure with its keys as AWS's API spells them: minSize becomes MinSize."""
    if is_mapping(value):
        return {key[0].upper() + key[1:]: in_capitals(item) for key, item in value.items()}
    if is_list(value):
        return [in_capitals(item) for item in value]
    return value


class LaunchTemplates:
    """Launch templates: of their data the emulator keeps what a node is made of."""

    def create(self, account: Account, inputs: Inputs, owner: str) -> str:
        """Make version 1."""
        made = account.client("ec2").create_launch_template(
            LaunchTemplateName=inputs["name"],
            LaunchTemplateData=self._data(inputs),
            TagSpecifications=owner_tags("launch-template", owner),
        )
        return made["LaunchTemplate"]["LaunchTemplateId"]

    def find(self, account: Account, owner: str) -> list[str]:
        """Find a template by its owner."""
        return tagged(account, "launch-template", owner)

    def read(self, account: Account, identifier: str) -> Outputs | None:
        """Read the latest version."""
        try:
            (found,) = account.client("ec2").describe_launch_template_versions(
                LaunchTemplateId=identifier, Versions=["$Latest"]
            )["LaunchTemplateVersions"]
        except ClientError as error:
            if is_missing(error):
                return None
            raise
        data = found["LaunchTemplateData"]
        held = {"imageId": "ImageId", "userData": "UserData", "instanceType": "InstanceType"}
        return {
            "name": found["LaunchTemplateName"],
            "latestVersion": found["VersionNumber"],
            **{here: data[there] for here, there in held.items() if there in data},
        }

    def update(self, account: Account, identifier: str, old: Inputs, new: Inputs) -> None:
        """Make one more version."""
        account.client("ec2").create_launch_template_version(
            LaunchTemplateId=identifier, LaunchTemplateData=self._data(new)
        )

    def delete(self, account: Account, identifier: str) -> None:
        """Delete every version."""
        try:
            account.client("ec2").delete_launch_template(LaunchTemplateId=identifier)
        except ClientError as error:
            if not is_missing(error):
                raise

    @staticmethod
    def _data(inputs: Inputs) -> dict[str, Any]:
        held = {
            name: inputs[name]
            for name in ("imageId", "userData", "instanceType")
            if inputs.get(name)
        }
        disks = [
            {
                "deviceName": disk["deviceName"],
                "ebs": {"volumeSize": int(disk["ebs"]["volumeSize"])},
            }
            for disk in listed(inputs, "blockDeviceMappings")
            if nested(disk, "ebs").get("volumeSize")
        ]
        tags = [
            {
                "resourceType": each["resourceType"],
                "tags": [{"key": key, "value": value} for key, value in each["tags"].items()],
            }
            for each in listed(inputs, "tagSpecifications")
            if each.get("tags")
        ]
        return in_capitals({**held, "blockDeviceMappings": disks, "tagSpecifications": tags})


class Groups:
    """Auto Scaling groups: the emulator starts and ends their instances."""

    def create(self, account: Account, inputs: Inputs, owner: str) -> str:
        """Make the group; its instances are started at once."""
        name = inputs["name"]
        client = account.client("autoscaling")
        desired = inputs.get("desiredCapacity", inputs["minSize"])
        # Of a group that exists AWS moves the size into its new bounds, of a new one it does not.
        if not inputs["minSize"] <= desired <= inputs["maxSize"]:
            bounds = f"minSize, {inputs['minSize']}, and maxSize, {inputs['maxSize']}"
            raise Refused(f"desiredCapacity must be between {bounds}, got {desired}")
        client.create_auto_scaling_group(
            AutoScalingGroupName=name,
            **self._settings(inputs),
            DesiredCapacity=desired,
            Tags=self._tags(name, [*listed(inputs, "tags"), _owner_tag(owner)]),
        )
        if processes := inputs.get("suspendedProcesses"):
            client.suspend_processes(AutoScalingGroupName=name, ScalingProcesses=processes)
        return name

    def find(self, account: Account, owner: str) -> list[str]:
        """Find a group by its owner."""
        found = account.client("autoscaling").describe_tags(
            Filters=[{"Name": "key", "Values": [OWNER_TAG]}, {"Name": "value", "Values": [owner]}]
        )["Tags"]
        return [tag["ResourceId"] for tag in found]

    def read(self, account: Account, identifier: str) -> Outputs | None:
        """Read bounds, size and tags."""
        found = account.client("autoscaling").describe_auto_scaling_groups(
            AutoScalingGroupNames=[identifier]
        )["AutoScalingGroups"]
        if not found:
            return None
        group = found[0]
        return {
            "name": identifier,
            "minSize": group["MinSize"],
            "maxSize": group["MaxSize"],
            "desiredCapacity": group["DesiredCapacity"],
            "tags": [
                {
                    "key": tag["Key"],
                    "value": tag["Value"],
                    "propagateAtLaunch": tag["PropagateAtLaunch"],
                }
                for tag in group["Tags"]
                if not tag["Key"].startswith(OWN_TAGS)
            ],
        }

    def update(self, account: Account, identifier: str, old: Inputs, new: Inputs) -> None:
        """Change the settings; where a refresh is asked for, replace outdated instances."""
        client = account.client("autoscaling")
        settings = self._settings(new)
        if new.get("desiredCapacity") != old.get("desiredCapacity"):
            settings["DesiredCapacity"] = new.get("desiredCapacity")
        client.update_auto_scaling_group(AutoScalingGroupName=identifier, **settings)
        kept = {tag["key"] for tag in listed(new, "tags")}
        gone = [tag for tag in listed(old, "tags") if tag["key"] not in kept]
        if gone:
            client.delete_tags(Tags=self._tags(identifier, gone))
        if kept:
            client.create_or_update_tags(Tags=self._tags(identifier, new["tags"]))
        before, after = (set(listed(side, "suspendedProcesses")) for side in (old, new))
        if resumed := sorted(before - after):
            client.resume_processes(AutoScalingGroupName=identifier, ScalingProcesses=resumed)
        if suspended := sorted(after - before):
            client.suspend_processes(AutoScalingGroupName=identifier, ScalingProcesses=suspended)
        if new.get("instanceRefresh") and _launch(old) != _launch(new):
            self.replace_instances(account, identifier)

    def delete(self, account: Account, identifier: str) -> None:
        """Delete the group and end its instances."""
        try:
            account.client("autoscaling").delete_auto_scaling_group(
                AutoScalingGroupName=identifier, ForceDelete=True
            )
        except ClientError as error:
            if "not found" not in str(error):
                raise

    @staticmethod
    def replace_instances(account: Account, identifier: str) -> None:
        """End every instance, so that the group starts new ones from its present template.

        AWS's instance refresh does so in batches that keep a share of the group in service.
        """
        (group,) = account.client("autoscaling").describe_auto_scaling_groups(
            AutoScalingGroupNames=[identifier]
        )["AutoScalingGroups"]
        if ended := [instance["InstanceId"] for instance in group["Instances"]]:
            account.client("ec2").terminate_instances(InstanceIds=ended)

    @staticmethod
    def _settings(inputs: Inputs) -> dict[str, Any]:
        settings: dict[str, Any] = {
            "MinSize": inputs["minSize"],
            "MaxSize": inputs["maxSize"],
            "VPCZoneIdentifier": ",".join(listed(inputs, "vpcZoneIdentifiers")),
            "CapacityRebalance": bool(inputs.get("capacityRebalance")),
            "NewInstancesProtectedFromScaleIn": bool(inputs.get("protectFromScaleIn")),
            **in_capitals(_launch(inputs)),
        }
        if template := settings.get("LaunchTemplate"):
            settings["LaunchTemplate"] = {
                "LaunchTemplateId": template["Id"],
                "Version": template.get("Version", "$Default"),
            }
        return settings

    @staticmethod
    def _tags(group: str, tags: list[dict[str, Any]]) -> list[dict[str, Any]]:
        where = {"ResourceId": group, "ResourceType": "auto-scaling-group"}
        return [{**where, **in_capitals(tag)} for tag in tags]


def _owner_tag(owner: str) -> dict[str, Any]:
    return {"key": OWNER_TAG, "value": owner, "propagateAtLaunch": False}


def _launch(inputs: Inputs) -> Outputs:
    names = ("launchTemplate", "mixedInstancesPolicy")
    return {name: inputs[name] for name in names if inputs.get(name)}


def _template(account: Account, identifier: str, _inputs: Inputs) -> Outputs:
    return {
        "arn": account.arn("ec2", f"launch-template/{identifier}"),
        "latestVersion": 1,
        "defaultVersion": 1,
    }


def _group(account: Account, identifier: str, inputs: Inputs) -> Outputs:
    return {
        "arn": account.arn("autoscaling", f"autoScalingGroup::autoScalingGroupName/{identifier}"),
        "availabilityZones": [],
        "desiredCapacity": inputs.get("desiredCapacity", inputs["minSize"]),
        "defaultCooldown": inputs.get("defaultCooldown", 300),
        "healthCheckType": inputs.get("healthCheckType", "EC2"),
    }


ROWS = (
    ResourceType(
        token="aws:ec2/launchTemplate:LaunchTemplate",
        docs=f"{_EC2_DOCS}launchtemplate/",
        identify=prefixed("lt"),
        named_by="name",
        computed=_template,
        moves=("latestVersion",),
        replaces=("name", "namePrefix"),
        checks=(
            matches("name", r"[A-Za-z0-9().\-/_]{3,128}", _TEMPLATE),
            matches("userData", r"[A-Za-z0-9+/=\s]{0,21848}", _USER_DATA),
            one_of_shape("instanceType", "ec2", "InstanceType"),
            one_of_shape("metadataOptions.httpTokens", "ec2", "LaunchTemplateHttpTokensState"),
            between("metadataOptions.httpPutResponseHopLimit", 1, 64, _TEMPLATE),
            one_of_shape("blockDeviceMappings.*.ebs.volumeType", "ec2", "VolumeType"),
            one_of_shape("tagSpecifications.*.resourceType", "ec2", "ResourceType"),
        ),
        operations=LaunchTemplates(),
    ),
    ResourceType(
        token="aws:autoscaling/group:Group",
        docs=_GROUP_DOCS,
        identify=lambda _, __, inputs: inputs["name"],
        named_by="name",
        computed=_group,
        replaces=("name", "namePrefix", "placementGroup"),
        checks=(
            matches("name", r"[^:]{1,255}", f"{_API}API_CreateAutoScalingGroup.html"),
            ordered("minSize", "maxSize"),
            exclusive("launchTemplate", "mixedInstancesPolicy", "launchConfiguration"),
            any_of("launchTemplate", "mixedInstancesPolicy", "launchConfiguration"),
            exclusive("vpcZoneIdentifiers", "availabilityZones"),
            one_of(f"{_IN_POLICY}spotAllocationStrategy", _STRATEGIES, _DISTRIBUTION),
            one_of(
                f"{_IN_POLICY}onDemandAllocationStrategy",
                ("lowest-price", "prioritized"),
                _DISTRIBUTION,
            ),
            between(f"{_IN_POLICY}onDemandPercentageAboveBaseCapacity", 0, 100, _DISTRIBUTION),
            between(f"{_IN_POLICY}spotInstancePools", 1, 20, _DISTRIBUTION),
            one_of_shape(
                "mixedInstancesPolicy.launchTemplate.overrides.*.instanceType",
                "ec2",
                "InstanceType",
            ),
            one_of("suspendedProcesses.*", _PROCESSES, f"{_API}API_SuspendProcesses.html"),
            one_of("healthCheckType", ("EC2", "ELB"), f"{_API}API_CreateAutoScalingGroup.html"),
            one_of("initialLifecycleHooks.*.lifecycleTransition", _TRANSITIONS, _HOOK),
            between("initialLifecycleHooks.*.heartbeatTimeout", 30, 7200, _HOOK),
            one_of(
                "instanceRefresh.strategy", ("Rolling",), f"{_API}API_StartInstanceRefresh.html"
            ),
        ),
        operations=Groups(),
    ),
)
