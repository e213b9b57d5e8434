"""What a namespace's pods may ask for together."""

from hypothesis import given
from hypothesis import strategies as some

from planning.capacity import Resources
from planning.placement import Pods
from planning.quota import largest_demands

SIZES = some.builds(
    Resources, some.integers(min_value=1, max_value=64_000), some.integers(1, 500_000)
)
KINDS = some.dictionaries(
    some.text(min_size=1, max_size=3),
    some.builds(Pods, size=SIZES, maximum=some.integers(0, 500)),
    max_size=4,
)


def test_it_is_every_kind_at_its_maximum_and_in_a_rollout():
    kinds = {
        "small": Pods(size=Resources(500, 256), maximum=3),
        "large": Pods(size=Resources(2000, 4096), maximum=8),
    }

    demands = largest_demands(kinds, 25)

    small, large = "4 of small (3 and 1 in a rollout)", "10 of large (8 and 2 in a rollout)"
    assert demands.millicores == (22_000, f"{small} x 500m CPU + {large} x 2000m CPU")
    assert demands.memory_mib == (41_984, f"{small} x 256Mi + {large} x 4096Mi")
    assert demands.pods == (14, f"{small} + {large}")


@given(KINDS, some.integers(0, 100))
def test_no_share_of_the_pods_is_more_than_what_is_counted(kinds, surge):
    demands = largest_demands(kinds, surge)

    replaced = sum(kind.maximum * (100 + surge) / 100 for kind in kinds.values())
    assert replaced <= demands.pods.amount < replaced + len(kinds) + 1


@given(KINDS, some.integers(0, 100))
def test_one_kind_more_asks_for_as_much_as_it_does_alone(kinds, surge):
    alone = [largest_demands({name: kind}, surge) for name, kind in kinds.items()]

    for number, whole in enumerate(largest_demands(kinds, surge)):
        assert whole.amount == sum(each[number].amount for each in alone)
