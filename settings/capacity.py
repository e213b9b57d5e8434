"""What a stack file asks of instances: that they suit their pool, and that its models fit on them.

It is asked of whichever fields are sound, so that these faults are reported with all others.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from math import ceil
from typing import Any, NamedTuple, cast, get_args

from components.aws.node_pool import NodePoolSpec
from components.aws.spot_node_group import SpotPoolSpec
from components.kubernetes import taints
from components.kubernetes.model_fetch import FETCH_REQUESTS
from components.kubernetes.quantities import parse_quantity
from components.kubernetes.serving_spec import Requests
from components.spec import Fault
from planning.capacity import Resources, node_capacity
from planning.instance_types import InstanceType, instance_types, types_of
from planning.placement import Placement, Pods, Pool, Taint, place
from settings.daemon_sets import DaemonSetRequests
from settings.models import ModelSettings
from settings.platform import EksPool

FEWEST_SPOT_TYPES = 6

_ARCHITECTURE = "x86_64"
_EVERYWHERE: Mapping[str, str] = {"kubernetes.io/os": "linux", "kubernetes.io/arch": "amd64"}
_DOMAINS_OF_NODES = ("kubernetes.io", "k8s.io", "amazonaws.com")
_MIB = 1024**2
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
    given = _mapping(platform)
    pools = {
        name: _pool_spec(_mapping(each)) for name, each in _mapping(given.get("pools")).items()
    }
    specs = {
        name: ModelSettings.of_sound_fields(_mapping(each))
        for name, each in _mapping(models).items()
    }
    agents = DaemonSetRequests.of_sound_fields(_mapping(given.get("daemon_sets")))
    unplaced = [*_unplaced(agents, pools, specs)]
    return CapacityFaults(
        platform=[
            fault.below("pools", name, "instance_types")
            for name, pool in pools.items()
            for fault in _instance_faults(pool)
        ],
        models=[each.fault for each in unplaced if not each.allowed],
        warnings=[each.fault for each in unplaced if each.allowed],
    )


def _instance_faults(pool: NodePoolSpec) -> Iterator[Fault]:
    for check in (_unsuitable_types, _shapes, _few_types, _burstable_types):
        try:
            yield from [*check(pool)]
        except AttributeError:  # the rule is about a field that is wrong in itself
            continue


def _unsuitable_types(pool: NodePoolSpec) -> Iterator[Fault]:
    for number, name in enumerate(pool.instance_types):
        if (instance := instance_types().get(name)) is None:
            limit = "must be a type whose size is known: planning/instance_types.csv has no row"
            yield Fault((number,), f"{limit} for it", name)
        elif instance.architecture != _ARCHITECTURE:
            limit = f"must be an {_ARCHITECTURE} type, since TensorFlow Serving has no image for "
            yield Fault((number,), limit + instance.architecture, name)


def _shapes(pool: NodePoolSpec) -> Iterator[Fault]:
    first_of = {each.shape: each.name for each in reversed([*_known_types(pool)])}
    if len(first_of) > 1:
        shapes = ", ".join(f"{name} is {shape}" for shape, name in reversed(first_of.items()))
        limit = f"must be types of one shape, as an autoscaler takes all for the first: {shapes}"
        yield Fault((), limit, pool.instance_types)


def _few_types(pool: NodePoolSpec) -> Iterator[Fault]:
    if not isinstance(pool, SpotPoolSpec) or pool.few_instance_types:
        return
    if len(set(pool.instance_types)) < FEWEST_SPOT_TYPES:
        limit = f"must be {FEWEST_SPOT_TYPES} or more different types, since Spot may be out of "
        limit += "any; few_instance_types: true takes fewer"
        yield Fault((), limit, pool.instance_types)


def _burstable_types(pool: NodePoolSpec) -> Iterator[Fault]:
    """Find types whose CPU is lent; on demand they suit a system pool, which is idle mostly."""
    if not isinstance(pool, SpotPoolSpec) or pool.burstable:
        return
    for number, name in enumerate(pool.instance_types):
        if (instance := instance_types().get(name)) and instance.burstable:
            limit = "must not be a burstable type: steady load spends its CPU credits, and it is "
            limit += "slower or dearer from then on; burstable: true takes it"
            yield Fault((number,), limit, name)


def _known_types(pool: NodePoolSpec) -> Iterator[InstanceType]:
    for name in pool.instance_types:
        if instance := instance_types().get(name):
            yield instance


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
    sized = {name: pool for name in pools if (pool := _sized(pools[name], groups[name], agents))}
    kinds = {
        name: pods
        for name, model in models.items()
        if (pods := _pods(model))
        and not _is_left_to_nodes(pods, pools.values())
        and not any(pool.admits(pods) for each, pool in pools.items() if each not in sized)
    }
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


def _groups(specs: Mapping[str, NodePoolSpec]) -> Iterator[tuple[str, NodePoolSpec]]:
    """Return pools, and the fallbacks of pools as others like them."""
    for name, spec in specs.items():
        yield name, spec
        # One that is wrong in itself is not there at all, and no default stands for it.
        fallback = vars(spec).get("fallback", name)
        if isinstance(spec, SpotPoolSpec) and fallback is not None:
            nodes = getattr(fallback, "nodes", None)
            given = {**vars(spec), "labels": spec.fallback_labels, "nodes": nodes}
            yield f"{name} (fallback)", NodePoolSpec.of_sound_fields(given)


def _unsized(spec: NodePoolSpec) -> Pool:
    labels = {**_EVERYWHERE, **spec.labels}
    return Pool(nodes=0, room=Resources(0, 0, 0), labels=labels)


def _sized(pool: Pool, spec: NodePoolSpec, agents: DaemonSetRequests) -> Pool | None:
    try:
        capacity = node_capacity(types_of(spec.instance_types))
        return replace(
            pool,
            nodes=max(spec.nodes.maximum, 0),
            room=capacity.without(_resources(agents, agents.pods)),
            taints=_taints(vars(spec)["taints"]),  # the default is no word for wrong ones
        )
    except (AttributeError, KeyError, ValueError):
        return None


def _pods(model: ModelSettings) -> Pods | None:
    try:
        # The fetcher is done before the server starts: the larger request is the pod's.
        sizes = zip(_resources(model.requests), _resources(FETCH_REQUESTS), strict=True)
        return Pods(
            size=Resources(*map(max, sizes)),
            maximum=max(model.replicas.maximum, 0),
            selector=model.node_selector,
            tolerations=_taints(vars(model)["tolerations"]),
        )
    except (AttributeError, KeyError, ValueError):
        return None


def _resources(requests: Requests | DaemonSetRequests, pods: int = 1) -> Resources:
    millicores, mib = parse_quantity(requests.cpu) * 1000, parse_quantity(requests.memory) / _MIB
    return Resources(ceil(millicores), ceil(mib), pods)


def _taints(given: Iterable[taints.Taint]) -> frozenset[Taint]:
    return frozenset(Taint(each.key, each.value, each.effect) for each in given)


def _is_left_to_nodes(pods: Pods, pools: Iterable[Pool]) -> bool:
    """Tell whether pods select by a label that a node gets from its zone, type or cloud."""
    unknown = [key for key in pods.selector if not any(key in pool.labels for pool in pools)]
    return any(key.partition("/")[0].endswith(_DOMAINS_OF_NODES) for key in unknown)


def _pool_spec(given: Mapping[str, Any]) -> NodePoolSpec:
    return _KINDS.get(str(given.get("kind")), NodePoolSpec).of_sound_fields(given)


def _mapping(given: object) -> Mapping[str, Any]:
    return cast(Mapping[str, Any], given) if isinstance(given, Mapping) else {}
