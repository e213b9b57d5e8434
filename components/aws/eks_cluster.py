"""An EKS cluster: its control plane, who may use it, and the add-ons that its nodes run."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Network
from typing import Literal

import pulumi
import pulumi_aws as aws
import pulumi_eks as eks

from components.aws.node_pool import ClusterAccess
from components.cidrs import unreadable_networks, world
from components.spec import Fault, Spec, rule

ControlPlaneLog = Literal["api", "audit", "authenticator", "controllerManager", "scheduler"]

_ADMIN_POLICY = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSClusterAdminPolicy"
_PRINCIPAL = re.compile(r"arn:aws[a-z-]*:iam::\d{12}:(role|user)/[\w+=,.@/-]+", re.ASCII)
_KEY = re.compile(r"arn:aws[a-z-]*:kms:[a-z0-9-]+:\d{12}:key/[0-9a-f-]+", re.ASCII)
# https://docs.aws.amazon.com/eks/latest/APIReference/API_KubernetesNetworkConfigRequest.html
_SERVICE_BLOCKS = tuple(map(IPv4Network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")))
_SERVICE_SIZES = range(12, 25)
# https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutRetentionPolicy.html
_RETENTIONS = (1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 3653)


@dataclass(frozen=True, kw_only=True)
class AddonVersions(Spec):
    """A pinned version of every add-on."""

    vpc_cni: str
    kube_proxy: str
    pod_identity_agent: str
    coredns: str
    metrics_server: str


# `aws eks describe-addon-versions --kubernetes-version 1.35` lists what there is.
ADDON_VERSIONS: Mapping[str, AddonVersions] = {
    "1.35": AddonVersions(
        vpc_cni="v1.21.1-eksbuild.7",
        kube_proxy="v1.35.3-eksbuild.2",
        pod_identity_agent="v1.3.10-eksbuild.3",
        coredns="v1.13.2-eksbuild.4",
        metrics_server="v0.8.1-eksbuild.6",
    ),
}


@dataclass(frozen=True, kw_only=True)
class EndpointSpec(Spec):
    """From where the Kubernetes API is reached: the VPC, these networks, or both."""

    private: bool = True
    public_cidrs: tuple[str, ...] = ()
    open_to_world: bool = False

    @rule
    def _networks_can_be_read(self) -> Iterator[Fault]:
        yield from unreadable_networks("public_cidrs", self.public_cidrs)

    @rule
    def _api_can_be_reached(self) -> Iterator[Fault]:
        if not self.private and not self.public_cidrs:
            yield Fault(("private",), "must be true when public_cidrs is empty", self.private)

    @rule
    def _world_stays_out(self) -> Iterator[Fault]:
        if not self.open_to_world:
            yield from world("public_cidrs", self.public_cidrs)


@dataclass(frozen=True, kw_only=True)
class EksClusterSpec(Spec):
    """A control plane: its name and version, its administrators, its endpoint, its add-ons.

    Secrets are encrypted with the key of this ARN, or with one that the cluster brings.
    """

    name: str
    kubernetes_version: str
    admins: tuple[str, ...]
    endpoint: EndpointSpec = field(default_factory=EndpointSpec)
    service_cidr: str = "172.20.0.0/16"
    logs: tuple[ControlPlaneLog, ...] = ("api", "audit", "authenticator")
    log_days: int = 90
    secrets_key: str | None = None
    deletion_protection: bool = False
    oidc_provider: bool = False
    addons: AddonVersions | None = None

    @rule
    def _name_is_accepted(self) -> Iterator[Fault]:
        if not re.fullmatch(r"[0-9A-Za-z][A-Za-z0-9_-]{0,99}", self.name):
            limit = "must be 1 to 100 letters, digits, hyphens and underscores"
            yield Fault(("name",), limit, self.name)

    @rule
    def _there_are_admins(self) -> Iterator[Fault]:
        if not self.admins or len(set(self.admins)) < len(self.admins):
            yield Fault(("admins",), "must be one or more different principals", self.admins)
        for number, arn in enumerate(self.admins):
            if not _PRINCIPAL.fullmatch(arn):
                limit = "must be the ARN of an IAM role or user"
                yield Fault(("admins", number), limit, arn)

    @rule
    def _addons_are_pinned(self) -> Iterator[Fault]:
        if self.addons is None and self.kubernetes_version not in ADDON_VERSIONS:
            known = ", ".join(ADDON_VERSIONS)
            limit = f"must be {known}, or come with addons: a version of each for that Kubernetes"
            yield Fault(("kubernetes_version",), limit, self.kubernetes_version)

    @rule
    def _services_have_private_addresses(self) -> Iterator[Fault]:
        try:
            network = IPv4Network(self.service_cidr)
            fits = network.prefixlen in _SERVICE_SIZES
            fits = fits and any(network.subnet_of(block) for block in _SERVICE_BLOCKS)
        except ValueError:
            fits = False
        if not fits:
            limit = "must be a /12 to /24 of 10.0.0.0/8, 172.16.0.0/12 or 192.168.0.0/16"
            yield Fault(("service_cidr",), limit, self.service_cidr)

    @rule
    def _logs_are_kept_for_as_long_as_cloudwatch_offers(self) -> Iterator[Fault]:
        if self.log_days not in _RETENTIONS:
            limit = f"must be one of {', '.join(map(str, _RETENTIONS))}"
            yield Fault(("log_days",), limit, self.log_days)

    @rule
    def _key_is_a_key(self) -> Iterator[Fault]:
        if self.secrets_key is not None and not _KEY.fullmatch(self.secrets_key):
            yield Fault(("secrets_key",), "must be the ARN of a KMS key", self.secrets_key)

    @property
    def addon_versions(self) -> AddonVersions:
        """The given versions, or those that are pinned for this version of Kubernetes."""
        return self.addons or ADDON_VERSIONS[self.kubernetes_version]


@dataclass(frozen=True, kw_only=True)
class EksClusterArgs:
    """What the cluster is and which network it is in."""

    spec: EksClusterSpec
    vpc_id: pulumi.Input[str]
    subnet_ids: Sequence[pulumi.Input[str]]
    tags: Mapping[str, str] = field(default_factory=dict[str, str])


class EksCluster(pulumi.ComponentResource):
    """A control plane without nodes, for its named administrators and whoever makes it.

    The maker is one because pulumi-eks cannot leave it out (pulumi/pulumi-eks#2373), so it must
    not be among those that are named: EKS takes one entry for each principal.
    """

    cluster_name: pulumi.Output[str]
    kubeconfig: pulumi.Output[str]
    access: ClusterAccess

    def __init__(
        self, name: str, args: EksClusterArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("tfserving:index:EksCluster", name, {}, opts)
        spec = args.spec
        versions = spec.addon_versions
        child = pulumi.ResourceOptions(parent=self)

        # EKS would make this group itself, and leave it behind with all its logs.
        logs = aws.cloudwatch.LogGroup(
            f"{name}-logs",
            name=f"/aws/eks/{spec.name}/cluster",
            retention_in_days=spec.log_days,
            tags=args.tags,
            opts=child,
        )
        cluster = eks.Cluster(
            f"{name}-cluster",
            name=spec.name,
            version=spec.kubernetes_version,
            vpc_id=args.vpc_id,
            subnet_ids=args.subnet_ids,
            kubernetes_service_ip_address_range=spec.service_cidr,
            endpoint_private_access=spec.endpoint.private,
            endpoint_public_access=bool(spec.endpoint.public_cidrs),
            public_access_cidrs=spec.endpoint.public_cidrs or None,
            authentication_mode=eks.AuthenticationMode.API,
            access_entries={_entry_name(arn): _admin(arn) for arn in spec.admins},
            upgrade_policy={"support_type": "STANDARD"},
            bootstrap_self_managed_addons=False,
            skip_default_node_group=True,
            # Nodes use the security group that EKS itself makes for the cluster.
            skip_default_security_groups=True,
            create_oidc_provider=spec.oidc_provider,
            encryption_config_key_arn=spec.secrets_key or self._own_key(name, args),
            enabled_cluster_log_types=spec.logs,
            deletion_protection=spec.deletion_protection,
            vpc_cni_options={"addon_version": versions.vpc_cni, "enable_network_policy": True},
            kube_proxy_addon_options={"version": versions.kube_proxy},
            # It has to wait for nodes: see EksAddons.
            coredns_addon_options={"enabled": False},
            tags=args.tags,
            opts=pulumi.ResourceOptions(parent=self, depends_on=[logs]),
        )
        control_plane = cluster.eks_cluster
        aws.eks.Addon(
            f"{name}-pod-identity-agent",
            cluster_name=control_plane.name,
            addon_name="eks-pod-identity-agent",
            addon_version=versions.pod_identity_agent,
            tags=args.tags,
            opts=child,
        )

        self.cluster_name = control_plane.name
        self.kubeconfig = pulumi.Output.secret(cluster.kubeconfig_json)
        self.access = ClusterAccess(
            name=spec.name,
            service_cidr=spec.service_cidr,
            endpoint=control_plane.endpoint,
            certificate_authority=control_plane.certificate_authority.data,
            security_group_id=control_plane.vpc_config.cluster_security_group_id,
        )
        self.register_outputs({"cluster_name": self.cluster_name, "kubeconfig": self.kubeconfig})

    def _own_key(self, name: str, args: EksClusterArgs) -> pulumi.Output[str]:
        child = pulumi.ResourceOptions(parent=self)
        key = aws.kms.Key(
            f"{name}-secrets",
            description=f"Secrets of the EKS cluster {args.spec.name}",
            enable_key_rotation=True,
            tags=args.tags,
            opts=child,
        )
        aws.kms.Alias(
            f"{name}-secrets-alias",
            name=f"alias/eks/{args.spec.name}",
            target_key_id=key.key_id,
            opts=child,
        )
        return key.arn


def _entry_name(arn: str) -> str:
    # With the account, since two of them may have a role of one name.
    account, _, principal = arn.split("::")[1].partition(":")
    return f"{account}-{principal.replace('/', '-')}"


def _admin(arn: str) -> eks.AccessEntryArgs:
    return eks.AccessEntryArgs(
        principal_arn=arn,
        access_policies={
            "admin": eks.AccessPolicyAssociationArgs(
                policy_arn=_ADMIN_POLICY,
                access_scope=aws.eks.AccessPolicyAssociationAccessScopeArgs(type="cluster"),
            )
        },
    )
