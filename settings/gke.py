"""A platform of our own on GKE: the `tfserving:platform` of that kind."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Literal

from pydantic import Field

from components.gcp.gke_cluster import GkeClusterSpec
from components.gcp.gke_node_pool import NodePoolSpec, OnDemandPoolSpec, SpotPoolSpec
from components.gcp.model_bucket import GcsModelBucketSpec
from components.gcp.network import AnyNetworkSpec, NetworkSpec
from components.gcp.node_counts import NodeCounts
from components.spec import Fault, rule
from settings.daemon_sets import GkeDaemonSetRequests
from settings.names import DnsLabel, Registries

GkePool = Annotated[OnDemandPoolSpec | SpotPoolSpec, Field(discriminator="kind")]

# https://cloud.google.com/resource-manager/docs/creating-managing-projects
_PROJECT = re.compile(r"([a-z0-9.-]+:)?[a-z][a-z0-9-]{4,28}[a-z0-9]")
_PROJECT_NUMBER = re.compile(r"[1-9][0-9]{5,18}")
# https://cloud.google.com/resource-manager/docs/labels-overview#requirements
_LABEL_KEY = re.compile(r"(?!goog-)[a-z][a-z0-9_-]{0,62}")
_LABEL_VALUE = re.compile(r"[a-z0-9_-]{0,63}")
_OWN_LABELS = ("project", "stack")
# Of 64 that a resource may have, without those two and, of a pool, its name.
_MOST_LABELS = 64 - 3
# Pods of GKE's own answer this taint, and of those that a file may have no other.
# https://docs.cloud.google.com/kubernetes-engine/docs/how-to/isolate-workloads-dedicated-nodes
_GKES_OWN = "components.gke.io/gke-managed-components"


@dataclass(frozen=True, kw_only=True)
class GkeSettings(GkeClusterSpec):
    """A platform of our own on GKE. Its project is the value of `gcp:project`.

    The project has a number, too, by which Workload Identity knows it: `gcloud projects describe
    PROJECT --format 'value(projectNumber)'` tells it.
    """

    kind: Literal["gke"]
    project: str
    project_number: Annotated[str, Field(coerce_numbers_to_str=True)]
    network: AnyNetworkSpec
    pools: Mapping[DnsLabel, GkePool]
    daemon_sets: GkeDaemonSetRequests = field(default_factory=GkeDaemonSetRequests)
    model_bucket: GcsModelBucketSpec = field(default_factory=GcsModelBucketSpec)
    registries: Registries = field(default_factory=dict[str, str])
    labels: Mapping[str, str] = field(default_factory=dict[str, str])

    @rule
    def _project_is_an_id(self) -> Iterator[Fault]:
        if not _PROJECT.fullmatch(self.project):
            limit = "must be the id of a project: 6 to 30 lower-case letters, digits and hyphens, "
            yield Fault(("project",), f"{limit}a letter first", self.project)

    @rule
    def _project_has_a_number(self) -> Iterator[Fault]:
        if not _PROJECT_NUMBER.fullmatch(self.project_number):
            limit = "must be the project's number, not its id: 6 to 19 digits"
            yield Fault(("project_number",), limit, self.project_number)

    @rule
    def _there_are_pools(self) -> Iterator[Fault]:
        if not self.pools:
            yield Fault(("pools",), "must be one or more", self.pools)

    @rule
    def _pools_have_names_that_google_takes(self) -> Iterator[Fault]:
        for name in self.pools:
            if not name[0].isalpha():
                yield Fault(("pools", name), "must begin with a letter", name)

    @rule
    def _fallbacks_have_names_of_their_own(self) -> Iterator[Fault]:
        for name, pool in self.pools.items():
            if _has_fallback(pool) and (taken := fallback_name(name)) in self.pools:
                limit = f"must be another name: the nodes of {name}'s fallback have this one"
                yield Fault(("pools", taken), limit, taken)

    @rule
    def _network_has_addresses_for_all_nodes(self) -> Iterator[Fault]:
        if not isinstance(self.network, NetworkSpec):
            return
        try:
            most = self.network.most_nodes
        except ValueError:  # its own rules say what is wrong
            return
        nodes = sum(each.most_nodes(len(self.node_zones)) for _, each in self._counts)
        if nodes > most:
            limit = f"must have room for the {nodes} nodes of all pools, a /24 for the pods of "
            limit += f"each, and cidr an address: they have it for {most}"
            yield Fault(("network", "pods_cidr"), limit, self.network.pods_cidr)

    @rule
    def _pools_begin_alike_in_all_zones(self) -> Iterator[Fault]:
        for path, counts in self._counts:
            found = _too_many_at_first(counts, len(self.node_zones))
            yield from (fault.below(*path) for fault in found)

    @property
    def warnings(self) -> Iterator[Fault]:
        """What is likely to be wrong, though somebody may have seen to it otherwise."""
        if not any(map(_takes_all_pods, self.pools.values())):
            limit = "should have one without a fallback and without taints of NoSchedule or "
            limit += "NoExecute: unless others add one, pods of GKE itself, such as DNS, find no "
            yield Fault(("pools",), f"{limit}node", [*self.pools])
        for path, counts in self._counts:
            found = _too_few_at_first(counts, len(self.node_zones))
            yield from (fault.below(*path) for fault in found)

    @property
    def _counts(self) -> Iterator[tuple[tuple[str, ...], NodeCounts]]:
        """The limits of all pools, and where they are in the file."""
        for name, pool in self.pools.items():
            yield ("pools", name), pool
            if isinstance(pool, SpotPoolSpec) and pool.fallback is not None:
                yield ("pools", name, "fallback"), pool.fallback

    @rule
    def _labels_are_taken(self) -> Iterator[Fault]:
        if len(self.labels) > _MOST_LABELS:
            limit = f"must be at most {_MOST_LABELS} labels: a resource has 64, and others are set"
            yield Fault(("labels",), limit, len(self.labels))
        for key, value in self.labels.items():
            if not _LABEL_KEY.fullmatch(key) or key in _OWN_LABELS:
                limit = "must be a label key: 1 to 63 lower-case letters, digits, _ and -, a letter"
                limit += " first, and not goog-, which is Google's; project and stack are set"
                yield Fault(("labels", key), limit, key)
            if not _LABEL_VALUE.fullmatch(value):
                limit = "must be at most 63 lower-case letters, digits, _ and -"
                yield Fault(("labels", key), limit, value)


def fallback_name(pool: str) -> str:
    """Return what the nodes of a pool's fallback are called, which are a pool of their own."""
    return f"{pool}-on-demand"


