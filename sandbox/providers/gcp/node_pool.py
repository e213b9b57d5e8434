"""The row of GKE's node pools: held, since nodes are made of them."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from components.gcp.locations import is_zone, zones_of
from sandbox.errors import SandboxError
from sandbox.gke.node_pools import NodePool, NodePools
from sandbox.layout import Layout
from sandbox.providers.checks import any_of, between, exclusive, found, matches, ordered
from sandbox.providers.gcp.checks import location, node_locations, range_or_size
from sandbox.providers.gcp.cluster import NAME, VERSION, clusters_of
from sandbox.providers.gcp.messages import message
from sandbox.providers.gcp.node_config import node_config, replacing
from sandbox.providers.gcp.project import API, Project
from sandbox.providers.gcp.resource_type import ResourceType, kept, path
from sandbox.providers.plugin import Failure
from sandbox.providers.resource_type import Inputs, Outputs
from sandbox.providers.values import UNKNOWN

_DOCS = "https://www.pulumi.com/registry/packages/gcp/api-docs/container/nodepool/"
_API = (
    "https://cloud.google.com/kubernetes-engine/docs/reference/rest/v1/"
    "projects.locations.clusters.nodePools"
)
_UPGRADES = "https://cloud.google.com/kubernetes-engine/docs/concepts/node-pool-upgrade-strategies"
_MOST_AT_ONCE = 20
_ROLLOUT = "upgradeSettings.blueGreenSettings.standardRolloutPolicy"
_PER_ZONE = ("minNodeCount", "maxNodeCount")
_IN_TOTAL = ("totalMinNodeCount", "totalMaxNodeCount")
_MOST_NODES = 1000  # https://cloud.google.com/kubernetes-engine/quotas, of a zone
_MOST_IN_ALL = 15_000


class Pools:
    """Pools, in the files from which the sandbox makes their nodes."""

    def create(self, project: Project, inputs: Inputs, owner: str) -> str:
        """Make it, with its first nodes in each of its zones: its own, or its cluster's."""
        path = _cluster(project, inputs)
        cluster = clusters_of(project).read(path)
        if cluster is None:
            raise SandboxError(f"Error 404: Not found: {path}.")
        name = inputs.get("name") or f"{inputs['namePrefix']}{owner[:9]}"
        zones = inputs.get("nodeLocations") or _zones_of_cluster(path.split("/")[3], cluster)
        _pools(project).create(name, owner, _with_defaults(inputs, cluster), zones)
        return f"{path}/nodePools/{name}"

    def find(self, project: Project, owner: str) -> list[str]:
        """Find it by its owner."""
        pools = _pools(project)
        made = [pool for name in pools.find(owner) if (pool := pools.read(name))]
        return [f"{_cluster(project, pool.inputs)}/nodePools/{pool.name}" for pool in made]

    def read(self, project: Project, identifier: str) -> Outputs | None:
        """Read what it is to be, with the groups that its instances are in."""
        pool = _pools(project).read(identifier.rpartition("/")[2])
        if pool is None:
            return None
        # What an autoscaler made of its size is no drift where the program does not look at it.
        held = dict(pool.inputs)
        if "nodeCount" in held and not held.get("ignoreNodeCountChanges"):
            held["nodeCount"] = max(pool.zones.values())
        groups = _groups(project, pool)
        groups_of_it = {"managedInstanceGroupUrls": groups, "instanceGroupUrls": groups}
        return {**held, "name": pool.name, **groups_of_it}

    def update(self, project: Project, identifier: str, old: Inputs, new: Inputs) -> None:
        """Give it new inputs."""
        cluster = clusters_of(project).read(_cluster(project, new)) or {}
        _pools(project).update(identifier.rpartition("/")[2], _with_defaults(new, cluster))

    def delete(self, project: Project, identifier: str) -> None:
        """Remove it, with all its nodes."""
        _pools(project).delete(identifier.rpartition("/")[2])


def _pools(project: Project) -> NodePools:
    return NodePools(Layout.of_this_process(), project.stack)


def _cluster(project: Project, inputs: Mapping[str, Any]) -> str:
    """Return the path of a pool's cluster, which may be given by its name alone."""
    if "/" in inputs["cluster"]:
        return inputs["cluster"]
    place = f"projects/{project.of(inputs)}/locations/{project.location_of(inputs)}"
    return f"{place}/clusters/{inputs['cluster']}"


def _zones_of_cluster(place: str, cluster: Inputs) -> Sequence[str]:
    given: Sequence[str] = cluster.get("nodeLocations") or ()
    if is_zone(place):
        return [place, *given]  # its own zone goes without saying
    return given or zones_of(place)[:3]


