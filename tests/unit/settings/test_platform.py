"""The platform's section: what is refused of it, in which words, and all of it at once."""

import json
from typing import Any

import pytest

import settings
from tests.unit.settings.test_load import faults_of
from tests.unit.stack_files import MODELS, PLATFORM, config_of, configure, put

POOL = f"{PLATFORM}.pools.4vcpu-16gb"
LABEL_KEY = "must be a Kubernetes key: 1 to 63 letters, digits, hyphens, underscores and dots"
LABEL_VALUE = "must be empty or 1 to 63 letters, digits, hyphens, underscores and dots"
EXISTING = {
    "vpc_id": "vpc-0a1b2c3d",
    "private_subnet_ids": ["subnet-0a1b2c3d", "subnet-0a1b2c3e"],
}


def with_changes(changes: dict[str, Any]) -> dict[str, Any]:
    config = config_of()
    for key, value in changes.items():
        put(config, key, value)
    return config


@pytest.mark.parametrize(
    ("key", "value", "at", "rule"),
    [
        # pools
        (f"{POOL}.on_demand_base", 4, "", "must be between 0 and nodes.maximum, 3; got 4"),
        (f"{POOL}.on_demand_percentage", 101, "", "must be between 0 and 100; got 101"),
        (f"{POOL}.labels", {"my label": "x"}, ".my label", f"{LABEL_KEY}"),
        (f"{POOL}.labels", {"intent": "a b"}, ".intent", f"{LABEL_VALUE}"),
        (
            f"{POOL}.labels",
            {"node-role.kubernetes.io/x": "y"},
            ".node-role.kubernetes.io/x",
            "must not be in a domain of Kubernetes: a kubelet that sets it won't start",
        ),
        (f"{POOL}.taints", [{"key": "a b"}], ".0.key", LABEL_KEY),
        (f"{POOL}.taints", [{"key": "a", "value": "b c"}], ".0.value", LABEL_VALUE),
        (f"{MODELS}.half-plus-two.tolerations", [{"key": "-"}], ".0.key", LABEL_KEY),
        (f"{POOL}.fallback", {}, ".nodes", "is required"),
        (
            f"{POOL}.fallback",
            {"nodes": {"minimum": 0, "initial": 3, "maximum": 2}},
            ".nodes.initial",
            "must be between the minimum, 0, and the maximum, 2; got 3",
        ),
        # the network
        (f"{PLATFORM}.network.interface_endpoints", ["ecr"], ".0", "must be 'autoscaling', 'ec2'"),
        (f"{PLATFORM}.network", {**EXISTING, "vpc_id": "mine"}, ".vpc_id", "must be the id of a"),
        (f"{PLATFORM}.network", {**EXISTING, "nat": "none"}, ".nat", "is not a known key"),
        (
            f"{PLATFORM}.network",
            {**EXISTING, "cidr": "172.20.0.0/16"},
            ".cidr",
            "must not overlap the addresses of Kubernetes Services, 172.20.0.0/16",
        ),
        (f"{PLATFORM}.service_cidr", "8.0.0.0/16", "", "must be a /12 to /24 of 10.0.0.0/8"),
        (f"{PLATFORM}.service_cidr", "10.96.0.0/25", "", "must be a /12 to /24 of 10.0.0.0/8"),
        # the cluster
        (
            f"{PLATFORM}.endpoint.public_cidrs",
            ["0.0.0.0/1", "128.0.0.0/1"],
            "",
            "must not be open to the world, more than a /8 in all, without open_to_world: true",
        ),
        (
            f"{PLATFORM}.cluster_autoscaler",
            {"node_selector": {"intent": "apps"}},
            ".node_selector",
            "must match the labels of an on_demand pool, and tolerations its taints",
        ),
        (f"{PLATFORM}.logs", ["apis"], ".0", "must be 'api', 'audit'"),
        (f"{PLATFORM}.log_days", 2, "", "must be one of 1, 3, 5, 7"),
        (f"{PLATFORM}.secrets_key", "alias/mine", "", "must be the ARN of a KMS key"),
        (
            f"{PLATFORM}.secrets_key",
            "arn:aws:kms:us-west-2:12345678901\uff12:key/0a",
            "",
            "must be the ARN of a KMS key",
        ),
        (f"{PLATFORM}.model_bucket", {"old_version_days": 0}, ".old_version_days", "must be at"),
        (f"{PLATFORM}.tags", {"aws:x": "y"}, ".aws:x", "must be a tag key"),
        (f"{PLATFORM}.tags", {"x": "y" * 257}, ".x", "must be at most 256"),
    ],
)
def test_a_bad_value_is_refused_by_key_and_rule(cloud, key, value, at, rule):
    faults = faults_of(with_changes({key: value}))

    (fault,) = [fault for fault in faults if fault.startswith(f"{key}{at}: ")]
    assert fault.startswith(f"{key}{at}: {rule}")