def _has_fallback(pool: NodePoolSpec) -> bool:
    return isinstance(pool, SpotPoolSpec) and pool.fallback is not None


def _takes_all_pods(pool: NodePoolSpec) -> bool:
    hard = [each for each in pool.taints if each.effect != "PreferNoSchedule"]
    return not _has_fallback(pool) and all(each.key == _GKES_OWN for each in hard)


def _too_many_at_first(counts: NodeCounts, zones: int) -> Iterator[Fault]:
    # GKE begins with as many nodes in each zone, whatever the limits are about.
    bounds = counts.nodes_in_total
    if bounds is not None and bounds.initial > 0 and zones > bounds.maximum:
        limit = f"must be 0, or a maximum of {zones} or more: GKE begins with as many nodes in each"
        yield Fault(("nodes_in_total", "initial"), f"{limit} of the {zones} zones", bounds.initial)


def _too_few_at_first(counts: NodeCounts, zones: int) -> Iterator[Fault]:
    bounds = counts.nodes_in_total
    if bounds is None or bounds.initial == 0:
        return
    if (first := zones * counts.initial_per_zone(zones)) < bounds.minimum:
        more = first + zones
        limit = f"should be at most {first}, or come with a maximum of {more} or more: GKE begins "
        limit += f"with as many nodes in each of the {zones} zones, {zones} x {first // zones} or "
        limit += f"{zones} x {more // zones}, and adds others when pods wait for them"
        yield Fault(("nodes_in_total", "minimum"), limit, bounds.minimum)
