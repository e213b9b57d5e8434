"""The table of machine types, and which custom ones Compute Engine would make."""

import csv

import pytest

from planning.machine_types import TABLE, MachineType, known_machine_types, machine_type
from sandbox.gke.machine_sizes import size_of

GIB = 1024


def test_it_has_each_type_once_and_in_order():
    with TABLE.open(newline="") as table:
        rows = [*csv.DictReader(table)]

    order = [
        (row["type"].partition("-")[0], int(row["vcpus"]), int(row["memory_mib"]), row["type"])
        for row in rows
    ]
    assert order == sorted(order)
    assert [row["type"] for row in rows] == known_machine_types()
    assert len({row["type"] for row in rows}) == len(rows)


def test_it_has_every_series():
    assert {name.partition("-")[0] for name in known_machine_types()} == {
        *("c2", "c2d", "c3", "c3d", "c4"),
        *("e2", "n1", "n2", "n2d", "n4", "t2d"),
    }


def test_a_name_ends_with_the_vcpus_unless_the_core_is_shared():
    for name in known_machine_types():
        found = machine_type(name)
        assert found is not None
        shared = found.shared_core_millicores is not None
        assert shared == (name in {"e2-micro", "e2-small", "e2-medium"})
        assert shared or name.removesuffix("-lssd").rpartition("-")[2] == str(found.vcpus)


@pytest.mark.parametrize(
    ("name", "vcpus", "memory_mib", "shared_core_millicores"),
    [
        ("e2-micro", 2, 1 * GIB, 250),
        ("e2-small", 2, 2 * GIB, 500),
        ("e2-medium", 2, 4 * GIB, 1000),
        ("e2-highmem-16", 16, 128 * GIB, None),
        ("n1-standard-1", 1, 3840, None),
        ("n1-standard-4", 4, 15 * GIB, None),
        ("n1-highmem-96", 96, 624 * GIB, None),
        ("n1-highcpu-2", 2, 1843, None),
        ("n2-highcpu-8", 8, 8 * GIB, None),
        ("n2-highmem-128", 128, 864 * GIB, None),
        ("n2d-standard-224", 224, 896 * GIB, None),
        ("n4-highcpu-80", 80, 160 * GIB, None),
        ("c2-standard-60", 60, 240 * GIB, None),
        ("c2d-highmem-56", 56, 448 * GIB, None),
        ("c3-standard-22-lssd", 22, 88 * GIB, None),
        ("c3d-highcpu-30", 30, 59 * GIB, None),
        ("c3d-highmem-360-lssd", 360, 2880 * GIB, None),
        ("c4-standard-2", 2, 7 * GIB, None),
        ("c4-standard-288", 288, 1080 * GIB, None),
        ("c4-highmem-8", 8, 62 * GIB, None),
        ("t2d-standard-60", 60, 240 * GIB, None),
    ],
)
def test_sizes_are_those_of_the_documentation(name, vcpus, memory_mib, shared_core_millicores):
    assert machine_type(name) == MachineType(
        name=name,
        vcpus=vcpus,
        memory_mib=memory_mib,
        shared_core_millicores=shared_core_millicores,
    )


# Examples of https://docs.cloud.google.com/compute/docs/general-purpose-machines, and the limits.
@pytest.mark.parametrize(
    ("name", "vcpus", "memory_mib"),
    [
        ("custom-4-5120", 4, 5120),
        ("n1-custom-4-5120", 4, 5120),
        ("custom-1-1024", 1, 1024),
        ("custom-1-6656", 1, 6656),
        ("custom-96-638976", 96, 624 * GIB),
        ("custom-1-8192-ext", 1, 8192),
        ("e2-custom-2-1024", 2, 1024),
        ("e2-custom-32-131072", 32, 128 * GIB),
        ("n2-custom-4-8192", 4, 8192),
        ("n2-custom-36-18432", 36, 18 * GIB),
        ("n2-custom-128-884736", 128, 864 * GIB),
        ("n2d-custom-32-16384", 32, 16 * GIB),
        ("n2d-custom-96-786432", 96, 768 * GIB),
        ("n4-custom-36-73728", 36, 72 * GIB),
        ("n4-custom-2-655360-ext", 2, 640 * GIB),
    ],
)
def test_a_custom_type_is_as_large_as_its_name_says(name, vcpus, memory_mib):
    assert machine_type(name) == MachineType(name=name, vcpus=vcpus, memory_mib=memory_mib)


@pytest.mark.parametrize(
    ("name", "memory_mib", "millicores"),
    [
        ("e2-custom-micro-1024", 1024, 250),
        ("e2-custom-micro-2048", 2048, 250),
        ("e2-custom-small-2304", 2304, 500),
        ("e2-custom-medium-8192", 8192, 1000),
    ],
)
def test_a_custom_shared_core_has_its_memory_and_the_share_of_the_predefined(
    name, memory_mib, millicores
):
    assert machine_type(name) == MachineType(
        name=name, vcpus=2, memory_mib=memory_mib, shared_core_millicores=millicores
    )


@pytest.mark.parametrize(
    "name",
    [
        "",
        "n1-standard-3",
        "n1-standard-4 ",
        "m5.xlarge",
        "c3-standard-192-metal",
        "custom-3-5120",  # neither one nor even
        "custom-4-5000",  # no multiple of 256 MiB
        "custom-4-3584",  # less than 0.9 GB each
        "custom-4-26880",  # more than 6.5 GB each
        "custom-98-131072",
        "custom-1-639232-ext",
        "custom-4-5120-more",
        "e2-custom-1-2048",
        "e2-custom-32-131328",
        "e2-custom-34-65536",
        "e2-custom-2-20480-ext",
        "e2-custom-micro-768",
        "e2-custom-micro-2304",
        "e2-custom-micro-1100",
        "n1-custom-micro-1024",
        "n2-custom-2-512",
        "n2-custom-34-34816",
        "n2-custom-1-1024",
        "n2-custom-128-884992",
        "n2d-custom-34-34816",
        "n2d-custom-112-114688",
        "n4-custom-2-512",
        "n4-custom-1-8192",
        "n4-custom-82-167936",
        "c3-custom-4-8192",
        "t2d-custom-4-8192",
        f"n2-custom-{'4' * 5000}-8192",
        f"n2-custom-4-{'8' * 5000}",
        f"e2-custom-micro-{'1' * 5000}",
        "n2-custom-\uff14-8192",  # a digit, but not of ASCII
        "n2-custom-4-819\uff12",
        "e2-custom-micro-102\uff14",
    ],
)
def test_what_compute_engine_would_not_make_is_no_type(name):
    assert machine_type(name) is None


def test_machines_of_the_sandbox_are_as_large():
    customs = (
        "custom-4-5120",
        "n2-custom-4-8192",
        "e2-custom-medium-8192",
        "n4-custom-2-16384-ext",
    )
    for name in (*known_machine_types(), *customs):
        here, there = machine_type(name), size_of(name)
        assert here is not None
        assert there is not None, name
        assert (here.vcpus, here.memory_mib) == (there.vcpus, there.memory_mib), name
        assert (here.shared_core_millicores is not None) == there.shares_core, name
