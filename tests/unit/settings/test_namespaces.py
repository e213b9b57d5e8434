"""The section `tfserving:namespaces`: what is taken, and what is refused in which words."""

from typing import Any

import pytest

import settings
from components.kubernetes.serving_namespace import ServingNamespaceSpec
from tests.unit.stack_files import MODELS, config_of, configure, faults_of, put

NAMESPACES = "tfserving:namespaces"
SERVING = f"{NAMESPACES}.serving"
MODEL = f"{MODELS}.half-plus-two"
# The model of `dev` has 2 CPUs and 2 GiB, at most 3 replicas, and one more in a rollout.
ENOUGH = {"cpu": 8, "memory": "8Gi", "pods": 4}


def config_with(namespace: object) -> dict[str, Any]:
    return {**config_of(), NAMESPACES: {"serving": namespace}}


def test_without_the_section_nobody_is_named_and_nothing_is_limited(cloud):
    configure(config_of())

    assert settings.load().namespaces == {}
    assert ServingNamespaceSpec() == ServingNamespaceSpec(
        clients=(), monitors=(), quota=None, limit_range=None
    )


def test_what_the_file_says_is_what_the_settings_hold(cloud):
    given = {
        "clients": ["shop"],
        "monitors": ["monitoring"],
        "quota": ENOUGH,
        "limit_range": {"cpu": "100m", "memory": "128Mi", "memory_limit": "1Gi"},
    }
    configure(config_with(given))

    spec = settings.load().namespaces["serving"]
    assert (spec.clients, spec.monitors) == (("shop",), ("monitoring",))
    assert spec.quota
    assert (spec.quota.cpu, spec.quota.memory, spec.quota.pods) == ("8", "8Gi", 4)
    assert spec.limit_range
    assert spec.limit_range.memory_limit == "1Gi"


POSITIVE = "must be a positive quantity, such as 500m, 2 or 2Gi"
DNS_LABEL = "must be a DNS label: 1 to 63 lower-case letters, digits and hyphens"


@pytest.mark.parametrize(
    ("key", "value", "rule"),
    [
        ("colour", "red", "is not a known key"),
        ("clients", ["Shop"], None),
        ("quota", {"cpu": 8, "memory": "8Gi"}, None),
    ],
)
def test_what_is_wrong_in_itself_is_refused(cloud, key, value, rule):
    (fault,) = faults_of(config_with({key: value}))

    assert fault.startswith(f"{SERVING}.{key}")
    if rule:
        assert fault.startswith(f"{SERVING}.{key}: {rule}; got ")


@pytest.mark.parametrize("key", ["clients", "monitors"])
def test_others_are_named_by_their_namespaces(cloud, key):
    (fault,) = faults_of(config_with({key: ["shop", "Search"]}))

    assert fault.startswith(f"{SERVING}.{key}.1: {DNS_LABEL}")
    assert fault.endswith('; got "Search"')


@pytest.mark.parametrize(
    ("key", "value", "rule"),
    [
        ("cpu", "0", POSITIVE),
        ("memory", "much", POSITIVE),
        ("pods", 0, "must be at least 1"),
        ("disk", "1Gi", "is not a known key"),
    ],
)
def test_a_quota_is_positive_and_is_not_judged_otherwise_then(cloud, key, value, rule):
    (fault,) = faults_of(config_with({"quota": {**ENOUGH, key: value}}))

    assert fault.startswith(f"{SERVING}.quota.{key}: {rule}; got ")


def test_a_limit_below_the_request_is_refused(cloud):
    limit_range = {"cpu": "100m", "memory": "2Gi", "memory_limit": "1Gi"}

    assert faults_of(config_with({"limit_range": limit_range})) == [
        f'{SERVING}.limit_range.memory_limit: must not be below the request, 2Gi; got "1Gi"'
    ]


def test_a_namespace_is_a_dns_label(cloud):
    config = {**config_of(), NAMESPACES: {"Vision": {}}}

    first, second = faults_of(config)
    assert first == f"{NAMESPACES}.Vision: must be the namespace of a model; got {{}}"
    assert second.startswith(f"{NAMESPACES}.Vision: {DNS_LABEL}")


def test_a_namespace_without_a_model_is_refused(cloud):
    config = {**config_of(), NAMESPACES: {"vision": {"clients": ["shop"]}}}

    assert faults_of(config) == [
        f'{NAMESPACES}.vision: must be the namespace of a model; got {{"clients": ["shop"]}}'
    ]


def test_what_a_model_with_a_wrong_namespace_means_is_not_guessed(cloud):
    config = {**config_of(), NAMESPACES: {"vision": {}}}
    put(config, f"{MODEL}.namespace", ["vision"])

    (fault,) = faults_of(config)
    assert fault.startswith(f"{MODEL}.namespace: ")


@pytest.mark.parametrize(
    ("key", "value", "rule"),
    [
        ("cpu", "7999m", "8000m, for its models may ask for that: {} x 2000m CPU"),
        ("memory", "8191Mi", "8192Mi, for its models may ask for that: {} x 2048Mi"),
        ("pods", 3, "4, for its models may ask for that: {}"),
    ],
)
def test_a_quota_that_models_may_exceed_is_refused_with_the_arithmetic(cloud, key, value, rule):
    said = rule.format("4 of half-plus-two (3 and 1 in a rollout)")
    given = value if isinstance(value, int) else f'"{value}"'

    assert faults_of(config_with({"quota": {**ENOUGH, key: value}})) == [
        f"{SERVING}.quota.{key}: must be at least {said}; got {given}"
    ]


def test_models_of_other_namespaces_do_not_count(cloud):
    config = config_with({"quota": ENOUGH})
    config[MODELS]["other"] = {
        **config[MODELS]["half-plus-two"],
        "namespace": "vision",
        "allow_unplaceable_replicas": True,
    }
    put(config, f"{MODEL}.allow_unplaceable_replicas", True)
    configure(config)
    assert settings.load()

    put(config, f"{MODELS}.other.namespace", "serving")
    assert {fault.partition(": ")[0] for fault in faults_of(config)} == {
        f"{SERVING}.quota.cpu",
        f"{SERVING}.quota.memory",
        f"{SERVING}.quota.pods",
    }


def test_a_pod_is_as_large_as_its_fetcher_at_least(cloud):
    config = config_with({"quota": {"cpu": "399m", "memory": "511Mi", "pods": 4}})
    put(config, f"{MODEL}.requests", {"cpu": "50m", "memory": "64Mi"})

    cpu, memory = faults_of(config)
    assert "x 100m CPU; " in cpu
    assert "x 128Mi; " in memory


def test_a_quota_of_a_model_that_is_wrong_in_itself_is_not_judged(cloud):
    config = config_with({"quota": {"cpu": 1, "memory": "1Gi", "pods": 1}})
    put(config, f"{MODEL}.requests.cpu", "two")

    (fault,) = faults_of(config)
    assert fault.startswith(f"{MODEL}.requests.cpu: ")


def test_a_section_that_is_no_mapping_is_refused(cloud):
    (fault,) = faults_of({**config_of(), NAMESPACES: ["serving"]})

    assert fault.startswith(f"{NAMESPACES}: must be a")
