"""The pools of a platform on EKS, as planning sees them."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, get_args

from components.aws.node_pool import NodePoolSpec
from components.aws.spot_node_group import SpotPoolSpec
from planning.capacity import Resources, node_capacity
from planning.instance_types import types_of
from planning.placement import Pool
from settings.daemon_sets import DaemonSetRequests
from settings.given import mapping
from settings.instances import instance_faults
from settings.placement import FALLBACK, SoundPools
from settings.platform import EksPool, EksSettings
from settings.servers import EKS_NOTICE, EVERYWHERE, as_planned, requested

_KINDS: Mapping[object, type[NodePoolSpec]] = {
    each.kind: each for each in get_args(get_args(EksPool)[0])
}


def sound_pools(platform: Mapping[str, Any]) -> SoundPools:
    """Return the pools of a section of which any field may be wrong."""
    pools = {
        name: _pool_spec(mapping(each)) for name, each in mapping(platform.get("pools")).items()
    }
    agents = DaemonSetRequests.of_sound_fields(mapping(platform.get("daemon_sets")))
    known = dict(_known_groups(pools))
    try:
        every = {name: _unsized(spec) for name, spec in _groups(pools)}
    except AttributeError:  # a pool without sound labels may be anyone's
        every = None
    return SoundPools(
        every=every,
        sized=_sized_pools(known, agents),
        faults=[
            fault.below("pools", name, "instance_types")
            for name, pool in pools.items()
            for fault in instance_faults(pool)
        ],
        notice=EKS_NOTICE,
    )


def planned_pools(platform: EksSettings) -> Mapping[str, Pool]:
    """Return the pools of a platform, fallbacks among them."""
    return _sized_pools(dict(_groups(platform.pools)), platform.daemon_sets)


def _known_groups(specs: Mapping[str, NodePoolSpec]) -> Iterator[tuple[str, NodePoolSpec]]:
    for name, spec in specs.items():
        if hasattr(spec, "labels"):
            yield from _groups({name: spec})


def _groups(specs: Mapping[str, NodePoolSpec]) -> Iterator[tuple[str, NodePoolSpec]]:
    """Return pools, and the fallbacks of pools as others like them."""
    for name, spec in specs.items():
        yield name, spec
        # One that is wrong in itself is not there at all, and no default stands for it.
        fallback = vars(spec).get("fallback", name)
        if isinstance(spec, SpotPoolSpec) and fallback is not None:
            nodes = getattr(fallback, "nodes", None)
            given = {**vars(spec), "labels": spec.fallback_labels, "nodes": nodes}
            yield f"{name}{FALLBACK}", NodePoolSpec.of_sound_fields(given)


def _sized_pools(
    groups: Mapping[str, NodePoolSpec], agents: DaemonSetRequests
) -> Mapping[str, Pool]:
    return {
        name: pool
        for name, spec in groups.items()
        if (pool := _sized(_unsized(spec), spec, agents))
    }


def _unsized(spec: NodePoolSpec) -> Pool:
    labels = {**EVERYWHERE, **spec.labels}
    return Pool(nodes=0, room=Resources(0, 0, 0), labels=labels)


def _sized(pool: Pool, spec: NodePoolSpec, agents: DaemonSetRequests) -> Pool | None:
    try:
        types = types_of(spec.instance_types)
        return replace(
            pool,
            nodes=max(spec.nodes.maximum, 0),
            room=node_capacity(types).without(requested(agents, agents.pods)),
            taints=as_planned(vars(spec)["taints"]),  # the default is no word for wrong ones
            vcpus=min(each.vcpus for each in types),
            is_spot=isinstance(spec, SpotPoolSpec),
        )
    except (AttributeError, KeyError, ValueError):
        return None


def _pool_spec(given: Mapping[str, Any]) -> NodePoolSpec:
    return _KINDS.get(str(given.get("kind")), NodePoolSpec).of_sound_fields(given)
