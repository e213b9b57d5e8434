"""The Pulumi engine as the sandbox runs it: own home, own state, own plugins, no cloud account."""

import json
import os
import secrets
import shlex
import subprocess
import sys
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import yaml

from sandbox.emulator import Emulator
from sandbox.errors import WRONG_USAGE, SandboxError
from sandbox.layout import MARKER, Layout
from sandbox.processes import write_atomically
from sandbox.providers.values import nested
from sandbox.toolchain import Tools

PROVIDERS: Mapping[str, str] = {
    "aws": "sandbox.providers.aws",
    "eks": "sandbox.providers.eks",
    "kubernetes": "sandbox.providers.kubernetes",
}
"""The simulated providers: package and the module that is its plugin process."""

# What a terminal program needs; the user's AWS_*, GOOGLE_*, PULUMI_* and KUBECONFIG stay out.
_INHERITED = ("HOME", "LANG", "LC_ALL", "NO_COLOR", "TERM", "TMPDIR", "TZ", "USER")
_SYSTEM_PATH = ("/usr/local/bin", "/usr/bin", "/bin")
_BESIDE_PULUMI = "pulumi-language-python"
_LANGUAGE_HOST = "TFSERVING_LANGUAGE_HOST"
_OF_A_BACKEND = ("encryptionsalt:", "encryptedkey:", "secretsprovider:")


class Engine:
    """Runs Pulumi on one stack of the project, against the sandbox."""

    def __init__(self, layout: Layout, tools: Tools, emulator: Emulator, stack: str) -> None:
        self._layout = layout
        self._tools = tools
        self._emulator = emulator
        self._stack = stack

    @property
    def environment(self) -> dict[str, str]:
        """The whole environment of what the sandbox runs for its user."""
        own = str(self._layout.bin), str(Path(sys.executable).parent)
        return {
            **{name: os.environ[name] for name in _INHERITED if name in os.environ},
            **self.settings,
            "PATH": os.pathsep.join((*own, *_SYSTEM_PATH)),
        }

    @property
    def settings(self) -> dict[str, str]:
        """The variables that lead Pulumi, kubectl and AWS clients to the sandbox."""
        return {
            **self._emulator.environment,
            "KUBECONFIG": str(self._layout.kubeconfig(self._stack)),
            "PULUMI_HOME": str(self._layout.pulumi_home),
            "PULUMI_BACKEND_URL": self._layout.backend.as_uri(),
            "PULUMI_CONFIG_PASSPHRASE_FILE": str(self._passphrase),
            "PULUMI_STACK": self._stack,
            "PULUMI_SKIP_UPDATE_CHECK": "true",
            "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
            "PULUMI_CREDENTIAL_STORE": "plaintext",
            "PULUMI_FALLBACK_TO_STATE_SECRETS_MANAGER": "true",
        }

    @property
    def commands(self) -> Path:
        """The folder of the sandbox's own pulumi and kubectl."""
        return self._layout.bin

    @property
    def _passphrase(self) -> Path:
        return self._layout.state / "passphrase"

    def install(self) -> None:
        """Put plugins, language host and commands in place; what is there already is rewritten."""
        if not self._passphrase.exists():
            write_atomically(self._passphrase, secrets.token_urlsafe(32))
        self._layout.backend.mkdir(mode=0o700, parents=True, exist_ok=True)
        for package, module in PROVIDERS.items():
            name = f"resource-{package}-v{version(f'pulumi-{package}')}"
            folder = self._layout.pulumi_home / "plugins" / name
            self._script(folder / f"pulumi-resource-{package}", sys.executable, "-m", module)
        host = ("-m", "sandbox.language_host", str(self._tools.language_exec))
        self._script(_language_host(self._layout), sys.executable, *host)
        if self._tools.pulumi.is_relative_to(self._layout.cache):
            # The official distribution has one in this place; clones share this one, so it only
            # hands over to the language host of the clone at work.
            hand_over = f'#!/bin/sh\nexec "${_LANGUAGE_HOST}" "$@"\n'
            write_atomically(self._tools.pulumi.with_name(_BESIDE_PULUMI), hand_over, 0o755)
        self._script(self._layout.bin / "kubectl", str(self._tools.kubectl))
        # The engine must not write into the project, so the user's `pulumi` is led away from it.
        entry = ("-m", "sandbox.engine", str(self._tools.pulumi))
        self._script(self._layout.bin / "pulumi", sys.executable, *entry)

    def select(self) -> None:
        """Make the stack if it is new, and select it."""
        stack_file(self._layout, self._stack)
        self.pulumi("stack", "select", "--create", self._stack, quiet=True)

    def pulumi(self, *arguments: str, quiet: bool = False) -> str:
        """Run Pulumi; quietly its output is returned, otherwise it goes to the terminal.

        Raises:
            SandboxError: Pulumi ended with a status other than 0.
        """
        done = subprocess.run(
            [self._layout.bin / "pulumi", *arguments, "--non-interactive"],
            env=self.environment,
            capture_output=quiet,
            text=True,
            check=False,
        )
        if done.returncode:
            said = f":\n{done.stderr.strip() or done.stdout.strip()}" if quiet else ""
            raise SandboxError(f"`pulumi {shlex.join(arguments)}` failed{said}")
        return done.stdout or ""

    def deploy(self) -> None:
        """Bring the stack to what its file asks for."""
        self.pulumi("up", "--yes", "--skip-preview")

    def refresh(self) -> None:
        """Bring the state to what is there, so that the next deployment makes what is missing."""
        self.pulumi("refresh", "--yes", "--skip-preview", quiet=True)

    def has_resources(self) -> bool:
        """Tell whether the state holds anything."""
        state = json.loads(self.pulumi("stack", "export", quiet=True))
        return bool(nested(state, "deployment").get("resources"))

    def outputs(self) -> Mapping[str, Any]:
        """Return the stack's outputs; secret ones are masked."""
        return json.loads(self.pulumi("stack", "output", "--json", quiet=True))

    def _script(self, path: Path, *command: str) -> None:
        # By the marker what it starts knows its sandbox, and is found when that is ended.
        marker = f"export {MARKER}={shlex.quote(str(self._layout.state.resolve()))}"
        write_atomically(path, f'#!/bin/sh\n{marker}\nexec {shlex.join(command)} "$@"\n', 0o700)


