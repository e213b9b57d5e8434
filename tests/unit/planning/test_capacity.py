"""Node capacity: EKS's own arithmetic, against Karpenter's published table and the sandbox's."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from moto.ec2.models.instance_types import INSTANCE_TYPES as EMULATED

from planning.capacity import Resources, allocatable, node_capacity, spot_vcpus
from planning.instance_types import instance_types
from sandbox.nodes.allocatable import Allocatable

TYPES = instance_types()
AMOUNTS = st.builds(Resources, st.integers(0, 8000), st.integers(0, 32_000), st.integers(0, 60))
PODS = st.builds(Resources, st.integers(0, 8000), st.integers(0, 32_000), st.just(1))


# https://karpenter.sh/docs/reference/instance-types/, Amazon Linux 2023, July 2026
@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("m5.xlarge", (3920, 14162, 58)),
        ("t2.xlarge", (3920, 14316, 44)),
        ("m5.2xlarge", (7910, 29317, 58)),
        ("t2.2xlarge", (7910, 29471, 44)),
        ("t3.medium", (1930, 3246, 17)),
        ("c5.large", (1930, 3114, 29)),
        ("c6i.8xlarge", (31850, 57691, 234)),
        ("t2.micro", (940, 548, 4)),
        ("g6f.large", (1930, 7002, 20)),
        ("g6f.4xlarge", (15890, 57691, 234)),
        ("inf1.xlarge", (3920, 6804, 38)),
        ("p3.2xlarge", (7910, 56786, 58)),
    ],
)
def test_allocatable_is_what_eks_leaves_for_pods(name, expected):
    assert allocatable(TYPES[name]) == expected


def test_nodes_of_the_sandbox_have_the_same():
    for name, each in TYPES.items():
        network = EMULATED.get(name, {}).get("NetworkInfo")
        if network is None or len(network["NetworkCards"]) > 1:
            continue
        node = Allocatable.of(EMULATED[name], disk_gib=50).allocatable
        stated = {resource: node[resource] for resource in ("cpu", "memory", "pods")}
        assert allocatable(each).quantities == stated, name


def test_a_pools_capacity_is_the_least_that_one_of_its_types_has():
    assert node_capacity([TYPES["m5.xlarge"], TYPES["t2.xlarge"]]) == (3920, 14162, 44)


@pytest.mark.parametrize(
    ("room", "pod", "fitting", "scarcest"),
    [
        ((3720, 14000, 54), (2000, 2048, 1), 1, "3720m CPU, a pod 2000m"),
        ((7710, 14000, 54), (1000, 4096, 1), 3, "14000Mi, a pod 4096Mi"),
        ((7710, 14000, 5), (100, 128, 1), 5, "5 pods a node"),
        ((1730, 14000, 5), (2000, 128, 1), 0, "1730m CPU, a pod 2000m"),
        ((1730, 14000, 0), (0, 0, 1), 0, "0 pods a node"),
    ],
)
def test_what_fits_is_bounded_by_the_scarcest_resource(room, pod, fitting, scarcest):
    assert Resources(*room).holds(Resources(*pod)) == fitting
    assert Resources(*room).scarcest(Resources(*pod)) == scarcest


@given(room=AMOUNTS, pod=PODS)
def test_no_more_pods_fit_than_by_any_resource_and_one_more_does_not(room, pod):
    count = room.holds(pod)

    assert all(count * take <= have for take, have in zip(pod, room, strict=True))
    assert any((count + 1) * take > have for take, have in zip(pod, room, strict=True))


@given(room=AMOUNTS, more=AMOUNTS, pod=PODS)
def test_more_room_never_holds_fewer_pods(room, more, pod):
    larger = Resources(*(sum(each) for each in zip(room, more, strict=True)))

    assert larger.holds(pod) >= room.holds(pod)


@given(room=AMOUNTS, taken=AMOUNTS, times=st.integers(0, 3))
def test_what_is_left_is_never_less_than_nothing(room, taken, times):
    left = room.without(taken, times)

    assert all(0 <= rest <= had for rest, had in zip(left, room, strict=True))


def test_a_quota_is_reached_by_the_largest_type_at_the_maximum_of_each_pool():
    small = [TYPES["m5.xlarge"], TYPES["m4.xlarge"]]

    assert spot_vcpus([(small, 15), ([TYPES["m5.2xlarge"]], 15)]) == 180
    assert spot_vcpus([([*small, TYPES["m5.2xlarge"]], 2)]) == 16
    assert spot_vcpus([]) == 0
