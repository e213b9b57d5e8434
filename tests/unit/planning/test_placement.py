"""Placement: what fits on pools at their maximum, alone and beside others."""

from dataclasses import replace
from itertools import product

from hypothesis import given
from hypothesis import strategies as st

from planning.capacity import Resources
from planning.placement import Pods, Pool, Taint, place

SMALL = Pool(nodes=15, room=Resources(3720, 13906, 54), labels={"size": "small"})
LARGE = Pool(nodes=15, room=Resources(7710, 29061, 54), labels={"size": "large"})
POOLS = {"small": SMALL, "large": LARGE}
SIZE = Resources(2000, 2048)
XY = {"x": 15, "y": 30}

sizes = st.builds(Resources, st.integers(0, 5000), st.integers(0, 9000), st.just(1))
rooms = st.builds(Resources, st.integers(0, 8000), st.integers(0, 20_000), st.integers(0, 20))
kinds = st.builds(
    Pods,
    size=sizes,
    maximum=st.integers(0, 40),
    selector=st.sampled_from([{}, {"size": "small"}, {"size": "large"}]),
)
fleets = st.dictionaries(st.sampled_from("abcd"), kinds, min_size=1)
pools = st.fixed_dictionaries(
    {
        size: st.builds(Pool, nodes=st.integers(0, 6), room=rooms, labels=st.just({"size": size}))
        for size in POOLS
    }
)


def test_the_articles_hundred_replicas_are_sixty():
    """15 nodes of 4 vCPU hold one pod of 2 CPU each, 15 of 8 vCPU three: not two and four."""
    found = place({"resnet": Pods(size=SIZE, maximum=100)}, POOLS)["resnet"]

    assert (found.placed, found.alone) == (60, 60)
    assert found.arithmetic == (
        "15 nodes of small x 1 (3720m CPU, a pod 2000m)"
        " + 15 nodes of large x 3 (7710m CPU, a pod 2000m)"
    )


def test_one_node_is_no_nodes():
    found = place({"a": Pods(size=SIZE, maximum=1)}, {"only": replace(SMALL, nodes=1)})["a"]

    assert found.arithmetic.startswith("1 node of only x 1 ")


def test_a_selector_and_taints_say_which_pools_count():
    gpu = Taint("gpu", "", "NoSchedule")
    soft = Taint("soft", "", "PreferNoSchedule")
    fleet = {
        "small": replace(SMALL, taints=frozenset({soft})),
        "large": replace(LARGE, taints=frozenset({gpu})),
    }
    pods = Pods(size=SIZE, maximum=100)

    found = place(
        {
            "any": pods,
            "large": replace(pods, selector={"size": "large"}),
            "none": replace(pods, selector={"size": "huge"}),
            "tolerant": replace(pods, tolerations=frozenset({gpu})),
            "of another effect": replace(
                pods, tolerations=frozenset({gpu._replace(effect="NoExecute")})
            ),
        },
        fleet,
    )

    assert {name: each.alone for name, each in found.items()} == {
        "any": 15,
        "large": 0,
        "none": 0,
        "tolerant": 60,
        "of another effect": 15,
    }
    assert found["none"].arithmetic == found["large"].arithmetic == ""


def test_models_that_share_pools_share_their_room():
    found = place(
        {"first": Pods(size=SIZE, maximum=55), "second": Pods(size=SIZE, maximum=10)}, POOLS
    )

    assert {name: each.placed for name, each in found.items()} == {"first": 55, "second": 5}
    assert found["second"].alone == 60
    assert found["second"].rivals == ["first"]


def test_those_with_a_choice_leave_room_to_those_without():
    picky = Pods(size=SIZE, maximum=45, selector={"size": "large"})

    found = place({"any": Pods(size=SIZE, maximum=20), "picky": picky}, POOLS)

    assert (found["any"].placed, found["picky"].placed) == (15, 45)


def test_pools_that_few_may_use_are_filled_first():
    labels = {"shared": {"x": "yes", "y": "yes"}, "xs": {"x": "yes"}, "ys": {"y": "yes"}}
    fleet = {name: replace(SMALL, labels=each) for name, each in labels.items()}
    kinds = {key: Pods(size=SIZE, maximum=most, selector={key: "yes"}) for key, most in XY.items()}

    found = place(kinds, fleet)

    assert {name: each.placed for name, each in found.items()} == XY


def test_small_pods_fill_what_large_ones_leave():
    tiny = Pods(size=Resources(100, 128), maximum=17 * 15)

    found = place({"tiny": tiny, "large": Pods(size=SIZE, maximum=15)}, {"small": SMALL})

    assert (found["large"].placed, found["tiny"].placed) == (15, 17 * 15)


@given(fleet=fleets, pools=pools)
def test_no_more_is_placed_than_is_wanted_or_would_fit_alone(fleet, pools):
    for name, found in place(fleet, pools).items():
        assert 0 <= found.placed <= min(found.alone, fleet[name].maximum)


@given(fleet=fleets, pools=pools)
def test_what_is_placed_fits_by_every_resource(fleet, pools):
    found = place(fleet, pools)

    for number in range(3):
        taken = sum(found[name].placed * kind.size[number] for name, kind in fleet.items())
        assert taken <= sum(pool.nodes * pool.room[number] for pool in pools.values())


@given(kind=kinds, pools=pools)
def test_a_kind_alone_has_its_maximum_or_what_its_pools_hold(kind, pools):
    found = place({"a": kind}, pools)["a"]

    assert found.placed == min(found.alone, kind.maximum)
    assert found.alone == sum(
        pool.nodes * pool.room.holds(kind.size) for pool in pools.values() if pool.admits(kind)
    )


@given(kind=kinds, pools=pools, more=st.integers(0, 5))
def test_more_nodes_never_hold_fewer_replicas(kind, pools, more):
    larger = {name: replace(pool, nodes=pool.nodes + more) for name, pool in pools.items()}

    before, after = place({"a": kind}, pools)["a"], place({"a": kind}, larger)["a"]

    assert after.placed >= before.placed
    assert after.alone >= before.alone


@given(fleet=fleets, nodes=st.integers(0, 6), room=rooms, more=st.integers(0, 3))
def test_in_one_pool_that_is_so_for_each_of_many(fleet, nodes, room, more):
    pool = Pool(nodes=nodes, room=room, labels={"size": "small"})

    before = place(fleet, {"only": pool})
    after = place(fleet, {"only": replace(pool, nodes=nodes + more)})

    assert all(after[name].placed >= before[name].placed for name in fleet)


few = st.builds(
    Pods,
    size=st.builds(Resources, st.integers(1000, 4000), st.integers(1000, 4000), st.just(1)),
    maximum=st.integers(0, 9),
)


@given(first=few, second=few, nodes=st.integers(0, 3))
def test_what_is_said_to_fit_together_can_be_put_on_single_nodes(first, second, nodes):
    room = Resources(4000, 4000, 3)

    found = place({"a": first, "b": second}, {"only": Pool(nodes=nodes, room=room)})

    on_one = {
        (one, other)
        for one, other in product(range(4), repeat=2)
        if one + other == 0 or room.holds(_together(first.size, one, second.size, other))
    }
    reachable = {(0, 0)}
    for _ in range(nodes):
        reachable = {(a + one, b + other) for a, b in reachable for one, other in on_one}
    assert (found["a"].placed, found["b"].placed) in reachable


def _together(first: Resources, one: int, second: Resources, other: int) -> Resources:
    return Resources(*(one * a + other * b for a, b in zip(first, second, strict=True)))
