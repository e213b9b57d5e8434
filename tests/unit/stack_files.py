"""Stack files as configuration: those we ship, and changed ones made of them."""

import json
from pathlib import Path
from typing import Any

import yaml
from pulumi.runtime import set_all_config

ROOT = Path(__file__).parents[2]
STACK_FILES = sorted(ROOT.glob("Pulumi.*.yaml"))
PLATFORM, MODELS, REGION = "tfserving:platform", "tfserving:models", "aws:region"


def config_of(stack_file: Path = ROOT / "Pulumi.dev.yaml") -> dict[str, Any]:
    """Return the config of a stack file."""
    return yaml.safe_load(stack_file.read_text())["config"]


def put(config: dict[str, Any], path: str, value: object) -> None:
    """Put a value at the key that a message would call by this path."""
    *parents, last = path.split(".")
    section: Any = config
    for key in parents:
        section = section[int(key) if isinstance(section, list) else key]
    section[last] = value


def configure(config: dict[str, Any]) -> None:
    """Make it the selected stack's config, as the engine passes it on."""
    set_all_config(
        {
            key: value if isinstance(value, str) else json.dumps(value)
            for key, value in config.items()
        }
    )
