"""What a stack file asks of its pools: that its models fit on them.

It is asked of whichever fields are sound, so that these faults are reported with all others.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple, get_args

from components.aws.node_pool import NodePoolSpec
from components.aws.spot_node_group import SpotPoolSpec
from components.spec import Fault
from planning.capacity import Resources, node_capacity
from planning.drain import Notice
from planning.instance_types import types_of
from planning.placement import Placement, Pods, Pool, Taint, place
from settings.daemon_sets import DaemonSetRequests
from settings.given import mapping
from settings.instances import instance_faults
from settings.models import ModelSettings, sound_models
from settings.platform import EksPool, EksSettings
from settings.servers import (
    EKS_NOTICE,
    EVERYWHERE,
    as_planned,
    model_pods,
    requested,
    server_faults,
)

_DOMAINS_OF_NODES = ("kubernetes.io", "k8s.io", "amazonaws.com")
_FALLBACK = " (fallback)"
_KINDS: Mapping[object, type[NodePoolSpec]] = {
    each.kind: each for each in get_args(get_args(EksPool)[0])
}


class CapacityFaults(NamedTuple):
    """What is wrong in each section, and what a model allows to be."""

    platform: Sequence[Fault]
    models: Sequence[Fault]
    warnings: Sequence[Fault]


def capacity_faults(platform: object, models: object) -> CapacityFaults:
    """Return what the values of both sections, whatever is in them, ask too much of instances."""
    given = mapping(platform)
    if given.get("kind") == "shared":  # its pools are another stack's
        return CapacityFaults((), (), ())
    pools = {name: _pool_spec(mapping(each)) for name, each in mapping(given.get("pools")).items()}
    specs = sound_models(models)
    agents = DaemonSetRequests.of_sound_fields(mapping(given.get("daemon_sets")))
    unplaced = [*_unplaced(agents, pools, specs)]
    servers = server_faults(specs, _sized_pools(dict(_known_groups(pools)), agents), EKS_NOTICE)
    return CapacityFaults(
        platform=[
            fault.below("pools", name, "instance_types")
            for name, pool in pools.items()
            for fault in instance_faults(pool)
        ],
        models=[*(each.fault for each in unplaced if not each.allowed), *servers],
        warnings=[each.fault for each in unplaced if each.allowed],
    )


def planned_pools(platform: EksSettings) -> Mapping[str, Pool]:
    """Return the pools of a platform, fallbacks among them, as planning sees them."""
    return _sized_pools(dict(_groups(platform.pools)), platform.daemon_sets)


def placement_faults(
    models: Mapping[str, ModelSettings], pools: Mapping[str, Pool], notice: Notice
) -> CapacityFaults:
    """Return what sound models ask too much of pools that are known."""
    kinds = {
        name: pods
        for name, model in models.items()
        if (pods := model_pods(model)) and not _is_left_to_nodes(pods, pools.values())
    }
    unplaced = [*_without_room(models, kinds, pools, pools)]
    return CapacityFaults(
        platform=(),
        models=[
            *(each.fault for each in unplaced if not each.allowed),
            *server_faults(models, pools, notice),
        ],
        warnings=[each.fault for each in unplaced if each.allowed],
    )


class _Unplaced(NamedTuple):
    fault: Fault
    allowed: bool = False


def _unplaced(
    agents: DaemonSetRequests,
    specs: Mapping[str, NodePoolSpec],
    models: Mapping[str, ModelSettings],
) -> Iterator[_Unplaced]:
    """Find what no pool takes, or not as often as an autoscaler may ask for.

    A model is judged if it is known where it may run and how large each pool is that it may use.
    """
    try:
        groups = dict(_groups(specs))
        pools = {name: _unsized(spec) for name, spec in groups.items()}
    except AttributeError:  # a pool without sound labels may be anyone's
        return
    sized = _sized_pools(groups, agents)
    kinds = {
        name: pods
        for name, model in models.items()
        if (pods := model_pods(model))
        and not _is_left_to_nodes(pods, pools.values())
        and not any(pool.admits(pods) for each, pool in pools.items() if each not in sized)
    }
    yield from _without_room(models, kinds, pools, sized)


def _without_room(
    models: Mapping[str, ModelSettings],
    kinds: Mapping[str, Pods],
    pools: Mapping[str, Pool],
    sized: Mapping[str, Pool],
) -> Iterator[_Unplaced]:
    for name, found in place(kinds, sized).items() if pools else ():
        model = models[name]
        maximum = model.replicas.maximum
        if not found.arithmetic:
            yield _Unplaced(_without_pool(kinds[name], {**pools, **sized}).below(name))
        elif found.placed < maximum:
            why = _arithmetic(found, kinds)
            if model.allow_unplaceable_replicas:
                limit = f"only {found.placed} can be placed, the rest stays pending: {why}"
            else:
                limit = (
                    f"must be at most {found.placed}, or allow_unplaceable_replicas: true: {why}"
                )
            fault = Fault((name, "replicas", "maximum"), limit, maximum)
            yield _Unplaced(fault, model.allow_unplaceable_replicas)


def _arithmetic(found: Placement, kinds: Mapping[str, Pods]) -> str:
    held = f"its pools hold {found.alone} = {found.arithmetic}"
    if found.placed == found.alone:
        return held
    rivals = " and ".join(f"{kinds[each].maximum} of {each}" for each in found.rivals)
    return f"{held}, less what {rivals} take"


def _without_pool(pods: Pods, pools: Mapping[str, Pool]) -> Fault:
    matching = {name: pool for name, pool in pools.items() if pool.matches(pods)}
    if matching:
        of = [f"{name} has {_listed(pool.refuses(pods))}" for name, pool in matching.items()]
        limit = f"must answer the taints of a pool that node_selector matches: {'; '.join(of)}"
        return Fault(("tolerations",), limit, [each._asdict() for each in pods.tolerations])
    limit = f"must match the labels of a pool: {', '.join(pools)}"
    return Fault(("node_selector",), limit, pods.selector)


def _listed(refused: Iterable[Taint]) -> str:
    return ", ".join(f"{each.key}={each.value}:{each.effect}" for each in sorted(refused))


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
            yield f"{name}{_FALLBACK}", NodePoolSpec.of_sound_fields(given)


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
    room = Resources(0, 0, 0)
    return Pool(nodes=0, room=room, labels=labels)


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


def _is_left_to_nodes(pods: Pods, pools: Iterable[Pool]) -> bool:
    """Tell whether pods select by a label that a node gets from its zone, type or cloud."""
    unknown = [key for key in pods.selector if not any(key in pool.labels for pool in pools)]
    return any(key.partition("/")[0].endswith(_DOMAINS_OF_NODES) for key in unknown)


def _pool_spec(given: Mapping[str, Any]) -> NodePoolSpec:
    return _KINDS.get(str(given.get("kind")), NodePoolSpec).of_sound_fields(given)
