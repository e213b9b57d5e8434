"""The schema of stack files: fresh, and of one mind with the program on keys, types and choices."""

import json
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from settings.schema import settings_schema
from tests.unit.stack_files import MODELS, PLATFORM, ROOT, STACK_FILES, config_of, put, take

FILE = ROOT / "docs" / "schemas" / "settings.schema.json"
FIRST_LINE = "# yaml-language-server: $schema=docs/schemas/settings.schema.json"
MODEL = f"{MODELS}.half-plus-two"
SHIPPED = [*STACK_FILES, *sorted(ROOT.glob("examples/Pulumi.*.yaml"))]


def is_valid(config: dict[str, Any], **beside: Any) -> bool:
    return Draft202012Validator(json.loads(FILE.read_text())).is_valid({"config": config, **beside})


def test_it_is_what_the_types_say():
    written = json.loads(FILE.read_text())

    Draft202012Validator.check_schema(written)
    assert written == json.loads(json.dumps(settings_schema())), "run `make schemas`"


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_shipped_stack_files_name_it_and_are_valid(path):
    assert path.read_text().splitlines()[0] == FIRST_LINE
    assert is_valid(**{**yaml.safe_load(path.read_text())})


@pytest.mark.parametrize(
    ("key", "value"),
    [
        (f"{MODEL}.requests.cpu", 2),
        ("aws:profile", "mine"),
        ("pulumi:tags", {"team": "a"}),
        (f"{PLATFORM}.network", {"vpc_id": "vpc-1", "private_subnet_ids": ["subnet-1"]}),
        (PLATFORM, {"kind": "shared", "stack": "organization/tfserving/prod"}),
    ],
)
def test_what_the_program_takes_is_valid(key, value):
    config = config_of()
    put(config, key, value)

    assert is_valid(config)


def test_what_pulumi_writes_beside_the_config_is_valid():
    assert is_valid(config_of(), encryptionsalt="v1:abc", secretsprovider="passphrase")


@pytest.mark.parametrize(
    ("key", "value"),
    [
        (f"{PLATFORM}.colour", "red"),
        (f"{PLATFORM}.region", "us-west-2"),
        (f"{PLATFORM}.network.vpc", "vpc-1"),
        (f"{PLATFORM}.pools.system.allocation_strategy", "capacity-optimized"),
        (f"{PLATFORM}.pools.system.kind", "reserved"),
        (f"{PLATFORM}.pools.4vcpu-16gb.allocation_strategy", "capacity-optimised"),
        (f"{PLATFORM}.kind", "nomad"),
        (f"{PLATFORM}.kubernetes_version", 1.35),
        (f"{MODEL}.requests.gpu", "1"),
        (f"{MODEL}.version", "one"),
        ("tfserving:modles", {}),
        (PLATFORM, {"kind": "shared"}),
        (PLATFORM, {"kind": "shared", "stack": "a/b/c", "pools": {}}),
    ],
)
def test_a_wrong_key_type_or_choice_is_not(key, value):
    config = config_of()
    put(config, key, value)

    assert not is_valid(config)


@pytest.mark.parametrize(
    "key", ["aws:region", PLATFORM, f"{PLATFORM}.name", f"{PLATFORM}.pools.system.kind"]
)
def test_a_missing_key_is_not(key):
    config = config_of()
    take(config, key)

    assert not is_valid(config)


def test_keys_come_with_what_they_are_for():
    shapes = settings_schema()["$defs"]

    assert shapes["SharedSettings"]["description"].startswith("A platform that another stack built")
    assert all("description" in shape for shape in shapes.values())
