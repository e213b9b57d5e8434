"""Nodes from instances: what is chosen, what user data says, what EKS leaves for pods."""

import base64
from collections import Counter

import pytest
import yaml

from sandbox import nodes
from sandbox.nodes.allocatable import Allocatable


def described(vcpus: int, gib: float, interfaces: int, addresses: int) -> dict:
    return {
        "VCpuInfo": {"DefaultVCpus": vcpus},
        "MemoryInfo": {"SizeInMiB": int(gib * 1024)},
        "NetworkInfo": {
            "MaximumNetworkInterfaces": interfaces,
            "Ipv4AddressesPerInterface": addresses,
        },
        "ProcessorInfo": {"SupportedArchitectures": ["x86_64"]},
    }


# Karpenter's published table of instance types, AL2023, 2026-07.
@pytest.mark.parametrize(
    ("shape", "cpu", "memory", "pods"),
    [
        (described(4, 16, 4, 15), "3920m", "14162Mi", "58"),  # m5.xlarge
        (described(8, 32, 4, 15), "7910m", "29317Mi", "58"),  # m5.2xlarge
        (described(2, 4, 3, 6), "1930m", "3246Mi", "17"),  # t3.medium
        (described(4, 16, 3, 15), "3920m", "14316Mi", "44"),  # t2.xlarge
        (described(32, 64, 8, 30), "31850m", "57691Mi", "234"),  # c6i.8xlarge
        (described(1, 1, 2, 2), "940m", "548Mi", "4"),  # t2.micro
    ],
)
def test_allocatable_is_what_eks_leaves_for_pods(shape, cpu, memory, pods):
    left = Allocatable.of(shape, disk_gib=20).allocatable

    assert (left["cpu"], left["memory"], left["pods"]) == (cpu, memory, pods)


def test_the_disk_is_the_templates():
    shape = Allocatable.of(described(4, 16, 4, 15), disk_gib=100)

    assert shape.capacity["ephemeral-storage"] == "100Gi"
    assert shape.allocatable["ephemeral-storage"] == "89Gi"


TEMPLATE = {"LaunchTemplateId": "lt-1", "Version": "3"}


def group(spot_types: list[str], **distribution: int) -> dict:
    return {
        "DefaultType": "",
        "MixedInstancesPolicy": {
            "LaunchTemplate": {
                "LaunchTemplateSpecification": TEMPLATE,
                "Overrides": [{"InstanceType": each} for each in spot_types],
            },
            "InstancesDistribution": distribution,
        },
    }


def instances(count: int) -> list[dict]:
    return [
        {
            "InstanceId": f"i-{number}",
            "PrivateIpAddress": f"10.0.0.{number}",
            "Placement": {"AvailabilityZone": f"us-west-2{'ab'[number % 2]}"},
            "Tags": [],
        }
        for number in range(count)
    ]


def test_types_are_taken_in_turn_and_the_zone_is_that_of_the_instance():
    spot = group(["m5.xlarge", "m4.xlarge"], OnDemandPercentageAboveBaseCapacity=0)

    chosen = [*nodes.choose(spot, instances(4))]

    assert Counter(each.type for each in chosen) == {"m5.xlarge": 2, "m4.xlarge": 2}
    assert [each.zone for each in chosen] == ["us-west-2a", "us-west-2b"] * 2
    assert {each.lifecycle for each in chosen} == {"spot"}


def test_what_was_chosen_stays():
    spot = group(["m5.xlarge", "m4.xlarge"], OnDemandPercentageAboveBaseCapacity=0)
    before = instances(2)
    (first, _) = nodes.choose(spot, before)
    kept = [{**before[1], "Tags": [*before[1]["Tags"], *first.tags()]}, *instances(3)[2:]]

    spot["MixedInstancesPolicy"]["LaunchTemplate"]["LaunchTemplateSpecification"] = {
        **TEMPLATE,
        "Version": "4",
    }
    again, other = nodes.choose(spot, kept)

    assert (again.type, again.zone) == (first.type, first.zone)
    assert (again.template, other.template) == ("lt-1:3", "lt-1:4")
    assert other.type == "m4.xlarge"


