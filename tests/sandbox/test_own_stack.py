"""A stack file that somebody brings: other region, types, sizes, labels, taints and counts."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.sandbox.conftest import Environment
from tests.unit.stack_files import config_of, put


@pytest.fixture(scope="module")
def own(clone: Path) -> Iterator[Environment]:
    """An environment of its own kind, in the clone that other stacks are in too."""
    config = config_of(clone / "Pulumi.dev.yaml")
    for path, value in {
        "aws:region": "eu-west-1",
        "tfserving:platform.name": "own",
        "tfserving:platform.network": {
            "cidr": "10.9.0.0/16",
            "zones": ["eu-west-1a", "eu-west-1b", "eu-west-1c"],
            "nat": "none",
        },
        "tfserving:platform.pools": {
            "base": {
                "kind": "on_demand",
                "instance_types": ["m6i.large"],
                "nodes": {"minimum": 1, "initial": 1, "maximum": 2},
                "labels": {"role": "base"},
            },
            "burst": {
                "kind": "spot",
                "instance_types": ["c5.2xlarge", "c5d.2xlarge", "c6i.2xlarge"],
                "few_instance_types": True,
                "allocation_strategy": "price-capacity-optimized",
                "nodes": {"minimum": 1, "initial": 3, "maximum": 6},
                "labels": {"role": "models", "tier": "gold"},
                "taints": [{"key": "models", "value": "only", "effect": "NoSchedule"}],
                "disk_gib": 80,
            },
        },
        "tfserving:models.half-plus-two.node_selector": {"tier": "gold"},
        "tfserving:models.half-plus-two.tolerations": [
            {"key": "models", "value": "only", "effect": "NoSchedule"}
        ],
        "tfserving:models.half-plus-two.replicas": {"minimum": 3, "initial": 3, "maximum": 6},
    }.items():
        put(config, path, value)
    (clone / "Pulumi.own.yaml").write_text(yaml.safe_dump({"config": config}))
    environment = Environment(clone, "own")
    environment.engine.deploy()
    yield environment
    environment.end()


def test_its_nodes_are_as_many_and_of_the_types_and_zones_that_it_names(own):
    burst = [node["metadata"]["labels"] for node in own.nodes(tier="gold")]

    types = Counter(labels["node.kubernetes.io/instance-type"] for labels in burst)
    zones = Counter(labels["topology.kubernetes.io/zone"] for labels in burst)
    assert types == {"c5.2xlarge": 1, "c5d.2xlarge": 1, "c6i.2xlarge": 1}
    assert zones == {"eu-west-1a": 1, "eu-west-1b": 1, "eu-west-1c": 1}
    assert len(own.nodes(role="base")) == 1


def test_its_nodes_carry_its_labels_taints_disk_and_ekss_own_allocatable(own):
    for node in own.nodes(tier="gold"):
        assert node["metadata"]["labels"]["role"] == "models"
        assert {"key": "models", "value": "only", "effect": "NoSchedule"} in node["spec"]["taints"]
        assert node["status"]["allocatable"]["cpu"] == "7910m"
        assert node["status"]["allocatable"]["memory"] == "14162Mi"
        assert node["status"]["capacity"]["ephemeral-storage"] == "80Gi"


def test_its_pods_run_where_they_are_let(own):
    nodes = {node["metadata"]["name"] for node in own.nodes(tier="gold")}
    pods = own.pods("half-plus-two")

    assert [pod["status"]["phase"] for pod in pods] == ["Running"] * 3
    assert {pod["spec"]["nodeName"] for pod in pods} <= nodes


def test_it_has_neither_changes_nor_drift(own):
    own.engine.pulumi("preview", "--expect-no-changes", quiet=True)
    own.engine.pulumi("refresh", "--yes", "--skip-preview", "--expect-no-changes", quiet=True)
