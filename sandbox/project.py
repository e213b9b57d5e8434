"""The project's and its stacks' files, and the engine's copy of them."""

import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import yaml

from sandbox.errors import WRONG_USAGE, SandboxError
from sandbox.layout import Layout
from sandbox.processes import write_atomically
from sandbox.providers.values import is_mapping

_STACK_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}")
_REGION = "us-east-1"
_ZONE = re.compile(r"(?<=\d)-[a-z]$")
_OF_A_BACKEND = ("encryptionsalt:", "encryptedkey:", "secretsprovider:")


def stack_file(layout: Layout, stack: str) -> Path:
    """Return a stack's file, which is all that makes a stack.

    Raises:
        SandboxError: there is none, or its name cannot be a stack's.
    """
    path = layout.root / f"Pulumi.{stack}.yaml"
    if not _STACK_NAME.fullmatch(stack):
        raise SandboxError(
            "a stack's name is of at most 100 letters, digits, hyphens, underscores and dots, and "
            f"begins with a letter or digit; {stack!r} is not",
            WRONG_USAGE,
        )
    if not path.is_file():
        known = ", ".join(_stacks(layout)) or "none"
        raise SandboxError(
            f"there is no {path.name}; the stacks with a file are: {known}", WRONG_USAGE
        )
    return path


def region(layout: Layout, stack: str) -> str:
    """Return the region that a stack's file names, or the one that AWS itself falls back to."""
    config, platform = _config(layout, stack), _platform(layout, stack)
    if platform.get("kind") == "gke":
        return _ZONE.sub("", str(platform.get("location", "")))
    return str(config.get("aws:region", _REGION))


def is_on_gke(layout: Layout, stack: str) -> bool:
    """Tell whether a stack's file asks for a cluster of GKE."""
    return _platform(layout, stack).get("kind") == "gke"


def gcp_project(layout: Layout, stack: str) -> str:
    """Return the project of Google Cloud that a stack's file names."""
    return str(_config(layout, stack).get("gcp:project", ""))


def cluster_of(layout: Layout, stack: str) -> str:
    """Return the stack whose cluster a stack's models are on: its own, or one that it shares."""
    platform: Mapping[str, Any] = {}
    with suppress(SandboxError):  # whether it is there and right is said elsewhere
        platform = _platform(layout, stack)
    if platform.get("kind") != "shared":
        return stack
    return str(platform.get("stack")).rpartition("/")[2]


def project_name(layout: Layout) -> str:
    """Return the name that Pulumi.yaml gives the project."""
    return str(_document(layout.root / "Pulumi.yaml").get("name"))


def copy_project(layout: Layout) -> None:
    """Give the engine the project as it is now, in a folder where it may write its salts."""
    options = {"toolchain": "pip", "virtualenv": sys.prefix}
    project = _document(layout.root / "Pulumi.yaml") | {
        "main": str(layout.root),
        "runtime": {"name": "python", "options": options},
    }
    write_atomically(layout.work / "Pulumi.yaml", yaml.safe_dump(project))
    for name in map("Pulumi.{}.yaml".format, _stacks(layout)):
        copy = layout.work / name
        own = [line for line in _lines(layout.root / name) if not line.startswith(_OF_A_BACKEND)]
        salt = [line for line in _lines(copy) if line.startswith(_OF_A_BACKEND)]
        write_atomically(copy, "\n".join((*own, *salt, "")))


def copy_repository(root: Path, into: Path) -> None:
    """Copy what git tracks or would track: another clone, for a sandbox of its own."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=root, capture_output=True, text=True, check=True).stdout
    for name in filter(lambda name: (root / name).is_file(), listed.splitlines()):
        (into / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(root / name, into / name)


def _config(layout: Layout, stack: str) -> Mapping[str, Any]:
    config = _document(stack_file(layout, stack)).get("config")
    # Whether what is asked for is there and right is the program's to say.
    return config if is_mapping(config) else {}


def _platform(layout: Layout, stack: str) -> Mapping[str, Any]:
    platform = _config(layout, stack).get("tfserving:platform")
    return platform if is_mapping(platform) else {}


def _stacks(layout: Layout) -> list[str]:
    files = layout.root.glob("Pulumi.*.yaml")
    names = (file.name.removeprefix("Pulumi.").removesuffix(".yaml") for file in files)
    return sorted(filter(_STACK_NAME.fullmatch, names))


def _lines(path: Path) -> list[str]:
    return path.read_text().splitlines() if path.exists() else []


def _document(path: Path) -> dict[str, Any]:
    try:
        content = yaml.safe_load(path.read_text())
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise SandboxError(f"{path.name} cannot be read as YAML: {error}", WRONG_USAGE) from None
    if content is None:
        return {}
    if not is_mapping(content):
        kind = type(content).__name__
        raise SandboxError(f"{path.name} must be a mapping of keys, not a {kind}", WRONG_USAGE)
    return dict(content)
