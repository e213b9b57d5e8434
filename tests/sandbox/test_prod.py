"""The `prod` environment on the real engine: the article's fleet, at rest and edited."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.sandbox.conftest import Environment
from tests.unit.stack_files import config_of

_PLATFORM = "tfserving:platform"
_POOL = f"{_PLATFORM}.pools.prod-4vcpu-16gb-spot"


@pytest.fixture(scope="module")
def prod(clone: Path) -> Iterator[Environment]:
    """The shipped `prod` environment, deployed."""
    environment = Environment(clone, "prod")
    environment.engine.deploy()
    yield environment
    environment.end()


def test_it_has_twenty_spot_nodes_in_two_shapes_and_three_system_nodes(prod):
    spot = Counter(node["status"]["allocatable"]["cpu"] for node in prod.nodes(lifecycle="Ec2Spot"))

    assert spot == {"3920m": 10, "7910m": 10}
    assert len(prod.nodes(lifecycle="OnDemand")) == 3


def test_its_twenty_five_pods_run_on_spot_nodes(prod):
    spot = {node["metadata"]["name"] for node in prod.nodes(lifecycle="Ec2Spot")}
    (model,) = config_of(prod.file)["tfserving:models"]
    pods = prod.pods(model)

    assert [pod["status"]["phase"] for pod in pods] == ["Running"] * 25
    assert {pod["spec"]["nodeName"] for pod in pods} <= spot


def test_it_has_neither_changes_nor_drift(prod):
    prod.engine.pulumi("refresh", "--yes", "--skip-preview", "--expect-no-changes", quiet=True)
    prod.engine.pulumi("preview", "--expect-no-changes", quiet=True)


@pytest.mark.parametrize(
    "change",
    [
        {
            f"{_POOL}.instance_types": [
                "m5.xlarge",
                "m5a.xlarge",
                "m5d.xlarge",
                "m6i.xlarge",
                "m6a.xlarge",
                "m7i.xlarge",
            ]
        },
        {f"{_PLATFORM}.ami_release": "1.35.3-20261001"},
    ],
)
def test_what_its_nodes_are_made_of_changes_in_place(prod, change):
    with prod.edited(change):
        changes = prod.changes()

    assert changes
    assert set(changes.values()) == {"update"}
