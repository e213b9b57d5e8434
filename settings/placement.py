"""What models ask of pools: that their pods fit there, each kind at its maximum."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from components.kubernetes.taints import COMPUTE_CLASS
from components.spec import Fault
from planning.drain import Notice
from planning.placement import Placement, Pods, Pool, Taint, place
from settings.models import ModelSettings
from settings.servers import model_pods, server_faults

FALLBACK = " (fallback)"
"""What the name of a pool's fallback ends with, where pools are told of."""

_DOMAINS_OF_NODES = ("kubernetes.io", "k8s.io", "amazonaws.com", "google.com")


class SoundPools(NamedTuple):
    """What is known of the pools of a section of which any field may be wrong."""

    every: Mapping[str, Pool] | None
    """All of them, as far as their labels go; nothing if some pool's may be any."""
    sized: Mapping[str, Pool]
    """Those of which all is sound."""
    faults: Sequence[Fault]
    """What is wrong with their machines."""
    notice: Notice


class PlacementFaults(NamedTuple):
    """What is wrong with models, and what they allow to be."""

    models: Sequence[Fault]
    warnings: Sequence[Fault]


def placement_faults(models: Mapping[str, ModelSettings], pools: SoundPools) -> PlacementFaults:
    """Return what models ask too much of pools, as far as both are sound.

    A model is judged if it is known where it may run and how large each pool is that it may use.
    """
    unplaced = [*_unplaced(models, pools)]
    return PlacementFaults(
        models=[
            *(each.fault for each in unplaced if not each.allowed),
            *server_faults(models, pools.sized, pools.notice),
        ],
        warnings=[each.fault for each in unplaced if each.allowed],
    )


class _Unplaced(NamedTuple):
    fault: Fault
    allowed: bool = False


def _unplaced(models: Mapping[str, ModelSettings], pools: SoundPools) -> Iterator[_Unplaced]:
    """Find what no pool takes, or not as often as an autoscaler may ask for."""
    every, sized = pools.every, pools.sized
    if not every:
        return
    kinds = {
        name: pods
        for name, model in models.items()
        if (pods := _of_one_class(model_pods(model)))
        and not _is_left_to_nodes(pods, every.values())
        and not any(pool.admits(pods) for each, pool in every.items() if each not in sized)
    }
    for name, found in place(kinds, sized).items():
        model = models[name]
        maximum = model.replicas.maximum
        if not found.arithmetic:
            yield _Unplaced(_without_pool(kinds[name], {**every, **sized}).below(name))
        elif found.placed < maximum:
            why = _arithmetic(found, kinds)
            if classes := _other_classes(kinds[name], sized):
                why += f"; more may be for a node_selector of {classes}"
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


def _of_one_class(pods: Pods | None) -> Pods | None:
    """Return pods that answer the taint of a compute class only if they select it.

    GKE makes no nodes of a class for pods that do not ask for it.
    """
    chosen = pods and pods.selector.get(COMPUTE_CLASS)
    return pods and replace(
        pods,
        tolerations=frozenset(
            each for each in pods.tolerations if each.key != COMPUTE_CLASS or each.value == chosen
        ),
    )


def _without_pool(pods: Pods, pools: Mapping[str, Pool]) -> Fault:
    matching = {name: pool for name, pool in pools.items() if pool.matches(pods)}
    if classes := _other_classes(pods, pools):
        limit = f"must have {classes}, as nodes of a class are for pods that ask for it"
        return Fault(("node_selector",), limit, pods.selector)
    if matching:
        of = [f"{name} has {_listed(pool.refuses(pods))}" for name, pool in matching.items()]
        limit = f"must answer the taints of a pool that node_selector matches: {'; '.join(of)}"
        return Fault(("tolerations",), limit, [each._asdict() for each in pods.tolerations])
    limit = f"must match the labels of a pool: {', '.join(pools)}"
    return Fault(("node_selector",), limit, pods.selector)


def _other_classes(pods: Pods, pools: Mapping[str, Pool]) -> str:
    """Return what pods would have to select for the nodes of classes that they do not ask for."""
    refused = (pool.refuses(pods) for pool in pools.values() if pool.matches(pods))
    classes = [each.value for taints in refused for each in taints if each.key == COMPUTE_CLASS]
    return f"{COMPUTE_CLASS}: {' or '.join(dict.fromkeys(classes))}" if classes else ""


def _listed(refused: Iterable[Taint]) -> str:
    return ", ".join(f"{each.key}={each.value}:{each.effect}" for each in sorted(refused))


def _is_left_to_nodes(pods: Pods, pools: Iterable[Pool]) -> bool:
    """Tell whether pods select by a label that a node gets from its zone, type or cloud."""
    unknown = [key for key in pods.selector if not any(key in pool.labels for pool in pools)]
    return any(
        key.partition("/")[0].endswith(_DOMAINS_OF_NODES) for key in unknown if key != COMPUTE_CLASS
    )