def _with_defaults(inputs: Inputs, cluster: Inputs) -> Inputs:
    """Return a pool's inputs with what its cluster says where they say nothing."""
    pods = inputs.get("maxPodsPerNode") or cluster.get("defaultMaxPodsPerNode")
    return {**inputs, "maxPodsPerNode": pods} if pods else inputs


def _groups(project: Project, pool: NodePool) -> list[str]:
    zones = f"{API}/compute/v1/projects/{project.of(pool.inputs)}/zones"
    return [f"{zones}/{zone}/instanceGroupManagers/{pool.group(zone)}" for zone in pool.zones]


def _limits_are_of_zones_or_of_all(inputs: Inputs) -> Iterator[Failure]:
    for at, autoscaling in found(inputs, "autoscaling"):
        given = [name for name in (*_PER_ZONE, *_IN_TOTAL) if autoscaling.get(name)]  # none is 0
        if set(given) & set(_PER_ZONE) and set(given) & set(_IN_TOTAL):
            limit = f"limits of each zone and of all cannot be together, got {', '.join(given)}"
            yield Failure(at, f"{limit} ({_DOCS})")


def _an_upgrade_goes_on(inputs: Inputs) -> Iterator[Failure]:
    for at, settings in found(inputs, "upgradeSettings"):
        in_turn = settings.get("strategy", "SURGE") == "SURGE"
        given = [settings.get("maxSurge"), settings.get("maxUnavailable")]
        if in_turn and settings.get("blueGreenSettings") is not None:
            yield Failure(f"{at}.blueGreenSettings", f"not with strategy SURGE ({_UPGRADES})")
        if given == [None, None] or UNKNOWN in given:
            continue
        surge, gone = (each or 0 for each in given)
        if not in_turn:
            yield Failure(f"{at}.maxSurge", f"only with strategy SURGE ({_UPGRADES})")
        elif min(surge, gone) < 0 or not 1 <= surge + gone <= _MOST_AT_ONCE:
            limit = f"must be 1 to {_MOST_AT_ONCE} with maxUnavailable, got {surge} and {gone}"
            yield Failure(f"{at}.maxSurge", f"{limit} ({_UPGRADES})")


ROWS = (
    ResourceType(
        token="gcp:container/nodePool:NodePool",
        docs=_DOCS,
        identify=path(
            "projects/{project}/locations/{location}/clusters/{cluster}/nodePools/{name}"
        ),
        named_by="name",
        replaces=(
            "name",
            "namePrefix",
            "project",
            "cluster",
            "location",
            "initialNodeCount",
            "maxPodsPerNode",
            "placementPolicy",
            "queuedProvisioning",
            "networkConfig.additionalNodeNetworkConfigs",
            "networkConfig.additionalPodNetworkConfigs",
            "networkConfig.createPodRange",
            "networkConfig.podCidrOverprovisionConfig",
            "networkConfig.subnetwork",
            "networkConfig.podRange",
            "networkConfig.podIpv4CidrBlock",
            *replacing("nodeConfig"),
        ),
        checks=(
            matches("name", NAME, _API),
            matches("namePrefix", r"[a-z][-a-z0-9]{0,30}", _DOCS),
            exclusive("name", "namePrefix"),
            matches("cluster", rf"(projects/[^/]+/locations/[^/]+/clusters/)?{NAME}", _DOCS),
            matches("version", VERSION, _API),
            message("NodePool"),
            location("location"),
            node_locations,
            exclusive("nodeCount", "autoscaling"),
            exclusive("nodeCount", "initialNodeCount"),
            between("nodeCount", 0, _MOST_NODES, _API),
            between("initialNodeCount", 0, _MOST_NODES, _API),
            between("maxPodsPerNode", 8, 256, _API),
            _limits_are_of_zones_or_of_all,
            any_of("maxNodeCount", "totalMaxNodeCount", within="autoscaling"),
            between("autoscaling.minNodeCount", 0, _MOST_NODES, _API),
            between("autoscaling.maxNodeCount", 0, _MOST_NODES, _API),
            between("autoscaling.totalMinNodeCount", 0, _MOST_IN_ALL, _API),
            between("autoscaling.totalMaxNodeCount", 0, _MOST_IN_ALL, _API),
            ordered("autoscaling.minNodeCount", "autoscaling.maxNodeCount"),
            ordered("autoscaling.totalMinNodeCount", "autoscaling.totalMaxNodeCount"),
            range_or_size("networkConfig.podIpv4CidrBlock", 8, 28, _API),
            between(f"{_ROLLOUT}.batchPercentage", 0, 1, _UPGRADES),
            between(f"{_ROLLOUT}.batchNodeCount", 0, _MOST_NODES, _UPGRADES),
            exclusive("batchPercentage", "batchNodeCount", within=_ROLLOUT),
            _an_upgrade_goes_on,
            *node_config("nodeConfig"),
        ),
        operations=Pools(),
        stays=kept,
    ),
)
