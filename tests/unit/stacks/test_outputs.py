"""Outputs: what the whole program promises, under names that stay."""

import runpy
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pulumi
import pytest

from tests.unit.stack_files import ROOT, STACK_FILES, config_of, configure
from tests.unit.stacks.platforms import ALB

FILES = "models/half-plus-two/1"
CONTRACT = {"contract_version", "platform", "kubeconfig", "model_bucket", "models"}

FIELDS = {
    "platform": {
        "kind",
        "cluster_name",
        "region",
        "location",
        "project",
        "pools",
        "daemon_sets",
        "spot_vcpus",
        "notice",
        "egress",
        "entrance",
        "managed_prometheus",
        "registries",
    },
    "pool": {
        "kind",
        "instance_types",
        "minimum",
        "maximum",
        "labels",
        "taints",
        "vcpus",
        "node_capacity",
        "fallback",
    },
    "model": {
        "version",
        "namespace",
        "rest_url",
        "grpc_address",
        "public_url",
        "internal_url",
        "load_balanced_grpc_address",
    },
}


@pytest.fixture
def run_program(cloud, monkeypatch):
    """Run the program on a stack file and return what it exports, secrets included."""

    def run(stack_file: Path) -> dict[str, Any]:
        exports: dict[str, Any] = {}
        programs: list[Callable[[], Awaitable[None]]] = []
        monkeypatch.setattr(pulumi, "export", exports.__setitem__)
        monkeypatch.setattr(pulumi, "run", programs.append)
        configure(config_of(stack_file))
        runpy.run_path(str(ROOT / "__main__.py"))
        cloud.run(*programs)
        return cloud.value(pulumi.Output.from_input(exports))

    return run


@pytest.fixture
def exported(run_program):
    return run_program(ROOT / "Pulumi.dev.yaml")


def test_the_program_exports_the_contract(exported):
    assert set(exported) == CONTRACT
    assert exported["contract_version"] == 1
    assert exported["model_bucket"] == "s3://models-bucket-id"


def test_the_platform_is_exported_with_all_that_serving_on_it_takes(exported):
    platform = exported["platform"]

    assert platform.pop("pools").keys() == {"system", "4vcpu-16gb"}
    assert platform == {
        "kind": "eks",
        "cluster_name": "tfserving-dev",
        "region": "us-west-2",
        "location": "us-west-2",
        "project": None,
        "daemon_sets": {"cpu": "200m", "memory": "256Mi", "pods": "4"},
        "spot_vcpus": 12,
        "notice": {"seconds": 120, "reaction_seconds": 15},
        "egress": [{"cidr": "169.254.170.23/32", "port": 80}],
        "entrance": ALB,
        "managed_prometheus": False,
        "registries": {},
    }


def test_a_pool_is_exported_with_what_pods_have_to_know_of_it(exported):
    assert exported["platform"]["pools"]["4vcpu-16gb"] == {
        "kind": "spot",
        "instance_types": [
            f"{family}.xlarge" for family in ("m5", "m5d", "m4", "m5a", "m6i", "m6a")
        ],
        "minimum": 0,
        "maximum": 3,
        "labels": {"lifecycle": "Ec2Spot", "intent": "apps"},
        "taints": [],
        "vcpus": 4,
        "node_capacity": {"cpu": "3920m", "memory": "14162Mi", "pods": "58"},
        "fallback": None,
    }


def test_a_model_is_exported_with_its_addresses(exported):
    host = "half-plus-two.serving.svc.cluster.local"
    model = exported["models"]["half-plus-two"]

    assert (model["version"], model["namespace"]) == (1, "serving")
    assert model["rest_url"] == f"http://{host}:8501/v1/models/half-plus-two"
    assert model["grpc_address"] == f"{host}:8500"
    assert model["public_url"] is None


@pytest.mark.parametrize("stack_file", STACK_FILES, ids=lambda path: path.stem)
def test_every_stack_file_deploys_to_the_same_contract(run_program, stack_file):
    assert set(run_program(stack_file)) == CONTRACT


@pytest.mark.parametrize("stack_file", STACK_FILES, ids=lambda path: path.stem)
def test_every_stack_file_tells_the_same_fields_of_its_platform_pools_and_models(
    run_program, stack_file
):
    platform = run_program(stack_file)
    own = fields_of(platform)

    assert own == FIELDS
    assert platform["platform"]["kind"] in ("eks", "gke")
    assert platform["platform"]["location"].startswith(platform["platform"]["region"])


def fields_of(outputs: dict[str, Any]) -> dict[str, set[str]]:
    (model, *_), (pool, *_) = outputs["models"].values(), outputs["platform"]["pools"].values()
    return {"platform": {*outputs["platform"]}, "pool": {*pool}, "model": {*model}}


def test_files_go_with_the_bucket_of_their_stack(cloud, exported):
    bucket = cloud.parent_of("aws:s3/bucketObjectv2:BucketObjectv2", f"{FILES}/saved_model.pb")

    assert bucket == "tfserving:index:ModelBucket::models"
