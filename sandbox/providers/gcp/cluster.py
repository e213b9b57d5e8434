"""The row of GKE's clusters: the control plane is the sandbox's own."""

from collections.abc import Iterator
from urllib.parse import urlsplit

from sandbox.providers.checks import (
    between,
    cidr,
    exclusive,
    found,
    matches,
    one_of,
)
from sandbox.providers.control_plane import ControlPlane
from sandbox.providers.gcp.checks import PLACES, ZONE, labels, location, one_of_enum
from sandbox.providers.gcp.iam import PROJECT_ID
from sandbox.providers.gcp.node_config import node_config, replacing
from sandbox.providers.gcp.project import API, Project
from sandbox.providers.gcp.resource_type import ResourceType, kept, path
from sandbox.providers.plugin import Failure
from sandbox.providers.resource_type import Inputs, Outputs
from sandbox.providers.values import UNKNOWN, nested

_DOCS = "https://www.pulumi.com/registry/packages/gcp/api-docs/container/cluster/"
_API = (
    "https://cloud.google.com/kubernetes-engine/docs/reference/rest/v1/projects.locations.clusters"
)
_RANGES = "https://cloud.google.com/kubernetes-engine/docs/concepts/alias-ips"
_IDENTITY = "https://cloud.google.com/kubernetes-engine/docs/how-to/workload-identity"
_POLICIES = "https://cloud.google.com/kubernetes-engine/docs/how-to/network-policy"

NAME = r"[a-z]([-a-z0-9]{0,38}[a-z0-9])?"
"""Of clusters and of pools."""


def _cluster(project: Project, _identifier: str, inputs: Inputs) -> Outputs:
    plane = ControlPlane.of_stack(project.stack)
    host = urlsplit(plane.server).netloc
    place = project.location_of(inputs)
    name = f"projects/{project.of(inputs)}/locations/{place}/clusters/{inputs['name']}"
    endpoints = nested(inputs, "controlPlaneEndpointsConfig")
    dns = nested(endpoints, "dnsEndpointConfig")
    return {
        "location": place,
        "endpoint": host,
        "controlPlaneEndpointsConfig": {
            **endpoints,
            "dnsEndpointConfig": {**dns, "endpoint": host},
        },
        "masterAuth": {**nested(inputs, "masterAuth"), "clusterCaCertificate": plane.authority},
        "selfLink": f"{API}/container/v1/{name}",
        "effectiveLabels": nested(inputs, "resourceLabels"),
    }


def _stays(inputs: Inputs) -> str:
    if inputs.get("deletionProtection") is not False:
        return "deletionProtection is true: set it to false and deploy that first"
    return kept(inputs)


def _first_pool_is_made_to_be_removed(inputs: Inputs) -> Iterator[Failure]:
    count, given = inputs.get("initialNodeCount"), inputs.get("nodePools")
    if count is None and not given and not inputs.get("enableAutopilot"):
        yield Failure("initialNodeCount", f"is required where there are no nodePools ({_API})")
    if count != UNKNOWN and inputs.get("removeDefaultNodePool") and not given and count == 0:
        limit = "must be at least 1, though removeDefaultNodePool removes it, got 0"
        yield Failure("initialNodeCount", f"{limit} ({_DOCS})")


def _zones_are_others_of_the_region(inputs: Inputs) -> Iterator[Failure]:
    place = inputs.get("location", UNKNOWN)
    if place == UNKNOWN:
        return
    region = "-".join(str(place).split("-")[:2])
    for at, zone in found(inputs, "nodeLocations.*"):
        if not str(zone).startswith(f"{region}-"):
            yield Failure(at, f"must be in {region}, got {zone!r} ({_API})")
        if zone == place:
            yield Failure(at, f"must not be the cluster's own zone, got {zone!r} ({_DOCS})")


def _dataplane_enforces_by_itself(inputs: Inputs) -> Iterator[Failure]:
    if inputs.get("datapathProvider") != "ADVANCED_DATAPATH":
        return
    for at, enabled in found(inputs, "networkPolicy.enabled"):
        if enabled:
            yield Failure(at, f"not with ADVANCED_DATAPATH ({_POLICIES})")
    if inputs.get("networkingMode") == "ROUTES":
        yield Failure("networkingMode", f"ADVANCED_DATAPATH needs VPC_NATIVE ({_RANGES})")


