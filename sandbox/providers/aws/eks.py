"""Rows of EKS: the control plane is the sandbox's own; a managed group is made as EKS makes it."""

import base64

import yaml

from sandbox.providers.aws.account import Account
from sandbox.providers.aws.autoscaling import Groups, LaunchTemplates
from sandbox.providers.aws.checks import one_of_shape
from sandbox.providers.aws.resource_type import ResourceType
from sandbox.providers.checks import between, cidr, matches, one_of, ordered
from sandbox.providers.control_plane import ControlPlane
from sandbox.providers.resource_type import Inputs, Outputs, by, find_or_create
from sandbox.providers.values import listed, nested

_DOCS = "https://www.pulumi.com/registry/packages/aws/api-docs/eks/"
_API = "https://docs.aws.amazon.com/eks/latest/APIReference/"
_NAME = r"[0-9A-Za-z][A-Za-z0-9_-]{0,99}"
_PRINCIPAL = r"arn:aws[a-z-]*:iam::\d{12}:(role|user)/[\w+=,.@/-]+"
_ACCESS_POLICY = r"arn:aws[a-z-]*:eks::aws:cluster-access-policy/Amazon\w+Policy"
_LABEL = r"([a-z0-9.-]{1,253}/)?[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?"
_EFFECTS = {
    "NO_SCHEDULE": "NoSchedule",
    "NO_EXECUTE": "NoExecute",
    "PREFER_NO_SCHEDULE": "PreferNoSchedule",
}


def _cluster(account: Account, identifier: str, inputs: Inputs) -> Outputs:
    cluster = ControlPlane.of_stack(account.stack)
    suffix = identifier.encode().hex()[:16]
    return {
        "arn": account.arn("eks", f"cluster/{identifier}"),
        "endpoint": cluster.server,
        "certificateAuthority": {"data": cluster.authority},
        "platformVersion": "eks.1",
        "status": "ACTIVE",
        "identities": [{"oidcs": [{"issuer": _issuer(account, suffix)}]}],
        "vpcConfig": {**inputs["vpcConfig"], "clusterSecurityGroupId": f"sg-0{suffix}"},
    }


def _issuer(account: Account, suffix: str) -> str:
    return f"https://oidc.eks.{account.region}.amazonaws.com/id/{suffix.upper()}"


def _access_entry(account: Account, _identifier: str, inputs: Inputs) -> Outputs:
    cluster, principal = inputs["clusterName"], inputs["principalArn"].split(":")[-1]
    return {
        "accessEntryArn": account.arn("eks", f"access-entry/{cluster}/{principal}"),
        "userName": inputs.get("userName", principal),
    }


def _addon(account: Account, _identifier: str, inputs: Inputs) -> Outputs:
    return {"arn": account.arn("eks", f"addon/{inputs['clusterName']}/{inputs['addonName']}")}


def _association(account: Account, identifier: str, inputs: Inputs) -> Outputs:
    place = f"podidentityassociation/{inputs['clusterName']}/{identifier}"
    return {"associationArn": account.arn("eks", place), "associationId": identifier}


def _node_group(account: Account, _identifier: str, inputs: Inputs) -> Outputs:
    cluster, name = inputs["clusterName"], inputs["nodeGroupName"]
    return {
        "arn": account.arn("eks", f"nodegroup/{cluster}/{name}"),
        "status": "ACTIVE",
        "resources": [{"autoscalingGroups": [{"name": _group_name(inputs)}]}],
    }