def test_controllers_have_to_put_up_with_the_taints_of_their_nodes(cloud):
    taint = [{"key": "system"}]
    key = f"{PLATFORM}.pools.system.taints"
    names = ("cluster_autoscaler", "load_balancer_controller", "node_termination_handler")

    faults = faults_of(with_changes({key: taint}))
    assert {fault.split(": ")[0] for fault in faults} == {
        f"{PLATFORM}.{name}.node_selector" for name in names
    }

    tolerant = {f"{PLATFORM}.{name}": {"tolerations": taint} for name in names}
    configure(with_changes({key: taint, **tolerant}))
    settings.load()


def test_controllers_run_in_whichever_pool_is_on_demand(cloud):
    configure(with_changes({f"{PLATFORM}.pools.system.labels": {"role": "base"}}))

    settings.load()


def test_a_handler_on_every_node_needs_no_nodes_of_its_own(cloud):
    handler = {"mode": "metadata", "node_selector": {"intent": "elsewhere"}}
    configure(with_changes({f"{PLATFORM}.node_termination_handler": handler}))

    settings.load()


def test_a_version_that_no_autoscaler_is_pinned_for_is_refused(cloud):
    addons = dict.fromkeys(
        ("vpc_cni", "kube_proxy", "pod_identity_agent", "coredns", "metrics_server"), "v1"
    )
    changes = {
        f"{PLATFORM}.kubernetes_version": "1.37",
        f"{PLATFORM}.ami_release": "1.37.0-20270101",
        f"{PLATFORM}.addons": addons,
    }

    (fault,) = faults_of(with_changes(changes))

    assert fault.startswith(f"{PLATFORM}.kubernetes_version: must be 1.34, 1.35, 1.36, or come")


@pytest.mark.parametrize(
    ("given", "nearest"),
    [
        ("capacity-optimised", "capacity-optimized"),
        ("capacity-prioritized", "capacity-optimized-prioritized"),
        ("price-optimized", "price-capacity-optimized"),
    ],
)
def test_the_nearest_strategy_is_told(cloud, given, nearest):
    (fault,) = faults_of(with_changes({f"{POOL}.allocation_strategy": given}))

    assert fault == (
        f"{POOL}.allocation_strategy: must be 'capacity-optimized', "
        "'capacity-optimized-prioritized' or 'price-capacity-optimized'; "
        f"{nearest!r} is nearest; got {json.dumps(given)}"
    )


def test_an_existing_network_is_taken(cloud):
    configure(with_changes({f"{PLATFORM}.network": EXISTING}))

    network = settings.load().platform.network

    assert network.vpc_id == "vpc-0a1b2c3d"
    assert network.private_subnet_ids == ("subnet-0a1b2c3d", "subnet-0a1b2c3e")


def test_services_may_not_have_addresses_of_the_network(cloud):
    (fault,) = faults_of(with_changes({f"{PLATFORM}.service_cidr": "10.50.128.0/20"}))

    assert fault.startswith(f"{PLATFORM}.network.cidr: must not overlap")
    assert "10.50.128.0/20" in fault


def test_services_may_have_addresses_beside_an_existing_network(cloud):
    network = {**EXISTING, "cidr": "172.20.0.0/16"}
    changes = {f"{PLATFORM}.network": network, f"{PLATFORM}.service_cidr": "10.96.0.0/16"}
    configure(with_changes(changes))

    assert settings.load().platform.service_cidr == "10.96.0.0/16"


def test_everything_bad_is_told_at_once(cloud):
    changes = {
        f"{PLATFORM}.admins": [],
        f"{PLATFORM}.network.cidr": "172.20.0.0/25",
        f"{PLATFORM}.endpoint.public_cidrs": ["0.0.0.0/1", "128.0.0.0/1"],
        f"{POOL}.instance_types": ["m5.xlarge", "m5.2xlarge", "m6g.xlarge", "t3.xlarge"],
        f"{POOL}.allocation_strategy": "capacity-optimised",
        f"{POOL}.labels": {"my intent": "apps", "intent": "apps"},
        f"{POOL}.taints": [{"key": "my taint"}],
        f"{PLATFORM}.pools.system.nodes.initial": 9,
        f"{MODELS}.half-plus-two.node_selector": {"intent": "elsewhere"},
    }

    faults = faults_of(with_changes(changes))

    assert {fault.split(": ")[0] for fault in faults} >= {
        f"{PLATFORM}.admins",
        f"{PLATFORM}.network.cidr",
        f"{PLATFORM}.endpoint.public_cidrs",
        f"{POOL}.instance_types",
        f"{POOL}.instance_types.2",
        f"{POOL}.instance_types.3",
        f"{POOL}.allocation_strategy",
        f"{POOL}.labels.my intent",
        f"{POOL}.taints.0.key",
        f"{PLATFORM}.pools.system.nodes.initial",
    }
    told = "\n".join(faults)
    assert "must be types of one shape" in told
    assert "must be 6 or more different types" in told