def _addresses_are_of_a_native_network(inputs: Inputs) -> Iterator[Failure]:
    if inputs.get("networkingMode") == "ROUTES" and inputs.get("ipAllocationPolicy") is not None:
        yield Failure("ipAllocationPolicy", f"only with VPC_NATIVE ({_RANGES})")


ROWS = (
    ResourceType(
        token="gcp:container/cluster:Cluster",
        docs=_DOCS,
        identify=path("projects/{project}/locations/{location}/clusters/{name}"),
        named_by="name",
        computed=_cluster,
        replaces=(
            "name",
            "project",
            "location",
            "description",
            "network",
            "subnetwork",
            "networkingMode",
            "datapathProvider",
            "clusterIpv4Cidr",
            "defaultMaxPodsPerNode",
            "enableAutopilot",
            "enableKubernetesAlpha",
            "enableMultiNetworking",
            "enableTpu",
            "initialNodeCount",
            "nodePools",
            "ipAllocationPolicy.clusterSecondaryRangeName",
            "ipAllocationPolicy.servicesSecondaryRangeName",
            "ipAllocationPolicy.clusterIpv4CidrBlock",
            "ipAllocationPolicy.servicesIpv4CidrBlock",
            "ipAllocationPolicy.stackType",
            "masterAuth.clientCertificateConfig",
            "privateClusterConfig.masterIpv4CidrBlock",
            "privateClusterConfig.privateEndpointSubnetwork",
            "confidentialNodes",
            *replacing("nodeConfig"),
        ),
        checks=(
            matches("name", NAME, _API),
            location("location"),
            matches("nodeLocations.*", ZONE, PLACES),
            _zones_are_others_of_the_region,
            _first_pool_is_made_to_be_removed,
            between("initialNodeCount", 0, 1000, _API),
            between("defaultMaxPodsPerNode", 8, 256, _RANGES),
            matches("minMasterVersion", r"latest|1\.\d+(\.\d+)?(-gke\.\d+)?", _API),
            one_of("networkingMode", ("VPC_NATIVE", "ROUTES"), _DOCS),
            one_of_enum("releaseChannel.channel", "ReleaseChannel", "channel"),
            one_of_enum("datapathProvider", "NetworkConfig", "datapath_provider"),
            one_of_enum("gatewayApiConfig.channel", "GatewayAPIConfig", "channel"),
            one_of_enum("databaseEncryption.state", "DatabaseEncryption", "state"),
            one_of_enum("dnsConfig.clusterDns", "DNSConfig", "cluster_dns"),
            one_of_enum("dnsConfig.clusterDnsScope", "DNSConfig", "cluster_dns_scope"),
            one_of_enum("securityPostureConfig.mode", "SecurityPostureConfig", "mode"),
            one_of_enum("podAutoscaling.hpaProfile", "PodAutoscaling", "hpa_profile"),
            one_of_enum("networkPolicy.provider", "NetworkPolicy", "provider"),
            one_of_enum(
                "clusterAutoscaling.autoscalingProfile", "ClusterAutoscaling", "autoscaling_profile"
            ),
            one_of_enum(
                "loggingConfig.enableComponents.*", "LoggingComponentConfig", "enable_components"
            ),
            one_of_enum(
                "monitoringConfig.enableComponents.*",
                "MonitoringComponentConfig",
                "enable_components",
            ),
            one_of_enum(
                "monitoringConfig.managedPrometheus.autoMonitoringConfig.scope",
                "AutoMonitoringConfig",
                "scope",
            ),
            exclusive(
                "clusterSecondaryRangeName", "clusterIpv4CidrBlock", within="ipAllocationPolicy"
            ),
            exclusive(
                "servicesSecondaryRangeName", "servicesIpv4CidrBlock", within="ipAllocationPolicy"
            ),
            cidr("clusterIpv4Cidr", 8, 28, _RANGES),
            cidr("privateClusterConfig.masterIpv4CidrBlock", 28, 28, _API),
            cidr("masterAuthorizedNetworksConfig.cidrBlocks.*.cidrBlock", 0, 32, _API),
            matches(
                "workloadIdentityConfig.workloadPool", rf"{PROJECT_ID}\.svc\.id\.goog", _IDENTITY
            ),
            labels("resourceLabels"),
            _dataplane_enforces_by_itself,
            _addresses_are_of_a_native_network,
            *node_config("nodeConfig"),
        ),
        stays=_stays,
    ),
)
