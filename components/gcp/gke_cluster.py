"""A GKE cluster: its control plane, how it is reached, and what Google runs in it."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

import pulumi
import pulumi_gcp as gcp

from components.cidrs import unreadable_networks, world
from components.gcp.locations import location_faults, region_of, zones_of
from components.gcp.node_account import CLOUD_PLATFORM
from components.spec import Fault, Spec, rule

ReleaseChannel = Literal["RAPID", "REGULAR", "STABLE", "EXTENDED"]

# https://cloud.google.com/kubernetes-engine/docs/reference/rest/v1/projects.locations.clusters
_NAME = re.compile(r"[a-z]([a-z0-9-]{0,38}[a-z0-9])?")
# https://docs.cloud.google.com/kubernetes-engine/docs/how-to/authorized-networks#limitations
_MOST_NETWORKS = 100
# How many zones of a region have nodes, as GKE itself would have it.
# https://cloud.google.com/kubernetes-engine/docs/concepts/regional-clusters
_ZONES = 3


@dataclass(frozen=True, kw_only=True)
class EndpointSpec(Spec):
    """From where the Kubernetes API is reached.

    With `dns`, from everywhere, by whom IAM allows it; from these networks, by its address.
    """

    dns: bool = True
    authorized_networks: tuple[str, ...] = ()
    open_to_world: bool = False

    @rule
    def _networks_can_be_read(self) -> Iterator[Fault]:
        yield from unreadable_networks("authorized_networks", self.authorized_networks)

    @rule
    def _networks_are_not_too_many(self) -> Iterator[Fault]:
        if (given := len(self.authorized_networks)) > _MOST_NETWORKS:
            limit = f"must be at most {_MOST_NETWORKS} networks"
            yield Fault(("authorized_networks",), limit, given)

    @rule
    def _api_can_be_reached(self) -> Iterator[Fault]:
        if not self.dns and not self.authorized_networks:
            yield Fault(("dns",), "must be true when authorized_networks is empty", self.dns)

    @rule
    def _world_stays_out(self) -> Iterator[Fault]:
        if not self.open_to_world:
            yield from world("authorized_networks", self.authorized_networks)


@dataclass(frozen=True, kw_only=True)
class GkeClusterSpec(Spec):
    """A control plane in a zone, or in every zone of a region, and the zones of its nodes.

    GKE chooses the version and upgrades it, as the release channel has it.
    """

    name: str
    location: str
    zones: tuple[str, ...] = ()
    release_channel: ReleaseChannel = "REGULAR"
    endpoint: EndpointSpec = field(default_factory=EndpointSpec)
    deletion_protection: bool = False

    @rule
    def _name_is_accepted(self) -> Iterator[Fault]:
        if not _NAME.fullmatch(self.name):
            limit = "must be 1 to 40 lower-case letters, digits and hyphens, first a letter, no "
            limit += "hyphen at the end"
            yield Fault(("name",), limit, self.name)

    @rule
    def _location_is_known(self) -> Iterator[Fault]:
        yield from location_faults(("location",), self.location)

    @rule
    def _zones_are_different_and_of_the_region(self) -> Iterator[Fault]:
        known = zones_of(self.region)
        for number, zone in enumerate(self.zones):
            if known and zone not in known:
                limit = f"must be a zone of {self.region}: {', '.join(known)}"
                yield Fault(("zones", number), limit, zone)
        if len(set(self.zones)) < len(self.zones):
            yield Fault(("zones",), "must be different", self.zones)

    @property
    def region(self) -> str:
        """The region that the cluster is in."""
        return region_of(self.location)

    @property
    def node_zones(self) -> tuple[str, ...]:
        """The zones of nodes: the given ones, the zone's own, or the first three of the region."""
        return self.zones or zones_of(self.location)[:_ZONES]


@dataclass(frozen=True, kw_only=True)
class GkeClusterArgs:
    """What the cluster is, whose, which network it is in, and its labels.

    The nodes that GKE cannot make a cluster without are gone before anything runs on them; with
    `service_account` they are not Compute Engine's default one either, which may do too much.
    """

    spec: GkeClusterSpec
    project: str
    network: pulumi.Input[str]
    subnetwork: pulumi.Input[str]
    pods_range: pulumi.Input[str]
    services_range: pulumi.Input[str]
    labels: Mapping[str, str] = field(default_factory=dict[str, str])
    service_account: pulumi.Input[str] | None = None


