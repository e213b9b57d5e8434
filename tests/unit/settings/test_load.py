"""Settings: the stack files we ship load, and in a bad one every fault is named by its key."""

import json

import pulumi
import pytest

import settings
import stacks
from tests.unit.stack_files import (
    MODELS,
    PLATFORM,
    REGION,
    STACK_FILES,
    config_of,
    configure,
    faults_of,
    put,
    take,
)

MODEL = f"{MODELS}.half-plus-two"
DNS_LABEL = "must be a DNS label: 1 to 63 lower-case letters, digits and hyphens"


def a_spot_pool(**values: object) -> dict[str, object]:
    nodes = {"minimum": 0, "initial": 1, "maximum": 2}
    types = {"instance_types": ["m5.xlarge"], "few_instance_types": True}
    return {"kind": "spot", **types, "nodes": nodes, **values}


@pytest.mark.parametrize("stack_file", STACK_FILES, ids=lambda path: path.stem)
def test_every_stack_file_loads(cloud, stack_file):
    configure(config_of(stack_file))

    settings.load()


def test_what_the_file_says_is_what_the_settings_hold(cloud):
    configure(config_of())

    loaded = settings.load()

    assert loaded.platform.region == "us-west-2"
    assert loaded.platform.network.zones == ("us-west-2a", "us-west-2b")
    assert [*loaded.platform.pools] == ["system", "4vcpu-16gb"]
    assert loaded.platform.pools["4vcpu-16gb"].labels == {"lifecycle": "Ec2Spot", "intent": "apps"}
    assert loaded.models["half-plus-two"].limits.cpu == "4"
    assert loaded.models["half-plus-two"].namespace == "serving"


def test_an_environment_without_models_is_valid(cloud):
    config = config_of()
    del config[MODELS]
    configure(config)

    assert settings.load().models == {}


def test_a_quantity_may_be_a_number(cloud):
    config = config_of()
    put(config, f"{MODEL}.requests.cpu", 2)
    configure(config)

    assert settings.load().models["half-plus-two"].requests.cpu == "2"