@pytest.mark.parametrize(
    ("base", "share", "on_demand"), [(0, 0, 0), (2, 0, 2), (0, 50, 2), (1, 100, 4), (9, 0, 4)]
)
def test_the_distribution_says_how_many_are_on_demand(base, share, on_demand):
    mixed = group(
        ["m5.xlarge"], OnDemandBaseCapacity=base, OnDemandPercentageAboveBaseCapacity=share
    )

    chosen = Counter(each.lifecycle for each in nodes.choose(mixed, instances(4)))

    assert chosen["on-demand"] == on_demand


def test_an_instance_that_was_started_on_demand_in_a_shortage_stays_so_and_counts():
    half = group(["m5.xlarge"], OnDemandPercentageAboveBaseCapacity=50)
    started = instances(5)
    for each in started[:2]:
        each["Tags"] = [{"Key": "sandbox:lifecycle", "Value": "on-demand"}]

    assert [each.lifecycle for each in nodes.choose(half, started)] == [
        *("on-demand", "on-demand"),
        *("spot", "spot", "on-demand"),
    ]


def test_without_a_mixed_instances_policy_the_templates_type_is_on_demand():
    plain = {"DefaultType": "c5.large", "LaunchTemplate": TEMPLATE}

    (only,) = nodes.choose(plain, instances(1))

    assert (only.type, only.lifecycle) == ("c5.large", "on-demand")


def user_data(**changes: object) -> str:
    config = {
        "apiVersion": "node.eks.aws/v1alpha1",
        "kind": "NodeConfig",
        "spec": {
            "cluster": {"name": "dev", "apiServerEndpoint": "https://127.0.0.1:1"},
            "kubelet": {
                "flags": [
                    "--node-labels=a=b,c=d",
                    "--register-with-taints=k=v:NoSchedule,bare=:NoExecute",
                ]
            },
        },
        **changes,
    }
    return base64.b64encode(yaml.safe_dump(config).encode()).decode()


def test_labels_and_taints_are_what_user_data_says():
    read = nodes.Registration.of(user_data())

    assert read is not None
    assert read.server == "https://127.0.0.1:1"
    assert read.labels == {"a": "b", "c": "d"}
    assert read.taints == [
        {"key": "k", "value": "v", "effect": "NoSchedule"},
        {"key": "bare", "effect": "NoExecute"},
    ]


@pytest.mark.parametrize(
    "broken",
    [
        "",
        "no base64",
        base64.b64encode(b"#!/bin/bash\n/etc/eks/bootstrap.sh dev").decode(),
        user_data(kind="NodeConfiguration"),
        user_data(spec={"kubelet": {}}),
    ],
)
def test_with_user_data_that_nodeadm_cannot_read_no_node_joins(broken):
    assert nodes.Registration.of(broken) is None


def test_a_node_is_named_and_labelled_as_on_aws():
    registration = nodes.Registration.of(user_data())
    (instance,) = nodes.choose(group(["m5.xlarge"]), instances(1))
    shape = Allocatable.of(described(4, 16, 4, 15), 20)

    node = nodes.node(instance, registration, shape, "us-west-2")

    name = "ip-10-0-0-0.us-west-2.compute.internal"
    assert node["metadata"]["name"] == name
    assert node["metadata"]["labels"] == {
        "a": "b",
        "c": "d",
        "kubernetes.io/arch": "amd64",
        "kubernetes.io/hostname": name,
        "kubernetes.io/os": "linux",
        "node.kubernetes.io/instance-type": "m5.xlarge",
        "topology.kubernetes.io/region": "us-west-2",
        "topology.kubernetes.io/zone": "us-west-2a",
    }
    assert node["spec"]["providerID"] == "aws:///us-west-2a/i-0"
