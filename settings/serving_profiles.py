"""The key `tfserving:serving_profile`: machines, replicas, threads and batches of a tried fleet.

serving_profiles.csv has the configurations of "Deploying ML models with CPU based TFServing,
Docker, and Kubernetes" (github.com/deep-diver/ml-deployment-k8s-tfserving), under the names of its
charts: 2n-8c-16r-interop4 is two pods, each on a node of its own with 8 vCPUs and 16 GiB, that
compute four operations beside each other. The last one its text recommends, and no file has.
"""

import csv
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from typing import Any

from components.spec import Fault
from planning.capacity import Resources, gke_allocatable
from planning.machine_types import MachineType
from settings.daemon_sets import GkeDaemonSetRequests
from settings.given import mapping
from settings.servers import requested

TABLE = Path(__file__).with_suffix(".csv")

# Both are steps that leave little of a node unused, in numbers that one remembers.
_MILLICORES_STEP = 100
_MEMORY_STEP_MIB = 256
# The article's own file, in all of its batched configurations.
_BATCHING: Mapping[str, int] = {
    "max_batch_size": 128,
    "batch_timeout_micros": 0,
    "max_enqueued_batches": 2,
    "num_batch_threads": 2,
}
_NODES_PER_ZONE = "nodes_per_zone"
_SHAPE = "serving-shape"
"""The label of its nodes."""


@dataclass(frozen=True, kw_only=True)
class ServingProfile:
    """So many pods, each with a node of this size to itself, and how their server computes."""

    name: str
    replicas: int
    vcpus: int
    memory_gib: int
    inter_op: int
    intra_op: int
    batching: bool

    @property
    def shape(self) -> str:
        """The size of its nodes, in the words of its name."""
        return f"{self.vcpus}c-{self.memory_gib}r"

    @property
    def pool_name(self) -> str:
        """The pool that it brings: profiles of one size share it."""
        return f"cpu-{self.shape}"

    @property
    def pool(self) -> Mapping[str, Any]:
        """That pool: a node for each pod, and as many again for the time of a rollout.

        A pod that leaves keeps its node until it is gone: the new ones do not wait for that.
        """
        count = self.replicas
        bounds = {"minimum": count, "initial": count, "maximum": 2 * count}
        return {
            "kind": "on_demand",
            "machine_type": self._machine.name,
            "nodes_in_total": bounds,
            "labels": {_SHAPE: self.shape},
        }

    def model(self, agents: GkeDaemonSetRequests) -> Mapping[str, Any]:
        """Return the keys of a model that it gives, on nodes with these agents."""
        count = self.replicas
        requests = self.requests(agents).quantities
        given: dict[str, Any] = {
            "replicas": {"minimum": count, "initial": count, "maximum": count},
            "requests": {"cpu": requests["cpu"], "memory": requests["memory"]},
            "limits": {"memory": requests["memory"]},
            "threads": {
                "intra_op": self.intra_op,
                "inter_op": self.inter_op,
                "allow_oversubscription": True,
            },
            # While another size takes the place of this one, pods go to their own nodes.
            "node_selector": {_SHAPE: self.shape},
        }
        return {**given, "batching": {**_BATCHING}} if self.batching else given

    def requests(self, agents: GkeDaemonSetRequests) -> Resources:
        """Return what a pod requests: what its node has beside its agents, in whole steps.

        Those are 100m of CPU and 256 MiB. Of a node's nominal size GKE keeps a part, so that a pod
        that asked for all of it would never be placed; and two pods have no room on one node.
        """
        room = gke_allocatable(self._machine).without(requested(agents, agents.pods))
        return Resources(
            room.millicores // _MILLICORES_STEP * _MILLICORES_STEP,
            room.memory_mib // _MEMORY_STEP_MIB * _MEMORY_STEP_MIB,
        )

    @property
    def _machine(self) -> MachineType:
        # N2 is Intel with AVX-512, which servers that are built for one CPU use, and its custom
        # machines have exactly these sizes.
        mib = self.memory_gib * 1024
        return MachineType(name=f"n2-custom-{self.vcpus}-{mib}", vcpus=self.vcpus, memory_mib=mib)


@cache
def serving_profiles() -> Mapping[str, ServingProfile]:
    """Return every profile of the table by name."""
    with TABLE.open(newline="") as table:
        return {row["profile"]: _profile(row) for row in csv.DictReader(table)}


def profile_faults(given: object, platform: object) -> Iterator[Fault]:
    """Yield what is wrong with a profile that is named; the path is empty."""
    if given is None:
        return
    if not isinstance(given, str) or given not in serving_profiles():
        limit = f"must be one of {', '.join(serving_profiles())}; {_nearest(given)} is nearest"
        yield Fault((), limit, given)
    if mapping(platform).get("kind") != "gke":
        limit = "must come with tfserving:platform.kind: gke, whose machines it is about"
        yield Fault((), limit, given)


def with_profile(given: object, platform: object, models: object) -> tuple[Any, Any]:
    """Return both sections with what a profile gives where they say nothing themselves.

    In place of one that is not known it is the one of the nearest name, so that nothing is called
    missing for that.
    """
    sections = mapping(platform), mapping(models)
    if given is None or sections[0].get("kind") != "gke":
        return platform, models
    profile = serving_profiles()[_nearest(given)]
    agents = GkeDaemonSetRequests.of_sound_fields(mapping(sections[0].get("daemon_sets")))
    try:
        of_model = profile.model(agents)
    except (AttributeError, ValueError):  # the agents are wrong in themselves
        of_model = profile.model(GkeDaemonSetRequests())
    filled = {**sections[0], "pools": _with_pool(profile, sections[0].get("pools"))}
    return filled, _each(models, lambda model: {**of_model, **model})


def _with_pool(profile: ServingProfile, given: object) -> Any:
    """Return the pools of a file with that of the profile, whose keys the file may say itself."""
    pools = mapping(given)
    if given is not None and not pools and given != {}:
        return given
    if not isinstance(pools.get(profile.pool_name, {}), Mapping):
        return given
    own = mapping(pools.get(profile.pool_name))
    brought = {**profile.pool}
    if _NODES_PER_ZONE in own:
        del brought["nodes_in_total"]
    return {**pools, profile.pool_name: {**brought, **own}}


def _each(section: object, fill: Callable[[Mapping[str, Any]], Mapping[str, Any]]) -> Any:
    """Return a section with each of its mappings filled; what is none is somebody else's fault."""
    given: Mapping[str, Any] = mapping(section)
    return {
        name: fill(own) if (own := mapping(each)) or each == {} else each
        for name, each in given.items()
    } or section


def _nearest(given: object) -> str:
    return get_close_matches(str(given), serving_profiles(), n=1, cutoff=0)[0]


def _profile(row: Mapping[str, str]) -> ServingProfile:
    return ServingProfile(
        name=row["profile"],
        replicas=int(row["replicas"]),
        vcpus=int(row["vcpus"]),
        memory_gib=int(row["memory_gib"]),
        inter_op=int(row["inter_op"]),
        intra_op=int(row["intra_op"]),
        batching=row["batching"] == "yes",
    )