@pytest.mark.parametrize(
    ("key", "value", "rule"),
    [
        # keys that do not exist
        (f"{PLATFORM}.colour", "red", "is not a known key"),
        (f"{PLATFORM}.network.vpc", "vpc-1", "is not a known key"),
        (f"{PLATFORM}.pools.system.nodes.desired", 2, "is not a known key"),
        (f"{PLATFORM}.pools.system.allocation_strategy", "x", "is not a known key"),
        (f"{MODEL}.requests.gpu", "1", "is not a known key"),
        ("tfserving:modles", "x", "is not a known key"),
        # bounds
        (f"{PLATFORM}.pools.system.nodes.minimum", 4, "must be between 0 and the maximum, 3"),
        (f"{PLATFORM}.pools.system.nodes.minimum", -1, "must be between 0 and the maximum, 3"),
        # Every kind of pool has bounds: pydantic does not treat the second use like the first.
        (f"{PLATFORM}.pools.4vcpu-16gb.nodes.minimum", 4, "must be between 0 and the maximum, 3"),
        (
            f"{PLATFORM}.pools.system.nodes.initial",
            4,
            "must be between the minimum, 2, and the maximum, 3",
        ),
        (f"{MODEL}.replicas.initial", 0, "must be between the minimum, 1, and the maximum, 3"),
        # pools
        (f"{PLATFORM}.pools.system.kind", "reserved", "must be one of 'on_demand', 'spot'"),
        (f"{PLATFORM}.pools.system.instance_types", [], "must be one or more different types"),
        (f"{PLATFORM}.pools.system.disk_gib", 19, "must be at least 20"),
        (f"{PLATFORM}.pools", {}, "must be one or more"),
        (
            f"{PLATFORM}.pools.4vcpu-16gb.allocation_strategy",
            "capacity-optimised",
            "must be 'capacity-optimized', 'capacity-optimized-prioritized' or "
            "'price-capacity-optimized'; 'capacity-optimized' is nearest",
        ),
        # the network and the cluster
        (f"{PLATFORM}.network.zones.1", "eu-west-1b", "must be a zone of aws:region"),
        (f"{PLATFORM}.network.zones.1", "us-west-2", "must be a zone of aws:region"),
        (f"{PLATFORM}.network.zones", ["us-west-2a"], "must be two or more different zones"),
        (f"{PLATFORM}.network.zones", ["us-west-2a"] * 2, "must be two or more different zones"),
        (f"{PLATFORM}.network.cidr", "10.50.0.0", "must be an IPv4 network from /16 to /24"),
        (f"{PLATFORM}.network.cidr", "10.0.0.0/15", "must be an IPv4 network from /16 to /24"),
        (f"{PLATFORM}.network.cidr", "10.0.0.0/25", "must be an IPv4 network from /16 to /24"),
        (f"{PLATFORM}.network.cidr", "172.20.4.0/22", "must not overlap the addresses of"),
        (f"{PLATFORM}.network.cidr", "10.0.0.0/28", "must be an IPv4 network from /16 to /24"),
        (f"{PLATFORM}.network.nat", "two", "must be 'single', 'per_zone' or 'none'"),
        (f"{PLATFORM}.endpoint.public_cidrs.0", "office", "must be an IPv4 network"),
        (f"{PLATFORM}.endpoint.private", False, "must be true when public_cidrs is empty"),
        (f"{PLATFORM}.kubernetes_version", 1.35, "must be a valid string"),
        (f"{PLATFORM}.kubernetes_version", "1.34", "must be 1.35, or come with addons"),
        (f"{PLATFORM}.ami_release", "1.34.2-20260724", "must be a release for Kubernetes 1.35"),
        (f"{PLATFORM}.ami_release", "latest", "must be a release for Kubernetes 1.35"),
        (f"{PLATFORM}.admins", [], "must be one or more different principals"),
        (f"{PLATFORM}.admins.0", "bob", "must be the ARN of an IAM role or user"),
        (
            f"{PLATFORM}.admins.0",
            "arn:aws:iam::12345678901\uff12:role/admin",
            "must be the ARN of an IAM role or user",
        ),
        (f"{PLATFORM}.name", "dev cluster", "must be 1 to 100 letters, digits"),
        (f"{PLATFORM}.kind", "nomad", "must be one of 'eks', 'gke', 'shared'"),
        # models
        (f"{MODEL}.image", "tensorflow/serving", "must name a version other than latest"),
        (f"{MODEL}.image", "tensorflow/serving:latest", "must name a version other than latest"),
        (f"{MODEL}.image", "tensorflow/serving:latest-gpu", "must name a version other than"),
        (f"{MODEL}.image", "registry:5000/serving", "must name a version other than latest"),
        (f"{MODEL}.version", 0, "must be at least 1"),
        (f"{MODEL}.replicas.minimum", 0, "must be at least 1"),
        (f"{MODEL}.target_cpu_percent", 0, "must be between 1 and 100"),
        (f"{MODEL}.target_cpu_percent", 101, "must be between 1 and 100"),
        (f"{MODEL}.limits.cpu", "1999m", "must not be below the request, 2"),
        (f"{MODEL}.limits.memory", "1Gi", "must not be below the request, 2Gi"),
        (f"{MODEL}.requests.cpu", "two", "must be a positive quantity"),
        (f"{MODEL}.requests.memory", "0", "must be a positive quantity"),
        (f"{MODEL}.namespace", "My_Models", DNS_LABEL),
        (f"{MODEL}.namespace", "default", "must be one that this stack makes"),
        (f"{MODEL}.namespace", "kube-system", "must be one that this stack makes"),
        (f"{MODEL}.source", "models/nowhere", "must hold a model version with manifest.sha256"),
        (MODELS, ["half-plus-two"], "must be a mapping"),
        (PLATFORM, "eks", "must be a mapping"),
    ],
)
def test_a_bad_value_is_refused_by_key_rule_and_value(cloud, key, value, rule):
    config = config_of()
    if "public_cidrs" in key:
        config[PLATFORM]["endpoint"]["public_cidrs"] = [None]
    put(config, key, value)

    (fault,) = [fault for fault in faults_of(config) if fault.startswith(f"{key}: ")]

    assert fault.startswith(f"{key}: {rule}")
    assert fault.partition("; got ")[2].startswith(
        json.dumps(value, ensure_ascii=False).rstrip('"')
    )


