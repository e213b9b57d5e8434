"""NodeCounts: how many nodes there may be, and with how many each zone begins."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.bounds import Bounds
from components.gcp.gke_node_pool import FallbackSpec, OnDemandPoolSpec
from components.spec import SpecError


def bounds(minimum: int, initial: int, maximum: int) -> Bounds:
    return Bounds(minimum=minimum, initial=initial, maximum=maximum)


def refusal_of(spec: Any, **given: Any) -> str:
    with pytest.raises(SpecError) as refusal:
        spec(**given)
    return str(refusal.value)


@pytest.mark.parametrize(
    ("nodes", "fewest", "most", "initial"),
    [
        ({"nodes_per_zone": bounds(1, 2, 3)}, 3, 9, 2),
        ({"nodes_in_total": bounds(1, 6, 7)}, 1, 7, 2),
        ({"nodes_in_total": bounds(1, 2, 7)}, 1, 7, 1),
        ({"nodes_in_total": bounds(5, 5, 6)}, 5, 6, 2),
        ({"nodes_in_total": bounds(3, 5, 5)}, 3, 5, 1),
        ({"nodes_in_total": bounds(0, 0, 7)}, 0, 7, 0),
    ],
)
@pytest.mark.parametrize(
    "spec", [lambda **nodes: OnDemandPoolSpec(machine_type="e2-medium", **nodes), FallbackSpec]
)
def test_limits_are_for_each_zone_or_for_all_of_three(spec, nodes, fewest, most, initial):
    counted = spec(**nodes)

    assert counted.fewest_nodes(3) == fewest
    assert counted.most_nodes(3) == most
    assert counted.initial_per_zone(3) == initial


@given(st.integers(0, 50), st.integers(1, 50), st.integers(1, 6))
def test_a_total_begins_with_its_nodes_or_the_fewest_more_that_are_as_many_in_each_zone(
    initial, maximum, zones
):
    initial = min(initial, maximum)
    nodes = zones * FallbackSpec(nodes_in_total=bounds(0, initial, maximum)).initial_per_zone(zones)

    assert nodes <= maximum
    assert abs(nodes - initial) < zones
    assert nodes >= initial or nodes + zones > maximum


def test_what_is_not_counted_has_no_nodes():
    unsound = FallbackSpec.of_sound_fields({})

    assert (unsound.fewest_nodes(3), unsound.most_nodes(3), unsound.initial_per_zone(3)) == (0,) * 3


def test_nodes_are_counted_in_one_way():
    both = {"nodes_in_total": bounds(1, 1, 3), "nodes_per_zone": bounds(1, 1, 3)}
    twice = refusal_of(OnDemandPoolSpec, machine_type="e2-medium", **both)
    none = refusal_of(FallbackSpec)

    assert twice.startswith(
        "nodes_in_total: must not come with nodes_per_zone: GKE takes limits for each zone or for "
        "all of them, got Bounds("
    )
    assert none == "nodes_in_total: must be given, unless nodes_per_zone is, got None"
