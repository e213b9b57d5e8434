"""Capacity of a stack file: instances that suit their pool, and models that fit on them."""

from typing import Any

import pulumi
import pytest

import settings
from tests.unit.stack_files import MODELS, PLATFORM, config_of, configure, faults_of, put, take

POOLS = f"{PLATFORM}.pools"
SPOT = f"{POOLS}.4vcpu-16gb"
TYPES = f"{SPOT}.instance_types"
MODEL = f"{MODELS}.half-plus-two"
SIX = ["m5.xlarge", "m5d.xlarge", "m4.xlarge", "m5a.xlarge", "m6i.xlarge", "m6a.xlarge"]
OF_ARTICLE = {
    "prod-4vcpu-16gb-spot": ["m5", "m5d", "m4", "t3", "t3a", "m5a", "t2"],
    "prod-8vcpu-32gb-spot": ["m5", "m5n", "m5d", "m5dn", "m5a", "m4"],
}


def config_of_the_article() -> dict[str, Any]:
    """The dev environment with the article's Spot pools, as large as they may become."""
    config = config_of()
    spot = take(config, SPOT)
    for (name, families), size in zip(OF_ARTICLE.items(), ("xlarge", "2xlarge"), strict=True):
        types = [f"{family}.{size}" for family in families]
        nodes = {"minimum": 0, "initial": 10, "maximum": 15}
        pool = {**spot, "instance_types": types, "nodes": nodes, "burstable": size == "xlarge"}
        put(config, f"{POOLS}.{name}", pool)
    put(config, f"{MODEL}.replicas", {"minimum": 20, "initial": 25, "maximum": 60})
    return config


def test_types_of_two_shapes_in_a_pool_are_refused(cloud):
    config = config_of()
    put(config, TYPES, ["c5.xlarge", *SIX])

    (fault,) = faults_of(config)

    assert fault.startswith(
        f"{TYPES}: must be types of one shape, as an autoscaler takes all for the first: "
        'c5.xlarge is 4 vCPU and 8 GiB, m5.xlarge is 4 vCPU and 16 GiB; got ["c5.xlarge", '
    )


def test_a_type_of_another_architecture_is_refused(cloud):
    config = config_of()
    put(config, TYPES, [*SIX, "m6g.xlarge"])

    assert faults_of(config) == [
        f"{TYPES}.6: must be an x86_64 type, since TensorFlow Serving has no image for arm64; "
        'got "m6g.xlarge"'
    ]


def test_a_type_of_unknown_size_is_refused_and_nothing_is_said_of_its_capacity(cloud):
    config = config_of()
    put(config, TYPES, [*SIX, "m99.xlarge"])
    put(config, f"{MODEL}.replicas.maximum", 1000)

    assert faults_of(config) == [
        f"{TYPES}.6: must be a type whose size is known: planning/instance_types.csv has no row "
        'for it; got "m99.xlarge"'
    ]


def test_fewer_than_six_types_for_spot_have_to_be_meant(cloud):
    config = config_of()
    put(config, TYPES, ["m5.xlarge", "m4.xlarge"])

    assert faults_of(config) == [
        f"{TYPES}: must be 6 or more different types, since Spot may be out of any; "
        'few_instance_types: true takes fewer; got ["m5.xlarge", "m4.xlarge"]'
    ]

    put(config, f"{SPOT}.few_instance_types", True)
    configure(config)
    assert settings.load()


def test_burstable_types_for_spot_have_to_be_meant(cloud):
    config = config_of()
    put(config, TYPES, [*SIX, "t3.xlarge"])

    assert faults_of(config) == [
        f"{TYPES}.6: must not be a burstable type: steady load spends its CPU credits, and it is "
        'slower or dearer from then on; burstable: true takes it; got "t3.xlarge"'
    ]

    put(config, f"{SPOT}.burstable", True)
    configure(config)
    assert settings.load()


def test_what_spot_has_to_mean_is_no_matter_on_demand(cloud):
    config = config_of()
    put(config, f"{POOLS}.system.instance_types", ["t3.large"])
    configure(config)

    assert settings.load()