class ManagedNodeGroups:
    """Managed node groups: like EKS, a launch template and an Auto Scaling group of its own."""

    def __init__(self) -> None:
        self._templates = LaunchTemplates()
        self._groups = Groups()

    def create(self, account: Account, inputs: Inputs, owner: str) -> str:
        """Make both, with the tags that EKS gives them."""
        template = find_or_create(self._templates, account, self._template(account, inputs), owner)
        self._groups.create(account, self._group(inputs, template, "1"), owner)
        return self._id(inputs)

    def find(self, account: Account, owner: str) -> list[str]:
        """Find the group, whose tags hold both parts of the id."""
        found: list[str] = []
        for name in self._groups.find(account, owner):
            group = self._groups.read(account, name) or {}
            tags = {tag["key"]: tag["value"] for tag in listed(group, "tags")}
            found.append(f"{tags['eks:cluster-name']}:{tags['eks:nodegroup-name']}")
        return found

    def read(self, account: Account, identifier: str) -> Outputs | None:
        """Read the bounds and the size."""
        found = self._groups.read(account, self._name(identifier))
        if found is None:
            return None
        return {
            "nodeGroupName": identifier.rpartition(":")[2],
            "scalingConfig": {
                "minSize": found["minSize"],
                "maxSize": found["maxSize"],
                "desiredSize": found["desiredCapacity"],
            },
        }

    def update(self, account: Account, identifier: str, old: Inputs, new: Inputs) -> None:
        """Change the bounds; replace the nodes when what they are made of has changed."""
        template = self._template_of(account, identifier)
        before, after = (self._template(account, inputs) for inputs in (old, new))
        if before != after:
            self._templates.update(account, template, before, after)
        latest = str((self._templates.read(account, template) or {})["latestVersion"])
        self._groups.update(
            account,
            self._name(identifier),
            self._group(old, template, latest if before == after else "0"),
            {**self._group(new, template, latest), "instanceRefresh": {"strategy": "Rolling"}},
        )

    def delete(self, account: Account, identifier: str) -> None:
        """Delete both."""
        template = self._template_of(account, identifier)
        self._groups.delete(account, self._name(identifier))
        if template:
            self._templates.delete(account, template)

    @staticmethod
    def _id(inputs: Inputs) -> str:
        return f"{inputs['clusterName']}:{inputs['nodeGroupName']}"

    @staticmethod
    def _name(identifier: str) -> str:
        cluster, name = identifier.split(":")
        return _group_name({"clusterName": cluster, "nodeGroupName": name})

    def _template_of(self, account: Account, identifier: str) -> str:
        found = account.client("autoscaling").describe_auto_scaling_groups(
            AutoScalingGroupNames=[self._name(identifier)]
        )["AutoScalingGroups"]
        policies = (group["MixedInstancesPolicy"]["LaunchTemplate"] for group in found)
        return next(
            (each["LaunchTemplateSpecification"]["LaunchTemplateId"] for each in policies), ""
        )

    @staticmethod
    def _template(account: Account, inputs: Inputs) -> Inputs:
        labels = {
            **nested(inputs, "labels"),
            "eks.amazonaws.com/nodegroup": inputs["nodeGroupName"],
            "eks.amazonaws.com/capacityType": inputs.get("capacityType", "ON_DEMAND"),
        }
        taints = [
            f"{taint['key']}={taint.get('value', '')}:{_EFFECTS[taint['effect']]}"
            for taint in listed(inputs, "taints")
        ]
        flags = ["--node-labels=" + ",".join(f"{key}={value}" for key, value in labels.items())]
        if taints:
            flags.append("--register-with-taints=" + ",".join(taints))
        endpoint = ControlPlane.of_stack(account.stack).server
        config = {
            "apiVersion": "node.eks.aws/v1alpha1",
            "kind": "NodeConfig",
            "spec": {
                "cluster": {"name": inputs["clusterName"], "apiServerEndpoint": endpoint},
                "kubelet": {"flags": flags},
            },
        }
        return {
            "name": _group_name(inputs),
            "imageId": f"resolve:ssm:eks/{inputs.get('releaseVersion', 'latest')}",
            "userData": base64.b64encode(yaml.safe_dump(config).encode()).decode(),
            "blockDeviceMappings": _disks(account, nested(inputs, "launchTemplate")),
            "tagSpecifications": [{"resourceType": "instance", "tags": nested(inputs, "tags")}],
        }

    @staticmethod
    def _group(inputs: Inputs, template: str, version: str) -> Inputs:
        cluster, scaling = inputs["clusterName"], inputs["scalingConfig"]
        on_demand = inputs.get("capacityType", "ON_DEMAND") == "ON_DEMAND"
        tags = {
            "eks:cluster-name": cluster,
            "eks:nodegroup-name": inputs["nodeGroupName"],
            f"kubernetes.io/cluster/{cluster}": "owned",
            "k8s.io/cluster-autoscaler/enabled": "true",
            f"k8s.io/cluster-autoscaler/{cluster}": "owned",
        }
        return {
            "name": _group_name(inputs),
            "minSize": scaling["minSize"],
            "maxSize": scaling["maxSize"],
            "desiredCapacity": scaling["desiredSize"],
            "vpcZoneIdentifiers": inputs["subnetIds"],
            "mixedInstancesPolicy": {
                "launchTemplate": {
                    "launchTemplateSpecification": {
                        "launchTemplateId": template,
                        "version": version,
                    },
                    "overrides": [
                        {"instanceType": each}
                        for each in listed(inputs, "instanceTypes") or ["t3.medium"]
                    ],
                },
                "instancesDistribution": {
                    "onDemandPercentageAboveBaseCapacity": 100 if on_demand else 0
                },
            },
            "tags": [
                {"key": key, "value": value, "propagateAtLaunch": True}
                for key, value in tags.items()
            ],
        }


def _disks(account: Account, given: Inputs) -> list[Inputs]:
    """Return the disks of the launch template that a node group was given."""
    if not given:
        return []
    (found,) = account.client("ec2").describe_launch_template_versions(
        LaunchTemplateId=given["id"], Versions=[str(given["version"])]
    )["LaunchTemplateVersions"]
    return [
        {"deviceName": disk["DeviceName"], "ebs": {"volumeSize": disk["Ebs"]["VolumeSize"]}}
        for disk in found["LaunchTemplateData"].get("BlockDeviceMappings", [])
    ]


def _group_name(inputs: Inputs) -> str:
    return f"eks-{inputs['clusterName']}-{inputs['nodeGroupName']}"


