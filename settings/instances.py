"""What a stack file asks of instances: that their types suit the pool that they are in."""

from collections.abc import Iterator

from components.aws.node_pool import NodePoolSpec
from components.aws.spot_node_group import SpotPoolSpec
from components.spec import Fault
from planning.instance_types import InstanceType, instance_types

FEWEST_SPOT_TYPES = 6

_ARCHITECTURE = "x86_64"


def instance_faults(pool: NodePoolSpec) -> Iterator[Fault]:
    """Return what is wrong with the instance types of a pool, as far as its fields are sound."""
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
