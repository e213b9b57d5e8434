"""The row of GKE's node pools: held, since nodes are made of them."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from components.gcp.locations import zones_of
from sandbox.gke.node_pools import NodePool, NodePools
from sandbox.layout import Layout
from sandbox.providers.checks import any_of, between, exclusive, found, matches, ordered
from sandbox.providers.gcp.checks import PLACES, ZONE, location, one_of_enum
from sandbox.providers.gcp.cluster import NAME
from sandbox.providers.gcp.node_config import node_config, replacing
from sandbox.providers.gcp.project import API, Project
from sandbox.providers.gcp.resource_type import ResourceType, kept, path
from sandbox.providers.plugin import Failure, Refused
from sandbox.providers.resource_type import Inputs, Outputs
from sandbox.providers.values import UNKNOWN

_DOCS = "https://www.pulumi.com/registry/packages/gcp/api-docs/container/nodepool/"
_API = (
    "https://cloud.google.com/kubernetes-engine/docs/reference/rest/v1/"
    "projects.locations.clusters.nodePools"
)
_UPGRADES = "https://cloud.google.com/kubernetes-engine/docs/concepts/node-pool-upgrade-strategies"
_MOST_AT_ONCE = 20
_PER_ZONE = ("minNodeCount", "maxNodeCount")
_IN_TOTAL = ("totalMinNodeCount", "totalMaxNodeCount")
_MOST_NODES = 1000  # https://cloud.google.com/kubernetes-engine/quotas, of a zone
_MOST_IN_ALL = 15_000


class Pools:
    """Pools, in the files from which the sandbox makes their nodes."""

    def create(self, project: Project, inputs: Inputs, owner: str) -> str:
        """Make it, with its first nodes in each of its zones."""
        place = project.location_of(inputs)
        zones: Sequence[str] = inputs.get("nodeLocations") or zones_of(place)[:3]
        if not zones:
            raise Refused(f"node pool {inputs['name']}: {place} has no zones; give nodeLocations")
        _pools(project).create(inputs["name"], owner, inputs, zones)
        return _identifier(project, inputs, inputs["name"])

    def find(self, project: Project, owner: str) -> list[str]:
        """Find it by its owner."""
        pools = _pools(project)
        made = [pool for name in pools.find(owner) if (pool := pools.read(name))]
        return [_identifier(project, pool.inputs, pool.name) for pool in made]

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
        return {**held, "managedInstanceGroupUrls": groups, "instanceGroupUrls": groups}

    def update(self, project: Project, identifier: str, old: Inputs, new: Inputs) -> None:
        """Give it new inputs."""
        _pools(project).update(identifier.rpartition("/")[2], new)

    def delete(self, project: Project, identifier: str) -> None:
        """Remove it, with all its nodes."""
        _pools(project).delete(identifier.rpartition("/")[2])


def _pools(project: Project) -> NodePools:
    return NodePools(Layout.of_this_process(), project.stack)


def _identifier(project: Project, inputs: Mapping[str, Any], name: str) -> str:
    # A cluster may be given by its whole path.
    cluster = str(inputs["cluster"]).rpartition("/")[2]
    place = f"projects/{project.of(inputs)}/locations/{project.location_of(inputs)}"
    return f"{place}/clusters/{cluster}/nodePools/{name}"


def _groups(project: Project, pool: NodePool) -> list[str]:
    zones = f"{API}/compute/v1/projects/{project.of(pool.inputs)}/zones"
    return [f"{zones}/{zone}/instanceGroupManagers/{pool.group(zone)}" for zone in pool.zones]


def _limits_are_of_zones_or_of_all(inputs: Inputs) -> Iterator[Failure]:
    for at, autoscaling in found(inputs, "autoscaling"):
        given = [name for name in (*_PER_ZONE, *_IN_TOTAL) if autoscaling.get(name) is not None]
        if set(given) & set(_PER_ZONE) and set(given) & set(_IN_TOTAL):
            limit = f"limits of each zone and of all cannot be together, got {', '.join(given)}"
            yield Failure(at, f"{limit} ({_DOCS})")


def _zones_are_of_the_region(inputs: Inputs) -> Iterator[Failure]:
    place = inputs.get("location", UNKNOWN)
    region = "-".join(str(place).split("-")[:2])
    for index, zone in enumerate(inputs.get("nodeLocations") or ()):
        if UNKNOWN not in (place, zone) and not str(zone).startswith(f"{region}-"):
            yield Failure(f"nodeLocations[{index}]", f"must be in {region}, got {zone!r} ({_API})")


def _an_upgrade_goes_on(inputs: Inputs) -> Iterator[Failure]:
    for at, settings in found(inputs, "upgradeSettings"):
        in_turn = settings.get("strategy", "SURGE") == "SURGE"
        surge, gone = settings.get("maxSurge"), settings.get("maxUnavailable")
        if not in_turn and (surge is not None or gone is not None):
            yield Failure(f"{at}.maxSurge", f"only with strategy SURGE ({_UPGRADES})")
        if in_turn and settings.get("blueGreenSettings") is not None:
            yield Failure(f"{at}.blueGreenSettings", f"not with strategy SURGE ({_UPGRADES})")
        if type(surge) is int and type(gone) is int and not 1 <= surge + gone <= _MOST_AT_ONCE:
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
            "networkConfig.createPodRange",
            "networkConfig.podRange",
            "networkConfig.podIpv4CidrBlock",
            *replacing("nodeConfig"),
        ),
        checks=(
            matches("name", NAME, _API),
            location("location"),
            matches("nodeLocations.*", ZONE, PLACES),
            _zones_are_of_the_region,
            exclusive("nodeCount", "autoscaling"),
            exclusive("nodeCount", "initialNodeCount"),
            between("nodeCount", 0, _MOST_NODES, _API),
            between("initialNodeCount", 0, _MOST_NODES, _API),
            between("maxPodsPerNode", 8, 256, _API),
            _limits_are_of_zones_or_of_all,
            any_of("maxNodeCount", "totalMaxNodeCount", within="autoscaling"),
            between("autoscaling.minNodeCount", 0, _MOST_NODES, _API),
            between("autoscaling.maxNodeCount", 1, _MOST_NODES, _API),
            between("autoscaling.totalMinNodeCount", 0, _MOST_IN_ALL, _API),
            between("autoscaling.totalMaxNodeCount", 1, _MOST_IN_ALL, _API),
            ordered("autoscaling.minNodeCount", "autoscaling.maxNodeCount"),
            ordered("autoscaling.totalMinNodeCount", "autoscaling.totalMaxNodeCount"),
            one_of_enum("autoscaling.locationPolicy", "NodePoolAutoscaling", "location_policy"),
            one_of_enum("upgradeSettings.strategy", "NodePool.UpgradeSettings", "strategy"),
            one_of_enum("placementPolicy.type", "NodePool.PlacementPolicy", "type_"),
            _an_upgrade_goes_on,
            *node_config("nodeConfig"),
        ),
        operations=Pools(),
        stays=kept,
    ),
)