def test_the_articles_hundred_replicas_are_refused_with_the_arithmetic(cloud):
    config = config_of_the_article()
    put(config, f"{MODEL}.replicas.maximum", 100)

    assert faults_of(config) == [
        f"{MODEL}.replicas.maximum: must be at most 60, or allow_unplaceable_replicas: true: its "
        "pools hold 60 = 15 nodes of prod-4vcpu-16gb-spot x 1 (3720m CPU, a pod 2000m) + "
        "15 nodes of prod-8vcpu-32gb-spot x 3 (7710m CPU, a pod 2000m); got 100"
    ]


@pytest.mark.parametrize(("preview", "warnings"), [(True, 1), (False, 0)])
def test_replicas_beyond_capacity_that_are_allowed_are_told_in_the_preview(
    cloud, monkeypatch, preview, warnings
):
    told: list[str] = []
    monkeypatch.setattr(pulumi, "warn", told.append)
    monkeypatch.setattr(pulumi.runtime, "is_dry_run", lambda: preview)
    config = config_of_the_article()
    put(config, f"{MODEL}.replicas.maximum", 100)
    put(config, f"{MODEL}.allow_unplaceable_replicas", True)
    configure(config)

    settings.load()

    assert len(told) == warnings
    for warning in told:
        assert warning.startswith(
            f"{MODEL}.replicas.maximum: only 60 can be placed, the rest stays pending: "
            "its pools hold 60 = 15 nodes of prod-4vcpu-16gb-spot x 1 "
        )


def test_sixty_replicas_fit_on_the_articles_nodes(cloud):
    configure(config_of_the_article())

    assert settings.load()


def test_models_share_what_their_pools_hold(cloud):
    config = config_of()
    other = {
        **config[MODELS]["half-plus-two"],
        "replicas": {"minimum": 1, "initial": 1, "maximum": 2},
    }
    put(config, f"{MODELS}.other", other)

    (fault,) = faults_of(config)

    assert fault == (
        f"{MODELS}.other.replicas.maximum: must be at most 0, or allow_unplaceable_replicas: true: "
        "its pools hold 3 = 3 nodes of 4vcpu-16gb x 1 (3720m CPU, a pod 2000m), less what 3 of "
        "half-plus-two take; got 2"
    )


def test_a_fallback_holds_what_the_pool_does_not(cloud):
    config = config_of()
    nodes = {"minimum": 0, "initial": 0, "maximum": 2}
    put(config, f"{SPOT}.fallback", {"nodes": nodes})
    put(config, f"{MODEL}.replicas.maximum", 5)
    configure(config)
    assert settings.load()

    put(config, f"{MODEL}.replicas.maximum", 6)
    (fault,) = faults_of(config)
    assert "+ 2 nodes of 4vcpu-16gb (fallback) x 1 (3720m CPU, a pod 2000m); got 6" in fault

    put(config, f"{MODEL}.node_selector", {"lifecycle": "Ec2Spot"})
    (fault,) = faults_of(config)
    assert "must be at most 3, " in fault


def test_daemon_sets_have_their_share_of_each_node(cloud):
    config = config_of()
    put(config, f"{MODEL}.requests.cpu", "1900m")
    put(config, f"{MODEL}.replicas.maximum", 6)
    put(config, f"{PLATFORM}.daemon_sets", {"cpu": "100m"})
    configure(config)
    assert settings.load()

    put(config, f"{PLATFORM}.daemon_sets", {"cpu": "121m"})
    (fault,) = faults_of(config)
    assert "3 nodes of 4vcpu-16gb x 1 (3799m CPU, a pod 1900m)" in fault


@pytest.mark.parametrize(
    ("key", "value", "rule"),
    [
        ("cpu", "much", "must be a quantity, such as 0, 500m or 2Gi"),
        ("memory", "-1Gi", "must be a quantity, such as 0, 500m or 2Gi"),
        ("pods", -1, "must be 0 or more"),
    ],
)
def test_the_share_of_daemon_sets_is_checked(cloud, key, value, rule):
    config = config_of()
    put(config, f"{PLATFORM}.daemon_sets", {key: value})

    (fault,) = faults_of(config)

    assert fault.startswith(f"{PLATFORM}.daemon_sets.{key}: {rule}; got ")


