"""The row of GKE's clusters: the control plane is the sandbox's own."""

from collections.abc import Iterator, Sequence
from urllib.parse import urlsplit

from sandbox.gke.clusters import Clusters
from sandbox.layout import Layout
from sandbox.providers.checks import between, cidr, exclusive, found, matches, one_of
from sandbox.providers.control_plane import ControlPlane
from sandbox.providers.gcp import checks
from sandbox.providers.gcp.checks import (
    NAMES,
    labels,
    location,
    node_locations,
    range_or_size,
)
from sandbox.providers.gcp.iam import PROJECT_ID
from sandbox.providers.gcp.messages import message
from sandbox.providers.gcp.node_config import node_config, read_only_port, replacing
from sandbox.providers.gcp.project import API, Project
from sandbox.providers.gcp.resource_type import ResourceType, kept, path
from sandbox.providers.plugin import Failure
from sandbox.providers.resource_type import Inputs, Outputs
from sandbox.providers.values import UNKNOWN, contains_unknown, nested

_DOCS = "https://www.pulumi.com/registry/packages/gcp/api-docs/container/cluster/"
_API = (
    "https://cloud.google.com/kubernetes-engine/docs/reference/rest/v1/projects.locations.clusters"
)
_RANGES = "https://cloud.google.com/kubernetes-engine/docs/concepts/alias-ips"
_IDENTITY = "https://cloud.google.com/kubernetes-engine/docs/how-to/workload-identity"
_POLICIES = "https://cloud.google.com/kubernetes-engine/docs/how-to/network-policy"
_PROVISIONING = (
    "https://cloud.google.com/kubernetes-engine/docs/how-to/node-auto-provisioning#enable"
)
_ONLY_POOLS = "nodes of the sandbox are of gcp.container.NodePool alone"

_PATH = rf"(.+/)?{checks.NAME}"

NAME = r"[a-z]([-a-z0-9]{0,38}[a-z0-9])?"
"""Of clusters and of pools."""

VERSION = r"-|latest|1\.\d+(\.\d+(-gke\.\d+)?)?"
"""Of a control plane and of nodes, or GKE's choice of one."""


class Kept:
    """Clusters, in the files in which their pools find them."""

    def create(self, project: Project, inputs: Inputs, owner: str) -> str:
        """Keep it."""
        identifier = _IDENTIFY(project, owner, inputs)
        clusters_of(project).create(identifier, owner, inputs)
        return identifier

    def find(self, project: Project, owner: str) -> Sequence[str]:
        """Find it by its owner."""
        return clusters_of(project).find(owner)

    def read(self, project: Project, identifier: str) -> Outputs | None:
        """Tell whether it is there: what it has is what it was given."""
        return None if clusters_of(project).read(identifier) is None else {}

    def update(self, project: Project, identifier: str, old: Inputs, new: Inputs) -> None:
        """Give it new inputs."""
        clusters_of(project).update(identifier, new)

    def delete(self, project: Project, identifier: str) -> None:
        """Forget it."""
        clusters_of(project).delete(identifier)


_IDENTIFY = path("projects/{project}/locations/{location}/clusters/{name}")


def clusters_of(project: Project) -> Clusters:
    """Return the clusters of a project's stack."""
    return Clusters(Layout.of_this_process(), project.stack)


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
    count = inputs.get("initialNodeCount")
    if count is None:
        yield Failure("initialNodeCount", f"is required where there are no nodePools ({_API})")
    if count == 0:
        limit = "must be at least 1, though removeDefaultNodePool removes it, got 0"
        yield Failure("initialNodeCount", f"{limit} ({_DOCS})")


def _nodes_are_of_pools_of_their_own(inputs: Inputs) -> Iterator[Failure]:
    removed, autopilot = inputs.get("removeDefaultNodePool"), inputs.get("enableAutopilot")
    if removed not in (True, UNKNOWN):
        yield Failure("removeDefaultNodePool", f"must be true, got {removed}: {_ONLY_POOLS}")
    if autopilot not in (None, False, UNKNOWN):
        yield Failure("enableAutopilot", f"must not be true: {_ONLY_POOLS}")
    if inputs.get("nodePools"):
        yield Failure("nodePools", f"must not be given: {_ONLY_POOLS}")


def _own_zone_is_not_named(inputs: Inputs) -> Iterator[Failure]:
    for at, zone in found(inputs, "nodeLocations.*"):
        if zone == inputs.get("location"):
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


def _pods_are_who_the_own_project_says(inputs: Inputs) -> Iterator[Failure]:
    project = inputs.get("project", UNKNOWN)
    for at, pool in found(inputs, "workloadIdentityConfig.workloadPool"):
        if project != UNKNOWN and pool != f"{project}.svc.id.goog":
            yield Failure(at, f"must be {project}.svc.id.goog, got {pool!r} ({_IDENTITY})")


