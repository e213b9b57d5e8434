"""Outputs: what the whole program promises, under names that stay."""

import runpy
from pathlib import Path
from typing import Any

import pulumi
import pytest

from tests.unit.stack_files import ROOT, STACK_FILES, config_of, configure

CONTRACT = {"contract_version", "platform", "kubeconfig", "model_bucket", "models"}


@pytest.fixture
def run_program(cloud, monkeypatch):
    """Run the program on a stack file and return what it exports, secrets included."""

    def run(stack_file: Path) -> dict[str, Any]:
        exports: dict[str, Any] = {}
        monkeypatch.setattr(pulumi, "export", exports.__setitem__)
        configure(config_of(stack_file))
        cloud.run(lambda: runpy.run_path(str(ROOT / "__main__.py")))
        return cloud.value(pulumi.Output.from_input(exports))

    return run


@pytest.fixture
def exported(run_program):
    return run_program(ROOT / "Pulumi.dev.yaml")


def test_the_program_exports_the_contract(exported):
    assert set(exported) == CONTRACT
    assert exported["contract_version"] == 1
    assert exported["model_bucket"] == "s3://models-bucket-id"
    assert exported["platform"]["cluster_name"] == "tfserving-dev"
    assert exported["platform"]["pools"]["4vcpu-16gb"]["maximum"] == 3


def test_a_model_is_exported_with_its_addresses(exported):
    host = "half-plus-two.serving.svc.cluster.local"
    assert exported["models"] == {
        "half-plus-two": {
            "version": 1,
            "rest_url": f"http://{host}:8501/v1/models/half-plus-two",
            "grpc_address": f"{host}:8500",
            "public_url": None,
        }
    }


@pytest.mark.parametrize("stack_file", STACK_FILES, ids=lambda path: path.stem)
def test_every_stack_file_deploys_to_the_same_contract(run_program, stack_file):
    assert set(run_program(stack_file)) == CONTRACT
