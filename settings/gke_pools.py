"""The pools of a platform on GKE, as planning sees them."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from difflib import get_close_matches
from typing import Any, get_args

from components.gcp.gke_node_pool import NodePoolSpec, SpotPoolSpec
from components.kubernetes.taints import COMPUTE_CLASS
from components.spec import Fault
from planning.capacity import Resources, gke_allocatable
from planning.drain import Notice
from planning.machine_types import known_machine_types, machine_type
from planning.placement import Pool, Taint
from settings.daemon_sets import DaemonSetRequests, GkeDaemonSetRequests
from settings.given import mapping
from settings.gke import GkePool, GkeSettings
from settings.placement import FALLBACK, SoundPools
from settings.servers import EVERYWHERE, LASTING_NOTICE, as_planned, requested

_KINDS: Mapping[object, type[NodePoolSpec]] = {
    each.kind: each for each in get_args(get_args(GkePool)[0])
}
_SPOT = {"cloud.google.com/gke-spot": "true"}
# A kubelet hears of the end of its machine from the machine itself, and tells pods at once.
# https://docs.cloud.google.com/kubernetes-engine/docs/concepts/spot-vms#termination
_REACTION_SECONDS = 0


def sound_pools(platform: Mapping[str, Any]) -> SoundPools:
    """Return the pools of a section of which any field may be wrong."""
    specs = {
        name: _pool_spec(mapping(each)) for name, each in mapping(platform.get("pools")).items()
    }
    agents = GkeDaemonSetRequests.of_sound_fields(mapping(platform.get("daemon_sets")))
    try:
        zones = len(GkeSettings.of_sound_fields(platform).node_zones)
    except (AttributeError, LookupError, ValueError):
        zones = 0  # nobody knows how many nodes there are
    try:
        every = {name: _unsized(name, spec) for name, spec in _with_fallbacks(specs)}
    except AttributeError:  # a pool without sound labels may be anyone's
        every = None
    sized: Mapping[str, Pool] = _sized_pools(specs, zones, agents) if zones else {}
    return SoundPools(
        every=every,
        sized=sized,
        faults=[
            fault.below("pools", name)
            for name, spec in specs.items()
            for fault in _unknown_machine(spec)
        ],
        # Which nodes a model may run on is not known unless all of them are.
        notice=_notice(specs) if specs.keys() <= sized.keys() else LASTING_NOTICE,
    )


def planned_pools(platform: GkeSettings) -> Mapping[str, Pool]:
    """Return the pools of a platform, fallbacks among them."""
    return _sized_pools(platform.pools, len(platform.node_zones), platform.daemon_sets)


def shortest_notice(platform: GkeSettings) -> Notice:
    """Return how long any of its nodes says ahead that it goes, at least."""
    return _notice(platform.pools)


def _notice(specs: Mapping[str, NodePoolSpec]) -> Notice:
    seconds: list[int] = []
    for spec in specs.values():
        try:
            seconds += [spec.notice_seconds] if isinstance(spec, SpotPoolSpec) else []
        except AttributeError:
            continue
    if not seconds:
        return LASTING_NOTICE
    return Notice(seconds=min(seconds), reaction_seconds=_REACTION_SECONDS)


def compute_class(pool: str, spec: NodePoolSpec) -> str | None:
    """Return the ComputeClass that a pool's nodes are of: one of its name, if it has a fallback."""
    return pool if isinstance(spec, SpotPoolSpec) and spec.fallback else None


def _with_fallbacks(
    specs: Mapping[str, NodePoolSpec],
) -> Iterator[tuple[str, NodePoolSpec]]:
    for name, spec in specs.items():
        yield name, spec
        # One that is wrong in itself is not there at all, and no default stands for it.
        if isinstance(spec, SpotPoolSpec) and vars(spec).get("fallback", name) is not None:
            yield f"{name}{FALLBACK}", spec


def _sized_pools(
    specs: Mapping[str, NodePoolSpec], zones: int, agents: DaemonSetRequests
) -> Mapping[str, Pool]:
    sized: dict[str, Pool] = {}
    for name, spec in specs.items():
        try:
            found = _sized(name, spec, zones, agents)
        except (AttributeError, KeyError, ValueError):  # it is wrong in itself
            continue
        if found is not None:
            sized[name] = found
            if isinstance(spec, SpotPoolSpec) and spec.fallback is not None:
                labels = {key: value for key, value in found.labels.items() if key not in _SPOT}
                nodes = spec.fallback.most_nodes(zones)
                sized[f"{name}{FALLBACK}"] = replace(
                    found, nodes=nodes, labels=labels, is_spot=False
                )
    return sized


def _unsized(name: str, spec: NodePoolSpec) -> Pool:
    chosen = compute_class(name.removesuffix(FALLBACK), spec)
    of_class = {COMPUTE_CLASS: chosen} if chosen else {}
    is_spot = isinstance(spec, SpotPoolSpec) and not name.endswith(FALLBACK)
    labels = {**EVERYWHERE, **spec.labels, **of_class, **(_SPOT if is_spot else {})}
    return Pool(nodes=0, room=Resources(0, 0, 0), labels=labels)


def _sized(name: str, spec: NodePoolSpec, zones: int, agents: DaemonSetRequests) -> Pool | None:
    counted = spec.nodes_per_zone or spec.nodes_in_total
    if (machine := machine_type(spec.machine_type)) is None or counted is None:
        return None
    chosen = compute_class(name, spec)
    of_class = {Taint(COMPUTE_CLASS, chosen, "NoSchedule")} if chosen else set[Taint]()
    return replace(
        _unsized(name, spec),
        nodes=max(spec.most_nodes(zones), 0),
        room=gke_allocatable(machine).without(requested(agents, agents.pods)),
        taints=as_planned(vars(spec)["taints"]) | of_class,  # no default stands for wrong ones
        vcpus=machine.vcpus,
        is_spot=isinstance(spec, SpotPoolSpec),
    )


def _unknown_machine(spec: NodePoolSpec) -> Iterator[Fault]:
    given: str | None = vars(spec).get("machine_type")
    if given is None or machine_type(given) is not None:
        return
    near = get_close_matches(given, known_machine_types(), n=3, cutoff=0)
    limit = "must be a machine type whose size is known, of x86: planning/machine_types.csv has no "
    yield Fault(("machine_type",), f"{limit}such row; {', '.join(near)} are nearest", given)


def _pool_spec(given: Mapping[str, Any]) -> NodePoolSpec:
    return _KINDS.get(str(given.get("kind")), NodePoolSpec).of_sound_fields(given)
