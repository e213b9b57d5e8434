"""What a stack file asks of its pools: that its models fit on them.

It is asked of whichever fields are sound, so that these faults are reported with all others.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from components.spec import Fault
from settings import eks_pools, gke_pools
from settings.given import mapping
from settings.models import sound_models
from settings.placement import SoundPools, placement_faults

_POOLS: Mapping[object, Callable[[Mapping[str, Any]], SoundPools]] = {
    "eks": eks_pools.sound_pools,
    "gke": gke_pools.sound_pools,
}


class CapacityFaults(NamedTuple):
    """What is wrong in each section, and what a model allows to be."""

    platform: Sequence[Fault]
    models: Sequence[Fault]
    warnings: Sequence[Fault]


def capacity_faults(platform: object, models: object) -> CapacityFaults:
    """Return what the values of both sections, whatever is in them, ask too much of machines.

    A platform that is shared has its pools in another stack.
    """
    given = mapping(platform)
    if (sound_pools := _POOLS.get(str(given.get("kind")))) is None:
        return CapacityFaults((), (), ())
    pools = sound_pools(given)
    found = placement_faults(sound_models(models), pools)
    return CapacityFaults(platform=pools.faults, models=found.models, warnings=found.warnings)