def test_the_region_is_not_the_platforms_to_set(cloud):
    config = config_of()
    put(config, f"{PLATFORM}.region", "us-west-2")

    assert faults_of(config) == [f"{PLATFORM}.region: is not a known key, aws:region is"]


@pytest.mark.parametrize(
    "key",
    [
        REGION,
        PLATFORM,
        f"{PLATFORM}.name",
        f"{PLATFORM}.network.cidr",
        f"{PLATFORM}.pools.system.kind",
        f"{MODEL}.replicas.maximum",
        f"{MODEL}.limits.memory",
    ],
)
def test_a_missing_key_is_asked_for(cloud, key):
    config = config_of()
    take(config, key)

    assert faults_of(config) == [f"{key}: is required"]


def test_a_key_that_is_no_dns_label_is_refused(cloud):
    config = config_of()
    config[MODELS]["Half_Plus_Two"] = config[MODELS].pop("half-plus-two")
    config[PLATFORM]["pools"]["Spot"] = a_spot_pool()

    pool, model = faults_of(config)

    assert pool.startswith(f"{PLATFORM}.pools.Spot: {DNS_LABEL}")
    assert model.startswith(f"{MODELS}.Half_Plus_Two: {DNS_LABEL}")
    assert model.endswith('; got "Half_Plus_Two"')


def test_faults_of_all_sections_are_reported_together(cloud):
    """One wrong field hides neither its neighbours nor the rules that they have together."""
    config = config_of()
    put(config, f"{PLATFORM}.kubernetes_version", 1.35)
    put(config, f"{PLATFORM}.network.cidr", "everywhere")
    put(config, f"{PLATFORM}.network.zones.0", "eu-west-1a")
    put(config, f"{PLATFORM}.network.colour", "red")
    put(config, f"{PLATFORM}.pools.system.nodes.initial", 9)
    put(config, f"{PLATFORM}.pools.4vcpu-16gb.kind", "reserved")
    put(config, f"{MODEL}.replicas.minimum", 9)
    put(config, f"{MODEL}.image", "tensorflow/serving")
    put(config, f"{MODEL}.limits.cpu", "1")
    put(config, f"{MODEL}.source", "nowhere")
    put(config, f"{MODEL}.version", 0)
    put(config, "tfserving:modles", "{}")

    assert {fault.split(": ")[0] for fault in faults_of(config)} == {
        f"{PLATFORM}.kubernetes_version",
        f"{PLATFORM}.network.cidr",
        f"{PLATFORM}.network.zones.0",
        f"{PLATFORM}.network.colour",
        f"{PLATFORM}.pools.system.nodes.initial",
        f"{PLATFORM}.pools.4vcpu-16gb.kind",
        f"{MODEL}.replicas.minimum",
        f"{MODEL}.image",
        f"{MODEL}.limits.cpu",
        f"{MODEL}.source",
        f"{MODEL}.version",
        "tfserving:modles",
    }


def test_a_long_value_is_cut(cloud):
    config = config_of()
    put(config, f"{MODEL}.image", "x" * 1000)

    (fault,) = faults_of(config)

    assert len(fault) < 300
    assert fault.endswith("x...")


def test_nothing_is_registered_when_there_is_a_fault(cloud):
    config = config_of()
    put(config, f"{MODEL}.version", 0)
    configure(config)

    with pytest.raises(pulumi.RunError):
        cloud.run(lambda: stacks.deploy(settings.load()))

    assert cloud.types() == set()