def _what_is_enabled_has_what_it_needs(inputs: Inputs) -> Iterator[Failure]:
    for at, encryption in found(inputs, "databaseEncryption"):
        if encryption.get("state") == "ENCRYPTED" and not encryption.get("keyName"):
            yield Failure(f"{at}.keyName", f"is required with state ENCRYPTED ({_DOCS})")
    for at, pubsub in found(inputs, "notificationConfig.pubsub"):
        if pubsub.get("enabled") is True and not pubsub.get("topic"):
            yield Failure(f"{at}.topic", f"is required where pubsub is enabled ({_DOCS})")


def _provisioning_has_limits(inputs: Inputs) -> Iterator[Failure]:
    for at, limit in found(inputs, "clusterAutoscaling.resourceLimits.*"):
        least, most = limit.get("minimum") or 0, limit.get("maximum")
        if UNKNOWN not in (least, most) and not 0 <= least <= most:
            limits = f"must be 0 to maximum, {most}, got {least}"
            yield Failure(f"{at}.minimum", f"{limits} ({_PROVISIONING})")
    for at, given in found(inputs, "clusterAutoscaling"):
        limited = {kind for _, kind in found(given, "resourceLimits.*.resourceType")}
        lacking = {"cpu", "memory"} - limited
        if given.get("enabled") is True and lacking and not contains_unknown(given):
            needed = f"must limit {' and '.join(sorted(lacking))}"
            yield Failure(f"{at}.resourceLimits", f"{needed} ({_PROVISIONING})")


ROWS = (
    ResourceType(
        token="gcp:container/cluster:Cluster",
        docs=_DOCS,
        identify=_IDENTIFY,
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
            node_locations,
            _own_zone_is_not_named,
            _first_pool_is_made_to_be_removed,
            _nodes_are_of_pools_of_their_own,
            between("initialNodeCount", 0, 1000, _API),
            between("defaultMaxPodsPerNode", 8, 256, _RANGES),
            matches("minMasterVersion", VERSION, _API),
            matches("nodeVersion", VERSION, _API),
            message("Cluster"),
            matches("network", _PATH, NAMES),
            matches("subnetwork", _PATH, NAMES),
            one_of("networkingMode", ("VPC_NATIVE", "ROUTES"), _DOCS),
            matches("loggingService", r"logging\.googleapis\.com(/kubernetes)?|none", _DOCS),
            matches("monitoringService", r"monitoring\.googleapis\.com(/kubernetes)?|none", _DOCS),
            exclusive("clusterIpv4Cidr", "ipAllocationPolicy"),
            exclusive(
                "dailyMaintenanceWindow",
                "recurringWindow",
                "recurringMaintenanceWindow",
                within="maintenancePolicy",
            ),
            exclusive(
                "masterIpv4CidrBlock", "privateEndpointSubnetwork", within="privateClusterConfig"
            ),
            matches(
                "maintenancePolicy.dailyMaintenanceWindow.startTime",
                r"([01]\d|2[0-3]):[0-5]\d",
                _DOCS,
            ),
            matches("notificationConfig.pubsub.topic", r"projects/[^/]+/topics/[^/]+", _DOCS),
            between("clusterAutoscaling.resourceLimits.*.maximum", 1, 2**63 - 1, _PROVISIONING),
            read_only_port("nodePoolDefaults.nodeConfigDefaults"),
            read_only_port("nodePoolAutoConfig.nodeKubeletConfig"),
            exclusive(
                "clusterSecondaryRangeName", "clusterIpv4CidrBlock", within="ipAllocationPolicy"
            ),
            exclusive(
                "servicesSecondaryRangeName", "servicesIpv4CidrBlock", within="ipAllocationPolicy"
            ),
            cidr("clusterIpv4Cidr", 8, 28, _RANGES),
            range_or_size("ipAllocationPolicy.clusterIpv4CidrBlock", 8, 28, _RANGES),
            range_or_size("ipAllocationPolicy.servicesIpv4CidrBlock", 8, 28, _RANGES),
            cidr("privateClusterConfig.masterIpv4CidrBlock", 28, 28, _API),
            cidr("masterAuthorizedNetworksConfig.cidrBlocks.*.cidrBlock", 0, 32, _API, ipv6=True),
            matches(
                "workloadIdentityConfig.workloadPool", rf"{PROJECT_ID}\.svc\.id\.goog", _IDENTITY
            ),
            labels("resourceLabels"),
            _dataplane_enforces_by_itself,
            _addresses_are_of_a_native_network,
            _pods_are_who_the_own_project_says,
            _what_is_enabled_has_what_it_needs,
            _provisioning_has_limits,
            *node_config("nodeConfig"),
        ),
        operations=Kept(),
        stays=_stays,
    ),
)