class GkeCluster(pulumi.ComponentResource):
    """A control plane without nodes, whose nodes have no public addresses.

    NetworkPolicies are enforced, pods are who their Kubernetes service account is, Gateways and
    PodMonitorings are understood.
    """

    cluster_name: pulumi.Output[str]
    kubeconfig: pulumi.Output[str]

    def __init__(
        self, name: str, args: GkeClusterArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("tfserving:index:GkeCluster", name, {}, opts)
        spec = args.spec
        networks = spec.endpoint.authorized_networks

        cluster = gcp.container.Cluster(
            f"{name}-cluster",
            name=spec.name,
            project=args.project,
            location=spec.location,
            # Of a zonal cluster they are the others: its own zone goes without saying.
            node_locations=[zone for zone in spec.node_zones if zone != spec.location] or None,
            release_channel={"channel": spec.release_channel},
            # Pools come and go by themselves; GKE makes no cluster without a first one.
            remove_default_node_pool=True,
            initial_node_count=1,
            node_config=None
            if args.service_account is None
            else {"service_account": args.service_account, "oauth_scopes": [CLOUD_PLATFORM]},
            network=args.network,
            subnetwork=args.subnetwork,
            networking_mode="VPC_NATIVE",
            ip_allocation_policy={
                "cluster_secondary_range_name": args.pods_range,
                "services_secondary_range_name": args.services_range,
            },
            datapath_provider="ADVANCED_DATAPATH",
            private_cluster_config={"enable_private_nodes": True},
            # https://cloud.google.com/kubernetes-engine/docs/concepts/network-isolation
            control_plane_endpoints_config={
                "dns_endpoint_config": {"allow_external_traffic": spec.endpoint.dns},
                "ip_endpoints_config": {"enabled": bool(networks)},
            },
            master_authorized_networks_config={
                "cidr_blocks": [{"cidr_block": each} for each in networks],
                "gcp_public_cidrs_access_enabled": False,
            }
            if networks
            else None,
            master_auth={"client_certificate_config": {"issue_client_certificate": False}},
            enable_shielded_nodes=True,
            workload_identity_config={"workload_pool": f"{args.project}.svc.id.goog"},
            gateway_api_config={"channel": "CHANNEL_STANDARD"},
            addons_config={
                "http_load_balancing": {"disabled": False},
                "dns_cache_config": {"enabled": False},
            },
            logging_config={"enable_components": ["SYSTEM_COMPONENTS", "WORKLOADS"]},
            # What workloads measure is for managed Prometheus: WORKLOADS is no more.
            monitoring_config={
                "enable_components": ["SYSTEM_COMPONENTS"],
                "managed_prometheus": {"enabled": True},
            },
            cost_management_config={"enabled": True},
            resource_labels=args.labels,
            deletion_protection=spec.deletion_protection,
            opts=pulumi.ResourceOptions(
                parent=self,
                # It is of the first pool, which is no more: any difference would be a new cluster.
                # https://github.com/hashicorp/terraform-provider-google/issues/17511
                ignore_changes=["nodeConfig"],
            ),
        )

        if spec.endpoint.dns:
            dns = cluster.control_plane_endpoints_config.dns_endpoint_config
            known = pulumi.Output.all(cluster.name, dns.endpoint)
        else:
            authority = cluster.master_auth.cluster_ca_certificate
            known = pulumi.Output.all(cluster.name, cluster.endpoint, authority)

        self.cluster_name = cluster.name
        self.kubeconfig = pulumi.Output.secret(known.apply(lambda known: kubeconfig(*known)))
        self.register_outputs({"cluster_name": self.cluster_name, "kubeconfig": self.kubeconfig})


def kubeconfig(cluster: str, endpoint: str, certificate_authority: str | None = None) -> str:
    """Return what kubectl and Pulumi use a cluster with: who they are is gcloud's to say.

    A DNS endpoint has a certificate that everyone trusts; an address has one of the cluster's own.
    """
    # https://cloud.google.com/kubernetes-engine/docs/how-to/cluster-access-for-kubectl
    plugin = {
        "apiVersion": "client.authentication.k8s.io/v1beta1",
        "command": "gke-gcloud-auth-plugin",
        "installHint": "gcloud components install gke-gcloud-auth-plugin",
        "provideClusterInfo": True,
    }
    server = {"server": f"https://{endpoint}"}
    if certificate_authority is not None:
        server["certificate-authority-data"] = certificate_authority
    return json.dumps(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": cluster, "cluster": server}],
            "users": [{"name": cluster, "user": {"exec": plugin}}],
            "contexts": [{"name": cluster, "context": {"cluster": cluster, "user": cluster}}],
            "current-context": cluster,
        }
    )
