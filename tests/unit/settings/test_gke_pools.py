"""Pools of GKE: how many nodes they have, for whom, and under which names."""

import pulumi
import pytest

from settings.gke_pools import planned_pools
from tests.unit.settings.gke_lab import MODEL, POOL, SYSTEM, TOTAL, lab, loaded, spot_lab
from tests.unit.stack_files import PLATFORM, faults_of, put, take

CLASS = "cloud.google.com/compute-class"
GKES_OWN = "components.gke.io/gke-managed-components"
FALLBACK = {"nodes_in_total": {"minimum": 0, "initial": 0, "maximum": 3}}


@pytest.fixture
def doubts(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What a preview warns of."""
    said: list[str] = []
    monkeypatch.setattr(pulumi, "warn", said.append)
    monkeypatch.setattr(pulumi.runtime, "is_dry_run", lambda: True)
    return said


def test_a_pools_limits_are_for_each_zone_or_for_all_of_them(cloud):
    config = lab()
    put(config, f"{POOL}.nodes_per_zone", TOTAL)

    (fault,) = faults_of(config)
    assert fault.startswith(
        f"{POOL}.nodes_in_total: must not come with nodes_per_zone: GKE takes limits for each zone "
        "or for all of them"
    )


def test_a_pool_without_limits_is_refused(cloud):
    config = lab()
    take(config, f"{POOL}.nodes_in_total")

    assert faults_of(config) == [
        f"{POOL}.nodes_in_total: must be given, unless nodes_per_zone is; got null"
    ]


def test_a_pool_of_many_zones_begins_with_none_or_with_one_in_each(cloud):
    config = lab(location="us-central1")
    put(config, f"{POOL}.nodes_in_total.maximum", 2)
    put(config, f"{MODEL}.replicas.maximum", 2)

    (fault,) = faults_of(config)
    assert fault.startswith(
        f"{POOL}.nodes_in_total.initial: must be 0, or a maximum of 3 or more: GKE begins with as "
        "many nodes in each of the 3 zones; got 1"
    )
    put(config, f"{POOL}.nodes_in_total", {"minimum": 0, "initial": 0, "maximum": 2})
    loaded(config)


@pytest.mark.parametrize(
    ("location", "zones", "limits", "nodes"),
    [
        ("us-central1-f", [], {"nodes_in_total": TOTAL}, 3),
        ("us-central1-f", [], {"nodes_per_zone": TOTAL}, 3),
        ("us-central1", [], {"nodes_in_total": TOTAL}, 3),
        ("us-central1", [], {"nodes_per_zone": TOTAL}, 9),
        ("us-central1", ["us-central1-b", "us-central1-f"], {"nodes_per_zone": TOTAL}, 6),
    ],
)
def test_limits_of_a_zone_count_once_for_each_zone(cloud, location, zones, limits, nodes):
    config = lab(location=location, zones=zones)
    put(config, POOL, {"kind": "on_demand", "machine_type": "n1-standard-4", **limits})
    platform, _ = loaded(config)

    assert planned_pools(platform)["default-pool"].nodes == nodes


def test_a_pool_with_a_fallback_is_for_pods_of_its_compute_class(cloud):
    config = spot_lab(nodes_in_total=TOTAL, fallback={"nodes_in_total": {**TOTAL, "minimum": 0}})

    put(config, f"{MODEL}.node_selector", {CLASS: "default-pool"})
    platform, _ = loaded(config)

    pools = planned_pools(platform)
    assert {name: (pool.nodes, pool.is_spot) for name, pool in pools.items()} == {
        "system": (1, False),
        "default-pool": (3, True),
        "default-pool (fallback)": (3, False),
    }


def test_a_compute_class_that_no_pool_has_is_refused(cloud):
    config = lab()
    put(config, f"{MODEL}.node_selector", {CLASS: "none"})

    (fault,) = faults_of(config)
    assert fault.startswith(f"{MODEL}.node_selector: must match the labels of a pool: default-pool")


def test_spot_nodes_are_told_by_gkes_own_label(cloud):
    config = lab()
    put(config, f"{MODEL}.node_selector", {"cloud.google.com/gke-spot": "true"})

    # Whether a node has it is GKE's to say, where no pool of the file is known to.
    loaded(config)


def test_a_pool_whose_name_begins_with_a_digit_is_refused(cloud):
    config = lab()
    put(config, f"{PLATFORM}.pools.4vcpu", config[PLATFORM]["pools"]["default-pool"])

    assert faults_of(config) == [f'{PLATFORM}.pools.4vcpu: must begin with a letter; got "4vcpu"']


def test_a_fallback_begins_with_none_or_with_one_in_each_zone_too(cloud):
    fallback = {"nodes_in_total": {"minimum": 0, "initial": 1, "maximum": 2}}
    config = spot_lab(nodes_in_total=TOTAL, fallback=fallback)
    put(config, f"{PLATFORM}.location", "us-central1")
    put(config, f"{MODEL}.node_selector", {CLASS: "default-pool"})

    (fault,) = faults_of(config)
    assert fault.startswith(f"{POOL}.fallback.nodes_in_total.initial: must be 0, or a maximum of 3")


def test_a_network_without_addresses_for_all_nodes_is_refused(cloud):
    (fault,) = faults_of(lab(network__pods_cidr="10.64.0.0/23"))
    assert fault == (
        f"{PLATFORM}.network.pods_cidr: must have room for the 3 nodes of all pools, a /24 for the "
        'pods of each, and cidr an address: they have it for 2; got "10.64.0.0/23"'
    )
    loaded(lab(network__pods_cidr="10.64.0.0/22"))

    config = spot_lab(nodes_in_total=TOTAL, fallback={"nodes_per_zone": {**TOTAL, "maximum": 2}})
    put(config, f"{MODEL}.node_selector", {CLASS: "default-pool"})
    put(config, f"{PLATFORM}.network.pods_cidr", "10.64.0.0/22")
    (fault,) = faults_of(config)
    assert "the 6 nodes of all pools" in fault


@pytest.mark.parametrize("tolerations", [[], [{"key": CLASS, "value": "default-pool"}]])
def test_pods_that_do_not_ask_for_a_class_are_told_to(cloud, tolerations):
    config = spot_lab(nodes_in_total=TOTAL, fallback=FALLBACK, labels={"intent": "apps"})
    put(config, f"{PLATFORM}.pools.burst", config[PLATFORM]["pools"]["default-pool"])
    put(config, f"{MODEL}.node_selector", {"intent": "apps"})
    put(config, f"{MODEL}.tolerations", tolerations)

    assert faults_of(config) == [
        f"{MODEL}.node_selector: must have {CLASS}: default-pool or burst, as nodes of a class are "
        'for pods that ask for it; got {"intent": "apps"}'
    ]
    put(config, f"{MODEL}.node_selector", {"intent": "apps", CLASS: "burst"})
    loaded(config)


def test_a_class_whose_nodes_have_other_labels_is_not_named(cloud):
    config = spot_lab(nodes_in_total=TOTAL, fallback=FALLBACK, labels={"intent": "apps"})
    put(config, f"{MODEL}.node_selector", {"intent": "batch"})

    (fault,) = faults_of(config)
    assert fault.startswith(f"{MODEL}.node_selector: must match the labels of a pool: ")


def test_pods_that_do_not_ask_for_a_class_have_no_room_among_others(cloud):
    config = spot_lab(nodes_in_total=TOTAL, fallback=FALLBACK)

    assert faults_of(config) == [
        f"{MODEL}.replicas.maximum: must be at most 0, or allow_unplaceable_replicas: true: its "
        "pools hold 0 = 1 node of system x 0 (90m CPU, a pod 3000m); more may be for a "
        f"node_selector of {CLASS}: default-pool; got 3"
    ]


def test_the_nodes_of_a_fallback_have_a_name_that_no_pool_has(cloud):
    config = spot_lab(nodes_in_total=TOTAL, fallback=FALLBACK)
    put(config, f"{MODEL}.node_selector", {CLASS: "default-pool"})
    put(config, f"{PLATFORM}.pools.default-pool-on-demand", SYSTEM)

    assert faults_of(config) == [
        f"{POOL}-on-demand: must be another name: the nodes of default-pool's fallback have this "
        'one; got "default-pool-on-demand"'
    ]
    take(config, f"{POOL}.fallback")
    take(config, f"{MODEL}.node_selector")
    loaded(config)


@pytest.mark.parametrize(
    "system",
    [
        {**SYSTEM, "taints": [{"key": "models"}]},
        {**SYSTEM, "taints": [{"key": "models", "effect": "NoExecute"}]},
        {**SYSTEM, "taints": [{"key": GKES_OWN}, {"key": "models"}]},
        {**SYSTEM, "kind": "spot", "fallback": FALLBACK},
    ],
)
def test_a_preview_warns_if_pods_of_gke_itself_have_no_pool_to_run_on(cloud, doubts, system):
    config = spot_lab(nodes_in_total=TOTAL, fallback=FALLBACK)
    put(config, f"{MODEL}.node_selector", {CLASS: "default-pool"})
    loaded(config)
    assert doubts == []
    put(config, f"{PLATFORM}.pools.system", system)
    loaded(config)

    assert doubts == [
        f"{PLATFORM}.pools: should have one without a fallback and without taints of NoSchedule or "
        "NoExecute: unless others add one, pods of GKE itself, such as DNS, find no node; got "
        '["default-pool", "system"]'
    ]


@pytest.mark.parametrize(
    "system",
    [
        {**SYSTEM, "kind": "spot"},
        {**SYSTEM, "taints": [{"key": "models", "effect": "PreferNoSchedule"}]},
        {**SYSTEM, "taints": [{"key": GKES_OWN, "value": "true"}]},
    ],
)
def test_pods_of_gke_itself_run_where_nothing_keeps_them_off(cloud, doubts, system):
    config = spot_lab(nodes_in_total=TOTAL, fallback=FALLBACK)
    put(config, f"{MODEL}.node_selector", {CLASS: "default-pool"})
    put(config, f"{PLATFORM}.pools.system", system)
    loaded(config)

    assert doubts == []


def test_a_preview_warns_of_a_minimum_that_many_zones_do_not_begin_with(cloud, doubts):
    config = lab(location="us-central1")
    put(config, f"{POOL}.nodes_in_total", {"minimum": 4, "initial": 5, "maximum": 5})
    loaded(config)

    assert doubts == [
        f"{POOL}.nodes_in_total.minimum: should be at most 3, or come with a maximum of 6 or more: "
        "GKE begins with as many nodes in each of the 3 zones, 3 x 1 or 3 x 2, and adds others "
        "when pods wait for them; got 4"
    ]
    doubts.clear()
    for minimum, maximum in ((3, 5), (4, 6)):
        put(
            config,
            f"{POOL}.nodes_in_total",
            {"minimum": minimum, "initial": 5, "maximum": maximum},
        )
        loaded(config)
    assert doubts == []


def test_a_deployment_does_not_repeat_the_doubts_of_its_preview(cloud, doubts, monkeypatch):
    monkeypatch.setattr(pulumi.runtime, "is_dry_run", lambda: False)
    config = lab(location="us-central1")
    put(config, f"{POOL}.nodes_in_total", {"minimum": 4, "initial": 5, "maximum": 5})
    loaded(config)

    assert doubts == []


def test_an_empty_total_of_many_zones_begins_with_none(cloud):
    config = lab(location="us-central1")
    put(config, f"{POOL}.nodes_in_total", {"minimum": 0, "initial": 0, "maximum": 3})

    loaded(config)