def stack_file(layout: Layout, stack: str) -> Path:
    """Return a stack's file, which is all that makes a stack.

    Raises:
        SandboxError: there is none.
    """
    path = layout.root / f"Pulumi.{stack}.yaml"
    if not path.exists():
        known = sorted(file.suffixes[0][1:] for file in path.parent.glob("Pulumi.*.yaml"))
        raise SandboxError(
            f"there is no {path.name}; the stacks with a file are: {', '.join(known)}", WRONG_USAGE
        )
    return path


def copy_project(layout: Layout) -> None:
    """Give the engine the project as it is now, in a folder where it may write its salts."""
    project = yaml.safe_load((layout.root / "Pulumi.yaml").read_text())
    options = {"toolchain": "pip", "virtualenv": sys.prefix}
    project |= {"main": str(layout.root), "runtime": {"name": "python", "options": options}}
    write_atomically(layout.work / "Pulumi.yaml", yaml.safe_dump(project))
    for source in layout.root.glob("Pulumi.*.yaml"):
        copy = layout.work / source.name
        own = [line for line in _lines(source) if not line.startswith(_OF_A_BACKEND)]
        salt = [line for line in _lines(copy) if line.startswith(_OF_A_BACKEND)]
        write_atomically(copy, "\n".join((*own, *salt, "")))


def _language_host(layout: Layout) -> Path:
    return layout.bin / "language-host"


def _lines(path: Path) -> list[str]:
    return path.read_text().splitlines() if path.exists() else []


def main() -> None:
    """Become Pulumi, on the project as it is now: what `pulumi` means in the sandbox."""
    layout = Layout.of_this_process()
    copy_project(layout)
    pulumi, *arguments = sys.argv[1:]
    os.environ[_LANGUAGE_HOST] = str(_language_host(layout))
    os.execv(pulumi, [pulumi, "--cwd", str(layout.work), *arguments])


if __name__ == "__main__":
    main()
