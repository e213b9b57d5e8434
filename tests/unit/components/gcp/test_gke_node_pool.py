"""GkeNodePool: the pool it asks for, how many nodes it has, and what a spec may not say."""

from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from components.bounds import Bounds
from components.gcp.gke_node_pool import (
    FallbackSpec,
    GkeNodePool,
    GkeNodePoolArgs,
    OnDemandPoolSpec,
    SpotPoolSpec,
    UpgradeSpec,
)
from components.kubernetes.taints import Taint
from components.spec import SpecError

POOL = "gcp:container/nodePool:NodePool"
ZONES = ("us-central1-a", "us-central1-b", "us-central1-c")
ONE_TO_THREE = Bounds(minimum=1, initial=1, maximum=3)
SOUND: dict[str, Any] = {"machine_type": "n1-standard-4", "nodes_in_total": ONE_TO_THREE}


def a_pool(
    spec: type[OnDemandPoolSpec | SpotPoolSpec] = OnDemandPoolSpec,
    *,
    name: str = "default-pool",
    compute_class: str | None = None,
    **given: Any,
) -> GkeNodePool:
    return GkeNodePool(
        name,
        GkeNodePoolArgs(
            spec=spec(**{**SOUND, **given}),
            cluster_name="cluster-1",
            location="us-central1",
            zones=ZONES,
            service_account="nodes@invalid",
            compute_class=compute_class,
            labels={"team": "ml"},
        ),
    )


def refusal_of(spec: Any, **given: Any) -> str:
    with pytest.raises(SpecError) as refusal:
        spec(**given)
    return str(refusal.value)


def bounds(minimum: int, initial: int, maximum: int) -> Bounds:
    return Bounds(minimum=minimum, initial=initial, maximum=maximum)


def test_the_pool_is_where_its_args_say(cloud):
    cloud.run(a_pool)

    pool = cloud.one(POOL)
    assert (pool["cluster"], pool["location"]) == ("cluster-1", "us-central1")
    assert pool["nodeLocations"] == [*ZONES]


def test_its_nodes_are_what_the_spec_says(cloud):
    cloud.run(lambda: a_pool(labels={"intent": "apps"}, disk_gib=20, disk_type="pd-ssd"))

    assert cloud.one(POOL)["nodeConfig"] == {
        "machineType": "n1-standard-4",
        "spot": False,
        "diskSizeGb": 20,
        "diskType": "pd-ssd",
        "labels": {"intent": "apps"},
        "taints": [],
        "resourceLabels": {"team": "ml"},
        "serviceAccount": "nodes@invalid",
        "oauthScopes": ["https://www.googleapis.com/auth/cloud-platform"],
        "workloadMetadataConfig": {"mode": "GKE_METADATA"},
        "shieldedInstanceConfig": {"enableSecureBoot": True, "enableIntegrityMonitoring": True},
    }


def test_machines_are_not_labelled_unless_it_is_said(cloud):
    args = GkeNodePoolArgs(
        spec=OnDemandPoolSpec(**SOUND),
        cluster_name="cluster-1",
        location="us-central1",
        zones=ZONES,
        service_account="nodes@invalid",
    )
    cloud.run(lambda: GkeNodePool("default-pool", args))

    config = cloud.one(POOL)["nodeConfig"]
    assert (config["resourceLabels"], config["labels"]) == ({}, {})


def test_a_disk_is_balanced_and_of_50_gib_unless_it_is_said_otherwise(cloud):
    cloud.run(a_pool)

    config = cloud.one(POOL)["nodeConfig"]
    assert (config["diskSizeGb"], config["diskType"]) == (50, "pd-balanced")


@pytest.mark.parametrize(
    ("effect", "asked"),
    [
        ("NoSchedule", "NO_SCHEDULE"),
        ("PreferNoSchedule", "PREFER_NO_SCHEDULE"),
        ("NoExecute", "NO_EXECUTE"),
    ],
)
def test_taints_are_spelled_as_gke_spells_them(cloud, effect, asked):
    cloud.run(lambda: a_pool(taints=(Taint(key="spot", value="yes", effect=effect),)))

    taints = cloud.one(POOL)["nodeConfig"]["taints"]
    assert taints == [{"key": "spot", "value": "yes", "effect": asked}]


def test_a_pool_of_a_compute_class_is_for_pods_of_that_class(cloud):
    taint, key = Taint(key="spot", value="yes"), "cloud.google.com/compute-class"
    cloud.run(lambda: a_pool(compute_class="spot-first", labels={"a": "b"}, taints=(taint,)))

    config = cloud.one(POOL)["nodeConfig"]
    assert config["labels"] == {"a": "b", key: "spot-first"}
    assert config["taints"] == [
        {"key": "spot", "value": "yes", "effect": "NO_SCHEDULE"},
        {"key": key, "value": "spot-first", "effect": "NO_SCHEDULE"},
    ]


def test_a_cpu_platform_is_asked_for_if_the_spec_does(cloud):
    cloud.run(lambda: a_pool(min_cpu_platform="Intel Skylake"))

    assert cloud.one(POOL)["nodeConfig"]["minCpuPlatform"] == "Intel Skylake"


