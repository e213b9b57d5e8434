"""What is planned with and what nodes of the sandbox have are derived apart, and must be one."""

import pytest

from planning.capacity import gke_allocatable
from planning.machine_types import known_machine_types, machine_type
from sandbox.gke.allocatable import Allocatable
from sandbox.gke.machine_sizes import size_of

CUSTOM = ["custom-4-5120", "n2-custom-4-8192", "e2-custom-2-4096", "e2-custom-medium-8192"]


@pytest.mark.parametrize("pods", [32, 110, 256])
@pytest.mark.parametrize("name", [*known_machine_types(), *CUSTOM])
def test_a_node_has_for_pods_what_is_planned_with(name, pods):
    size, planned = size_of(name), machine_type(name)
    assert size is not None
    assert planned is not None

    left, expected = Allocatable(size, pods).allocatable, gke_allocatable(planned, pods)

    assert left["cpu"] == f"{expected.millicores}m"
    assert left["memory"] == f"{expected.memory_mib}Mi"
    assert left["pods"] == str(expected.pods)
