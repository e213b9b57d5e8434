"""The stand-in for pulumi-eks: a remote component whose children the aws provider checks.

It registers what the real `eks:index:Cluster` registers for the options that this project uses,
under the same names, and refuses every other option by name.
"""

import json
from collections.abc import Mapping
from importlib.metadata import version
from typing import Any, cast

import pulumi
import pulumi_aws as aws
import yaml
from pulumi.errors import InputPropertyErrorDetails
from pulumi.provider import ConstructResult, Provider, main

from sandbox.engine_watch import end_with_engine
from sandbox.layout import Layout
from sandbox.providers.values import listed, nested

_OPTIONS = {
    "accessEntries",
    "authenticationMode",
    "bootstrapSelfManagedAddons",
    "clusterTags",
    "corednsAddonOptions",
    "createOidcProvider",
    "deletionProtection",
    "enabledClusterLogTypes",
    "encryptionConfigKeyArn",
    "endpointPrivateAccess",
    "endpointPublicAccess",
    "kubeProxyAddonOptions",
    "kubernetesServiceIpAddressRange",
    "name",
    "nodeSecurityGroupTags",
    "privateSubnetIds",
    "publicAccessCidrs",
    "publicSubnetIds",
    "skipDefaultNodeGroup",
    "skipDefaultSecurityGroups",
    "subnetIds",
    "tags",
    "upgradePolicy",
    "version",
    "vpcCniOptions",
    "vpcId",
}
_TRUST = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"Service": "eks.amazonaws.com"},
                "Action": ["sts:AssumeRole", "sts:TagSession"],
            }
        ],
    }
)


class Cluster(pulumi.ComponentResource):
    """An EKS control plane with its role, add-ons and access entries."""

    def __init__(
        self, name: str, inputs: Mapping[str, Any], opts: pulumi.ResourceOptions | None
    ) -> None:
        super().__init__("eks:index:Cluster", name, None, opts)
        self._refuse_what_is_not_known(name, inputs)
        self._opts = pulumi.ResourceOptions(parent=self)
        role = aws.iam.Role(f"{name}-eksRole-role", assume_role_policy=_TRUST, opts=self._opts)
        attached = aws.iam.RolePolicyAttachment(
            f"{name}-eksRole-4b490823",
            role=role.name,
            policy_arn="arn:aws:iam::aws:policy/AmazonEKSClusterPolicy",
            opts=self._opts,
        )
        self.cluster = aws.eks.Cluster(
            f"{name}-eksCluster",
            **_cluster_arguments(inputs),
            role_arn=role.arn,
            opts=pulumi.ResourceOptions(parent=self, depends_on=[attached]),
        )
        self._add_on(f"{name}-vpc-cni", "vpc-cni", _vpc_cni(nested(inputs, "vpcCniOptions")))
        proxy = nested(inputs, "kubeProxyAddonOptions")
        if proxy.get("enabled", True):
            self._add_on(f"{name}-kube-proxy", "kube-proxy", proxy)
        if inputs.get("createOidcProvider"):
            issuer = self.cluster.identities[0].oidcs[0].issuer
            aws.iam.OpenIdConnectProvider(
                f"{name}-oidcProvider",
                client_id_lists=["sts.amazonaws.com"],
                url=issuer.apply(str),
                opts=self._opts,
            )
        for key, entry in nested(inputs, "accessEntries").items():
            self._access_entry(f"{name}-{key}", entry)
        self.kubeconfig = pulumi.Output.secret(self.cluster.endpoint.apply(_kubeconfig))
        self.register_outputs({})

    def _add_on(self, name: str, add_on: str, options: Mapping[str, Any]) -> None:
        values = options.get("configurationValues")
        aws.eks.Addon(
            name,
            cluster_name=self.cluster.name,
            addon_name=add_on,
            addon_version=options.get("version") or options.get("addonVersion"),
            configuration_values=None if values is None else json.dumps(values),
            resolve_conflicts_on_create="OVERWRITE",
            resolve_conflicts_on_update="OVERWRITE",
            opts=self._opts,
        )

    def _access_entry(self, name: str, entry: Mapping[str, Any]) -> None:
        made = aws.eks.AccessEntry(
            name,
            cluster_name=self.cluster.name,
            principal_arn=entry["principalArn"],
            type=entry.get("type", "STANDARD"),
            opts=self._opts,
        )
        for key, policy in nested(entry, "accessPolicies").items():
            aws.eks.AccessPolicyAssociation(
                f"{name}-{key}",
                cluster_name=self.cluster.name,
                principal_arn=made.principal_arn,
                policy_arn=policy["policyArn"],
                access_scope=policy["accessScope"],
                opts=self._opts,
            )

    @staticmethod
    def _refuse_what_is_not_known(name: str, inputs: Mapping[str, Any]) -> None:
        given = {key for key, value in inputs.items() if value is not None}
        faults = dict.fromkeys(given - _OPTIONS, "the sandbox's stand-in does not know it")
        for key in ("skipDefaultNodeGroup", "skipDefaultSecurityGroups"):
            if inputs.get(key) is not True:
                faults[key] = "must be true: the sandbox's stand-in makes no such defaults"
        if faults:
            details = [
                InputPropertyErrorDetails(property_path=key, reason=reason)
                for key, reason in sorted(faults.items())
            ]
            raise pulumi.InputPropertiesError(f"eks:index:Cluster ({name}) is refused", details)