@pytest.mark.parametrize(
    ("nodes", "limits", "initial"),
    [
        ({"nodes_in_total": bounds(1, 4, 9)}, {"totalMinNodeCount": 1, "totalMaxNodeCount": 9}, 2),
        ({"nodes_in_total": bounds(0, 0, 9)}, {"totalMinNodeCount": 0, "totalMaxNodeCount": 9}, 0),
        (
            {"nodes_in_total": None, "nodes_per_zone": bounds(1, 2, 3)},
            {"minNodeCount": 1, "maxNodeCount": 3},
            2,
        ),
    ],
)
def test_the_autoscaler_moves_within_the_bounds_of_the_spec(cloud, nodes, limits, initial):
    cloud.run(lambda: a_pool(**nodes))

    pool = cloud.one(POOL)
    assert pool["autoscaling"] == limits
    assert pool["initialNodeCount"] == initial
    assert "nodeCount" not in pool


@pytest.mark.parametrize("policy", ["ANY", "BALANCED"])
def test_zones_are_chosen_as_the_spec_says(cloud, policy):
    cloud.run(lambda: a_pool(location_policy=policy))

    assert cloud.one(POOL)["autoscaling"]["locationPolicy"] == policy


def test_the_autoscaler_keeps_the_size_it_chose(cloud):
    cloud.run(a_pool)

    assert cloud.options(POOL).ignoreChanges == ["initialNodeCount"]
    assert cloud.one(POOL)["ignoreNodeCountChanges"] is True


def test_nodes_are_repaired_and_upgraded_a_few_at_a_time(cloud):
    cloud.run(lambda: a_pool(upgrades=UpgradeSpec(max_surge=2, max_unavailable=1)))

    pool = cloud.one(POOL)
    assert pool["management"] == {"autoRepair": True, "autoUpgrade": True}
    assert pool["upgradeSettings"] == {"maxSurge": 2, "maxUnavailable": 1}


def test_a_node_is_added_before_one_goes_unless_it_is_said_otherwise(cloud):
    cloud.run(a_pool)

    assert cloud.one(POOL)["upgradeSettings"] == {"maxSurge": 1, "maxUnavailable": 0}


def test_spot_nodes_are_spot_and_go_as_gke_has_it(cloud):
    cloud.run(lambda: a_pool(SpotPoolSpec))

    config = cloud.one(POOL)["nodeConfig"]
    assert config["spot"] is True
    assert "kubeletConfig" not in config


@pytest.mark.parametrize(("total", "critical"), [(120, 15), (30, 10), (30, 30), (120, 0)])
def test_spot_nodes_take_as_long_to_go_as_the_spec_says(cloud, total, critical):
    cloud.run(
        lambda: a_pool(
            SpotPoolSpec, shutdown_grace_seconds=total, critical_pods_grace_seconds=critical
        )
    )

    assert cloud.one(POOL)["nodeConfig"]["kubeletConfig"] == {
        "shutdownGracePeriodSeconds": total,
        "shutdownGracePeriodCriticalPodsSeconds": critical,
    }


def test_pods_have_what_critical_pods_leave():
    spec = SpotPoolSpec(**SOUND, shutdown_grace_seconds=120, critical_pods_grace_seconds=20)

    assert spec.notice_seconds == 100
    assert SpotPoolSpec(**SOUND).notice_seconds == 15


def test_the_pool_belongs_to_it_and_is_promised_by_name(cloud):
    pool = cloud.run(a_pool)

    assert cloud.parent_of(POOL) == "tfserving:index:GkeNodePool::default-pool"
    assert cloud.promised(pool) == {"node_pool_name": "default-pool"}


def test_every_name_leaves_room_for_what_pulumi_adds(cloud):
    cloud.run(lambda: [a_pool(name="a" * 40 + end) for end in "bc"])

    assert {len(name) for name in cloud.all(POOL)} == {40 - len("-1a2b3c4")}
    assert len(cloud.all(POOL)) == 2


@pytest.mark.parametrize("key", ["nodes_in_total", "nodes_per_zone"])
def test_a_count_that_is_wrong_in_itself_is_not_said_to_be_missing(key):
    given = {"machine_type": "e2-medium", key: {"minimum": 1, "initial": 1, "maximum": 0}}

    with pytest.raises(ValidationError) as refusal:
        TypeAdapter(OnDemandPoolSpec).validate_python(given)

    assert {error["loc"][0] for error in refusal.value.errors()} == {key}
    assert "must be given" not in str(refusal.value)


