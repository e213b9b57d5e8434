"""Node pools: their instance groups, and what a change of a pool makes of its instances."""

import re
from collections import Counter

import pytest

from sandbox.errors import SandboxError
from sandbox.gke.node_pools import NodePools
from sandbox.layout import Layout
from sandbox.tests.node_pools import ZONES, inputs, made, sizes, there


@pytest.fixture
def pools(layout: Layout) -> NodePools:
    return NodePools(layout, "gke")


def by_zone(pools: NodePools, name: str) -> Counter[str]:
    return Counter(each.zone for each in there(pools, name).instances)


def test_a_pool_begins_with_its_initial_nodes_in_each_zone(pools):
    made(pools, "web", initial=2)

    assert by_zone(pools, "web") == dict.fromkeys(ZONES, 2)
    assert sizes(pools, "web") == [2, 2, 2]


def test_a_pool_without_initial_nodes_is_empty(pools):
    assert made(pools, "web", initial=0).instances == ()


def test_instances_are_named_as_on_gke_and_have_addresses_of_their_own(pools):
    names = [each.name for each in made(pools, "web").instances]
    addresses = [each.address for each in there(pools, "web").instances]
    addresses += [each.address for each in made(pools, "other", initial=2).instances]

    for name in names:
        assert re.fullmatch(r"gke-cluster-1-web-[0-9a-f]{8}-[a-z0-9]{4}", name)
    assert len({name.rpartition("-")[0] for name in names}) == 3
    assert len({*addresses}) == 9


def test_a_long_pool_name_is_cut_so_that_the_nodes_name_is_a_label(pools):
    (one,) = made(pools, "p" * 40, ZONES[0]).instances

    assert len(one.name) <= 63


def test_a_pool_is_found_by_its_owner_and_its_name_is_taken_once(pools):
    made(pools, "web")

    assert pools.find("owner of web") == ["web"]
    assert pools.find("owner of other") == []
    with pytest.raises(SandboxError, match="node pool web is there already"):
        made(pools, "web")


def test_a_pool_that_is_deleted_is_gone_and_may_be_deleted_again(pools):
    made(pools, "web")
    pools.delete("web")
    pools.delete("web")

    assert pools.read("web") is None
    assert pools.all() == []


def test_another_process_sees_what_was_changed(pools, layout):
    made(pools, "web")
    NodePools(layout, "gke").resize("web", ZONES[1], 3)

    assert sizes(pools, "web") == [1, 3, 1]
    assert by_zone(pools, "web")[ZONES[1]] == 3
    assert NodePools(layout, "other").all() == []


def test_what_is_ended_is_replaced_unless_the_group_shrinks(pools):
    first, second, _ = made(pools, "web").instances

    pools.end("web", first.name, shrink=False)
    assert first not in there(pools, "web").instances
    assert sizes(pools, "web") == [1, 1, 1]
    assert by_zone(pools, "web") == dict.fromkeys(ZONES, 1)

    pools.end("web", second.name, shrink=True)
    assert sizes(pools, "web") == [1, 0, 1]
    assert len(there(pools, "web").instances) == 2


def test_in_a_shortage_a_spot_pool_keeps_what_it_has_and_starts_nothing(pools):
    first, *_ = made(pools, "web", spot=True).instances
    pools.set_shortage("web", short=True)
    pools.end("web", first.name, shrink=False)
    pools.resize("web", ZONES[1], 2)

    assert by_zone(pools, "web") == {ZONES[1]: 1, ZONES[2]: 1}
    pools.set_shortage("web", short=False)
    assert by_zone(pools, "web") == {ZONES[0]: 1, ZONES[1]: 2, ZONES[2]: 1}


def test_in_a_shortage_of_spot_vms_others_are_started(pools):
    made(pools, "web", spot=True)
    pools.set_shortage("web", short=True)
    pools.update("web", inputs(spot=False))
    pools.resize("web", ZONES[0], 2)

    assert by_zone(pools, "web")[ZONES[0]] == 2


def test_in_a_shortage_there_is_no_surge(pools):
    made(pools, "web", spot=True)
    pools.set_shortage("web", short=True)
    pools.update("web", inputs(spot=True, machineType="n1-standard-8"))
    pools.surge("web", ZONES[0])

    assert len(there(pools, "web").instances) == 3


def test_labels_taints_and_limits_change_in_place(pools):
    before = made(pools, "web").instances
    taint = {"key": "k", "value": "v", "effect": "NO_SCHEDULE"}
    limits = {"minNodeCount": 0, "maxNodeCount": 9}
    pools.update("web", inputs(labels={"a": "b"}, taints=[taint], autoscaling=limits))

    after = there(pools, "web")
    assert after.instances == before
    assert after.is_current
    assert after.bounds == (0, 9)


def test_another_machine_type_makes_instances_outdated(pools):
    before = made(pools, "web").instances
    pools.update("web", inputs(machineType="n1-standard-8"))

    pool = there(pools, "web")
    assert pool.instances == before
    assert not pool.is_current
    assert pool.node_config["machineType"] == "n1-standard-8"


def test_during_an_upgrade_a_zone_may_have_one_more_until_an_old_one_ends(pools):
    (old,) = made(pools, "web", ZONES[0]).instances
    pools.update("web", inputs(machineType="n1-standard-8"))

    pools.surge("web", ZONES[0])
    assert len(there(pools, "web").instances) == 2
    pools.end("web", old.name, shrink=False)

    (new,) = there(pools, "web").instances
    assert new.node_config["machineType"] == "n1-standard-8"
    assert there(pools, "web").is_current


def test_zones_come_and_go_with_the_locations(pools):
    made(pools, "web", ZONES[0], ZONES[1])
    pools.resize("web", ZONES[0], 3)
    pools.update("web", inputs(nodeLocations=[ZONES[0], ZONES[2]]))

    assert by_zone(pools, "web") == {ZONES[0]: 3, ZONES[2]: 1}


def test_a_node_count_resizes_a_pool_that_nothing_scales(pools):
    made(pools, "web")
    pools.update("web", inputs(nodeCount=2))
    assert sizes(pools, "web") == [2, 2, 2]

    pools.update("web", inputs(nodeCount=1, autoscaling={"maxNodeCount": 5}))
    assert sizes(pools, "web") == [2, 2, 2]


@pytest.mark.parametrize(
    ("autoscaling", "bounds", "total"),
    [
        (None, None, None),
        ({"minNodeCount": 1, "maxNodeCount": 3}, (1, 3), None),
        ({"maxNodeCount": 3}, (0, 3), None),
        ({"totalMinNodeCount": 1, "totalMaxNodeCount": 3}, None, (1, 3)),
    ],
)
def test_limits_are_of_each_zone_or_of_all(pools, autoscaling, bounds, total):
    pool = made(pools, "web", autoscaling=autoscaling)

    assert (pool.bounds, pool.total_bounds) == (bounds, total)
    assert pool.is_autoscaled is (autoscaling is not None)


@pytest.mark.parametrize(
    ("policy", "spot", "balances"),
    [
        (None, False, True),
        (None, True, False),
        ("BALANCED", True, True),
        ("ANY", False, False),
    ],
)
def test_a_pool_is_balanced_by_its_policy_or_unless_it_is_of_spot_vms(
    pools, policy, spot, balances
):
    pool = made(pools, "web", spot=spot, autoscaling={"locationPolicy": policy, "maxNodeCount": 3})

    assert pool.balances is balances


def test_what_is_not_there_cannot_be_changed(pools):
    with pytest.raises(SandboxError, match="there is no node pool web"):
        pools.resize("web", ZONES[0], 1)