def _cluster_arguments(inputs: Mapping[str, Any]) -> dict[str, Any]:
    network = {"serviceIpv4Cidr": inputs.get("kubernetesServiceIpAddressRange")}
    key = inputs.get("encryptionConfigKeyArn")
    return {
        "name": inputs.get("name"),
        "version": inputs.get("version"),
        "bootstrap_self_managed_addons": inputs.get("bootstrapSelfManagedAddons"),
        "vpc_config": {
            "subnetIds": inputs.get("subnetIds")
            or [*listed(inputs, "publicSubnetIds"), *listed(inputs, "privateSubnetIds")],
            "endpointPrivateAccess": inputs.get("endpointPrivateAccess", False),
            "endpointPublicAccess": inputs.get("endpointPublicAccess", True),
            "publicAccessCidrs": inputs.get("publicAccessCidrs"),
        },
        "access_config": {"authenticationMode": inputs.get("authenticationMode")},
        "upgrade_policy": inputs.get("upgradePolicy"),
        "kubernetes_network_config": network if network["serviceIpv4Cidr"] else None,
        "enabled_cluster_log_types": inputs.get("enabledClusterLogTypes"),
        "encryption_config": {"provider": {"keyArn": key}, "resources": ["secrets"]}
        if key
        else None,
        "deletion_protection": inputs.get("deletionProtection"),
        "tags": {**nested(inputs, "tags"), **nested(inputs, "clusterTags")},
    }


def _vpc_cni(options: Mapping[str, Any]) -> Mapping[str, Any]:
    values = {
        "enableNetworkPolicy": str(options.get("enableNetworkPolicy", False)).lower(),
        **nested(options, "configurationValues"),
    }
    return {"addonVersion": options.get("addonVersion"), "configurationValues": values}


def _kubeconfig(endpoint: str) -> dict[str, Any]:
    """Return what opens the control plane that a cluster's endpoint leads to.

    It names the files of the client's certificate and key, and holds neither.
    """
    path = Layout.of_this_process().kubeconfig(pulumi.get_stack())
    found = cast(dict[str, Any], yaml.safe_load(path.read_text()))
    if found["clusters"][0]["cluster"]["server"] != endpoint:
        raise ValueError(f"the control plane of this stack is not at {endpoint} any more")
    return found


class Eks(Provider):
    """Constructs clusters; pulumi-eks' other components have no stand-in."""

    def __init__(self) -> None:
        super().__init__(version("pulumi-eks"))

    def construct(
        self,
        name: str,
        resource_type: str,
        inputs: pulumi.Inputs,
        options: pulumi.ResourceOptions | None = None,
    ) -> ConstructResult:
        """Construct the component and return what the real one promises of it."""
        if resource_type != "eks:index:Cluster":
            raise ValueError(
                f"{resource_type} ({name}) has no stand-in in sandbox/providers/eks.py"
            )
        made = Cluster(name, inputs, options)
        groups = made.cluster.vpc_config.cluster_security_group_id
        return ConstructResult(
            made.urn,
            {
                "eksCluster": made.cluster,
                "kubeconfig": made.kubeconfig,
                "kubeconfigJson": pulumi.Output.json_dumps(made.kubeconfig),
                "clusterSecurityGroupId": groups,
                "nodeSecurityGroupId": groups,
            },
        )


if __name__ == "__main__":
    end_with_engine()
    main(Eks(), [])