@pytest.mark.parametrize(
    "given",
    [
        {"disk_type": "pd-balanced"},
        {"disk_type": "pd-ssd"},
        {"disk_type": "hyperdisk-balanced"},
        {"location_policy": "BALANCED"},
        {"location_policy": "ANY"},
    ],
)
@pytest.mark.parametrize(
    ("spec", "kind"), [(OnDemandPoolSpec, "on_demand"), (SpotPoolSpec, "spot")]
)
def test_a_pool_is_read_as_a_stack_file_has_it(spec, kind, given):
    sound = {**SOUND, "machine_type": "c3-standard-4", **given}

    assert TypeAdapter(spec).validate_python({**sound, "kind": kind}) == spec(**sound)
    with pytest.raises(ValidationError, match=kind):
        TypeAdapter(spec).validate_python({**sound, "kind": "other"})


def test_a_fallback_is_the_same_machine_on_demand():
    common: dict[str, Any] = {
        "machine_type": "n2-standard-4",
        "labels": {"intent": "apps"},
        "taints": (Taint(key="spot"),),
        "disk_gib": 60,
        "disk_type": "pd-ssd",
        "min_cpu_platform": "Intel Ice Lake",
        "location_policy": "ANY",
        "upgrades": UpgradeSpec(max_surge=3),
    }
    per_zone, total = bounds(0, 0, 2), bounds(0, 0, 5)
    nodes = {"nodes_in_total": ONE_TO_THREE}

    one = SpotPoolSpec(**common, **nodes, fallback=FallbackSpec(nodes_per_zone=per_zone))
    other = SpotPoolSpec(**common, **nodes, fallback=FallbackSpec(nodes_in_total=total))

    assert one.fallback_pool == OnDemandPoolSpec(**common, nodes_per_zone=per_zone)
    assert other.fallback_pool == OnDemandPoolSpec(**common, nodes_in_total=total)
    assert SpotPoolSpec(**SOUND).fallback_pool is None


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (
            {"labels": {"a.k8s.io/b": "c"}},
            "labels.a.k8s.io/b: must not be in a domain of Kubernetes: a kubelet that sets it "
            "won't start, got 'a.k8s.io/b'",
        ),
        *(
            (
                {"labels": {"team": "ml", f"cloud.google.com/{name}": "true"}},
                f"labels.cloud.google.com/{name}: must not be in the domain cloud.google.com: GKE "
                f"sets what is true of it, got 'cloud.google.com/{name}'",
            )
            for name in ("compute-class", "gke-spot", "gke-nodepool")
        ),
        (
            {"taints": (Taint(key="a"), Taint(key="cloud.google.com/compute-class"))},
            "taints.1.key: must not be the taint of compute classes: a pool with a fallback gets "
            "one, got 'cloud.google.com/compute-class'",
        ),
        ({"disk_gib": 9}, "disk_gib: must be at least 10, got 9"),
        (
            {"machine_type": "n4-standard-4"},
            "disk_type: must be hyperdisk-balanced: n4 machines have no others, got 'pd-balanced'",
        ),
        (
            {"machine_type": "c2-standard-4", "min_cpu_platform": "Intel Skylake"},
            "min_cpu_platform: must be Intel Cascade Lake: c2 machines have no others, "
            "got 'Intel Skylake'",
        ),
    ],
)
def test_nodes_are_none_that_gke_refuses(given, message):
    assert refusal_of(OnDemandPoolSpec, **{**SOUND, **given}) == message


def test_a_disk_is_as_large_as_an_image_at_least():
    assert OnDemandPoolSpec(**SOUND, disk_gib=10).disk_gib == 10


def test_a_taint_may_be_of_google():
    taint = Taint(key="cloud.google.com/gke-spot", value="true")

    assert SpotPoolSpec(**SOUND, taints=(taint,)).taints == (taint,)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"max_surge": -1, "max_unavailable": 2}, "max_surge: must be at least 0, got -1"),
        ({"max_unavailable": -1, "max_surge": 2}, "max_unavailable: must be at least 0, got -1"),
        (
            {"max_surge": 0},
            "max_surge: must be 1 to 20 nodes together with max_unavailable, 0, got 0",
        ),
        (
            {"max_surge": 18, "max_unavailable": 3},
            "max_surge: must be 1 to 20 nodes together with max_unavailable, 3, got 18",
        ),
    ],
)
def test_some_nodes_are_upgraded_at_a_time_but_not_too_many(given, message):
    assert refusal_of(UpgradeSpec, **given) == message
    assert UpgradeSpec(max_surge=0, max_unavailable=20).max_unavailable == 20


@pytest.mark.parametrize(
    ("given", "message"),
    [
        *(
            (
                {"shutdown_grace_seconds": seconds, "critical_pods_grace_seconds": 0},
                f"shutdown_grace_seconds: must be 30 or 120: GKE takes no others, got {seconds}",
            )
            for seconds in (0, 29, 60, 121)
        ),
        (
            {"critical_pods_grace_seconds": 31},
            "critical_pods_grace_seconds: must be between 0 and shutdown_grace_seconds, 30, got 31",
        ),
        (
            {"critical_pods_grace_seconds": -1},
            "critical_pods_grace_seconds: must be between 0 and shutdown_grace_seconds, 30, got -1",
        ),
    ],
)
def test_a_shutdown_is_as_long_as_gke_has_it(given, message):
    assert refusal_of(SpotPoolSpec, **SOUND, **given) == message