def test_a_pod_takes_what_its_fetcher_requests_at_least(cloud):
    config = config_of()
    put(config, f"{MODEL}.requests.cpu", "1m")
    put(config, f"{MODEL}.replicas.maximum", 1000)

    (fault,) = faults_of(config)

    assert "3 nodes of 4vcpu-16gb x 6 (13906Mi, a pod 2048Mi)" in fault

    put(config, f"{MODEL}.requests.memory", "1Mi")
    (fault,) = faults_of(config)
    assert "3 nodes of 4vcpu-16gb x 37 (3720m CPU, a pod 100m)" in fault


def test_a_selector_that_matches_no_pool_is_refused(cloud):
    config = config_of()
    put(config, f"{MODEL}.node_selector", {"intent": "gpu"})

    assert faults_of(config) == [
        f"{MODEL}.node_selector: must match the labels of a pool: system, 4vcpu-16gb; "
        'got {"intent": "gpu"}'
    ]


def test_taints_that_are_not_tolerated_are_named(cloud):
    config = config_of()
    taints = [{"key": "spot", "value": "true"}, {"key": "soft", "effect": "PreferNoSchedule"}]
    put(config, f"{SPOT}.taints", taints)

    assert faults_of(config) == [
        f"{MODEL}.tolerations: must answer the taints of a pool that node_selector matches: "
        "4vcpu-16gb has spot=true:NoSchedule; got []"
    ]

    put(config, f"{MODEL}.tolerations", taints[:1])
    configure(config)
    assert settings.load()


@pytest.mark.parametrize(
    "selector",
    [
        {"kubernetes.io/arch": "amd64", "intent": "apps"},
        {"topology.kubernetes.io/zone": "us-west-2a"},
        {"topology.ebs.csi.k8s.io/zone": "us-west-2a"},
        {"eks.amazonaws.com/nodegroup": "system"},
    ],
)
def test_a_selector_by_labels_that_nodes_get_by_themselves_is_left_alone(cloud, selector):
    config = config_of()
    put(config, f"{MODEL}.node_selector", selector)
    configure(config)

    assert settings.load()


def test_capacity_is_judged_wherever_its_inputs_are_sound(cloud):
    config = config_of_the_article()
    first, second = (f"{POOLS}.{name}" for name in OF_ARTICLE)
    put(config, f"{PLATFORM}.network.cidr", "everywhere")
    put(config, f"{PLATFORM}.endpoint.private", "perhaps")
    put(config, f"{first}.nodes.initial", 16)
    put(config, f"{first}.burstable", False)
    put(config, f"{second}.kind", "reserved")
    put(config, f"{second}.instance_types.5", "m4.xlarge")
    put(config, f"{POOLS}.system.instance_types", 3)
    put(config, f"{MODEL}.image", "tensorflow/serving")
    put(config, f"{MODEL}.replicas", {"minimum": 101, "initial": 25, "maximum": 100})

    keys = [fault.split(": ")[0] for fault in faults_of(config)]

    assert sorted(keys) == sorted(
        [
            f"{PLATFORM}.network.cidr",
            f"{PLATFORM}.endpoint.private",
            f"{first}.nodes.initial",
            *(f"{first}.instance_types.{number}" for number in (3, 4, 6)),
            f"{second}.kind",
            f"{second}.instance_types",
            f"{POOLS}.system.instance_types",
            f"{MODEL}.image",
            f"{MODEL}.replicas.minimum",
            f"{MODEL}.replicas.maximum",
        ]
    )


@pytest.mark.parametrize(
    ("key", "value"),
    [
        (f"{SPOT}.labels", "apps"),
        (f"{SPOT}.taints", [{"value": "no key"}]),
        (f"{SPOT}.nodes.maximum", "many"),
        (f"{SPOT}.fallback", {"nodes": 3}),
        (f"{PLATFORM}.daemon_sets", {"cpu": "much"}),
        (f"{MODEL}.requests.cpu", "much"),
        (f"{MODEL}.replicas.maximum", "many"),
        (f"{MODEL}.node_selector", "apps"),
    ],
)
def test_nothing_is_said_of_what_is_not_known(cloud, key, value):
    config = config_of()
    put(config, f"{MODEL}.replicas.maximum", 1000)
    put(config, key, value)

    assert all(fault.startswith(key) for fault in faults_of(config))