ROWS = (
    ResourceType(
        token="aws:eks/cluster:Cluster",
        docs=f"{_DOCS}cluster/",
        identify=by("name"),
        named_by="name",
        computed=_cluster,
        replaces=("name", "roleArn", "bootstrapSelfManagedAddons", "kubernetesNetworkConfig"),
        checks=(
            matches("name", _NAME, f"{_API}API_CreateCluster.html"),
            matches("version", r"1\.\d\d", f"{_API}API_CreateCluster.html"),
            matches("roleArn", _PRINCIPAL, f"{_API}API_CreateCluster.html"),
            one_of_shape("accessConfig.authenticationMode", "eks", "AuthenticationMode"),
            one_of_shape("upgradePolicy.supportType", "eks", "SupportType"),
            one_of_shape("enabledClusterLogTypes.*", "eks", "LogType"),
            cidr(
                "kubernetesNetworkConfig.serviceIpv4Cidr", 12, 24, f"{_API}API_CreateCluster.html"
            ),
            cidr("vpcConfig.publicAccessCidrs.*", 0, 32, f"{_API}API_VpcConfigRequest.html"),
        ),
    ),
    ResourceType(
        token="aws:eks/accessEntry:AccessEntry",
        docs=f"{_DOCS}accessentry/",
        identify=by("clusterName", "principalArn"),
        computed=_access_entry,
        replaces=("clusterName", "principalArn", "type"),
        checks=(
            matches("principalArn", _PRINCIPAL, f"{_API}API_CreateAccessEntry.html"),
            one_of(
                "type",
                (
                    "STANDARD",
                    "EC2_LINUX",
                    "EC2_WINDOWS",
                    "FARGATE_LINUX",
                    "EC2",
                    "HYBRID_LINUX",
                    "HYPERPOD_LINUX",
                ),
                f"{_API}API_CreateAccessEntry.html",
            ),
        ),
    ),
    ResourceType(
        token="aws:eks/accessPolicyAssociation:AccessPolicyAssociation",
        docs=f"{_DOCS}accesspolicyassociation/",
        identify=by("clusterName", "principalArn", "policyArn", separator="#"),
        replaces=("clusterName", "principalArn", "policyArn", "accessScope"),
        checks=(
            matches("policyArn", _ACCESS_POLICY, f"{_API}API_AssociateAccessPolicy.html"),
            one_of_shape("accessScope.type", "eks", "AccessScopeType"),
        ),
    ),
    ResourceType(
        token="aws:eks/addon:Addon",
        docs=f"{_DOCS}addon/",
        identify=by("clusterName", "addonName"),
        computed=_addon,
        replaces=("clusterName", "addonName"),
        checks=(
            one_of_shape("resolveConflictsOnCreate", "eks", "ResolveConflicts"),
            one_of_shape("resolveConflictsOnUpdate", "eks", "ResolveConflicts"),
            matches("addonVersion", r"v\d+\.\d+\.\d+-eksbuild\.\d+", f"{_API}API_CreateAddon.html"),
        ),
    ),
    ResourceType(
        token="aws:eks/podIdentityAssociation:PodIdentityAssociation",
        docs=f"{_DOCS}podidentityassociation/",
        identify=lambda _, owner, __: f"a-{owner[:17]}",
        computed=_association,
        replaces=("clusterName", "namespace", "serviceAccount"),
        checks=(matches("roleArn", _PRINCIPAL, f"{_API}API_CreatePodIdentityAssociation.html"),),
    ),
    ResourceType(
        token="aws:eks/nodeGroup:NodeGroup",
        docs=f"{_DOCS}nodegroup/",
        identify=by("clusterName", "nodeGroupName"),
        named_by="nodeGroupName",
        computed=_node_group,
        replaces=(
            "nodeGroupName",
            "clusterName",
            "nodeRoleArn",
            "subnetIds",
            "instanceTypes",
            "amiType",
            "capacityType",
            "diskSize",
        ),
        checks=(
            matches(
                "nodeGroupName", r"[0-9A-Za-z][A-Za-z0-9_-]{0,62}", f"{_API}API_Nodegroup.html"
            ),
            matches("nodeRoleArn", _PRINCIPAL, f"{_API}API_CreateNodegroup.html"),
            matches("releaseVersion", r"1\.\d\d\.\d+-\d{8}", f"{_API}API_CreateNodegroup.html"),
            one_of_shape("amiType", "eks", "AMITypes"),
            one_of_shape("capacityType", "eks", "CapacityTypes"),
            one_of_shape("taints.*.effect", "eks", "TaintEffect"),
            one_of_shape("instanceTypes.*", "ec2", "InstanceType"),
            matches("taints.*.key", _LABEL, f"{_API}API_Taint.html"),
            between("scalingConfig.minSize", 0, 450, f"{_API}API_NodegroupScalingConfig.html"),
            ordered("scalingConfig.minSize", "scalingConfig.maxSize"),
            ordered("scalingConfig.desiredSize", "scalingConfig.maxSize"),
            ordered("scalingConfig.minSize", "scalingConfig.desiredSize"),
            between("updateConfig.maxUnavailable", 1, 100, f"{_API}API_NodegroupUpdateConfig.html"),
        ),
        operations=ManagedNodeGroups(),
    ),
)
