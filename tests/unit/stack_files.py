"""Stack files as configuration: those we ship, and changed ones made of them."""

import json
from pathlib import Path
from typing import Any

import pulumi
import pytest
import yaml
from pulumi.runtime import set_all_config

import settings

ROOT = Path(__file__).parents[2]
STACK_FILES = sorted(ROOT.glob("Pulumi.*.yaml"))
PLATFORM, MODELS, REGION = "tfserving:platform", "tfserving:models", "aws:region"


def config_of(stack_file: Path = ROOT / "Pulumi.dev.yaml") -> dict[str, Any]:
    """Return the config of a stack file."""
    return yaml.safe_load(stack_file.read_text())["config"]


def put(config: dict[str, Any], path: str, value: object) -> None:
    """Put a value at the key that a message would call by this path."""
    section, key = _place(config, path)
    section[key] = value


def take(config: dict[str, Any], path: str) -> Any:
    """Take away what is at that key and return it."""
    section, key = _place(config, path)
    return section.pop(key)


def _place(config: dict[str, Any], path: str) -> tuple[Any, str | int]:
    *parents, last = [int(key) if key.isdecimal() else key for key in path.split(".")]
    section: Any = config
    for key in parents:
        section = section[key]
    return section, last


def configure(config: dict[str, Any]) -> None:
    """Make it the selected stack's config, as the engine passes it on."""
    set_all_config(
        {
            key: value if isinstance(value, str) else json.dumps(value)
            for key, value in config.items()
        }
    )


def faults_of(config: dict[str, Any]) -> list[str]:
    """Return the lines that tell of the faults, without the title."""
    configure(config)
    with pytest.raises(pulumi.RunError) as refusal:
        settings.load()
    title, *faults = str(refusal.value).splitlines()
    assert title.startswith(f"Pulumi.test.yaml has {len(faults)} fault")
    return [fault.strip() for fault in faults]
