"""What GKE leaves of a machine, against its documentation's arithmetic."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from planning.capacity import gke_allocatable
from planning.machine_types import MachineType, known_machine_types, machine_type
from sandbox.gke.allocatable import Allocatable
from sandbox.gke.machine_sizes import size_of

# Memory comes in steps of 256 MiB: what the kernel keeps above 3 GiB is less than one.
SIZES = st.builds(
    MachineType,
    name=st.just("any"),
    vcpus=st.sampled_from([1, *range(2, 400, 2)]),
    memory_mib=st.integers(0, 4000).map(lambda steps: 256 * steps),
    shared_core_millicores=st.none(),
)
POD_LIMITS = st.integers(8, 256)


# https://docs.cloud.google.com/kubernetes-engine/docs/concepts/plan-node-sizes
@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("e2-micro", (940, 636, 110)),
        ("e2-small", (940, 1388, 110)),
        ("e2-medium", (940, 2828, 110)),
        ("e2-custom-medium-8192", (940, 6040, 110)),
        ("n1-standard-1", (940, 2640, 110)),
        ("e2-standard-2", (1930, 6040, 110)),
        ("n1-standard-4", (3920, 12380, 110)),
        ("e2-standard-4", (3920, 13285, 110)),
        ("n2-standard-8", (7910, 28430, 110)),
        ("n2-highcpu-8", (7910, 6040, 110)),
        ("n2-highmem-32", (31850, 245702, 110)),
        ("custom-2-3072", (1930, 2140, 110)),
        ("custom-2-3328", (1930, 2264, 110)),
    ],
)
def test_allocatable_is_what_gke_leaves_for_pods(name, expected):
    assert gke_allocatable(_machine(name)) == expected


def test_less_than_a_gib_loses_a_fixed_sum():
    tiny = MachineType(name="tiny", vcpus=1, memory_mib=768)

    assert gke_allocatable(tiny).memory_mib == 768 - 255 - 100 - 12 - 16


def test_more_than_the_usual_pods_cost_cpu():
    machine = _machine("n1-standard-4")

    assert gke_allocatable(machine, pods=110) == (3920, 12380, 110)
    assert gke_allocatable(machine, pods=111) == (3520, 12380, 111)
    assert gke_allocatable(machine, pods=32).pods == 32


def test_nodes_of_the_sandbox_have_the_same():
    for name in known_machine_types():
        size = size_of(name)
        assert size is not None
        node = Allocatable(size).allocatable
        stated = {resource: node[resource] for resource in ("cpu", "memory", "pods")}
        assert gke_allocatable(_machine(name)).quantities == stated, name


def test_every_known_type_has_something_to_give():
    for name in known_machine_types():
        assert min(gke_allocatable(_machine(name))) > 0, name


@given(machine=SIZES, pods=POD_LIMITS)
def test_allocatable_is_never_negative_and_never_more_than_the_machine(machine, pods):
    left = gke_allocatable(machine, pods)

    assert 0 <= left.millicores <= 1000 * machine.vcpus
    assert 0 <= left.memory_mib <= machine.memory_mib


@given(one=SIZES, other=SIZES, pods=POD_LIMITS)
def test_a_larger_machine_never_has_less(one, other, pods):
    small = MachineType(
        name="small",
        vcpus=min(one.vcpus, other.vcpus),
        memory_mib=min(one.memory_mib, other.memory_mib),
    )
    large = MachineType(
        name="large",
        vcpus=max(one.vcpus, other.vcpus),
        memory_mib=max(one.memory_mib, other.memory_mib),
    )

    for less, more in zip(gke_allocatable(small, pods), gke_allocatable(large, pods), strict=True):
        assert less <= more


def _machine(name: str) -> MachineType:
    found = machine_type(name)
    assert found is not None
    return found
