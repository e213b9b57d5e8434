"""The Pulumi engine as the sandbox runs it: own home, own state, own plugins, no cloud account."""

import json
import os
import secrets
import shlex
import signal
import subprocess
import sys
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

from sandbox import engine_lock
from sandbox.emulator import Emulator
from sandbox.emulator.storage import StorageEmulator
from sandbox.errors import SandboxError
from sandbox.gke import auth_plugin
from sandbox.layout import MARKER, Layout
from sandbox.processes import Processes, write_atomically
from sandbox.project import cluster_of, copy_project, project_name
from sandbox.toolchain import Tools

PROVIDERS: Mapping[str, str] = {
    "aws": "sandbox.providers.aws",
    "eks": "sandbox.providers.eks",
    "gcp": "sandbox.providers.gcp",
    "kubernetes": "sandbox.providers.helm_release",
}
"""The simulated providers: package and the module that is its plugin process."""

# What a terminal program needs; the user's AWS_*, GOOGLE_*, PULUMI_* and KUBECONFIG stay out.
_INHERITED = (
    "HOME",
    "LANG",
    "LC_ALL",
    "LD_LIBRARY_PATH",
    "NO_COLOR",
    "TERM",
    "TFSERVING_CACHE",
    "TFSERVING_SANDBOX_AWAIT_SECONDS",
    "TMPDIR",
    "TZ",
    "USER",
)
_SYSTEM_PATH = ("/usr/local/bin", "/usr/bin", "/bin")
_AUTH_PLUGIN = (sys.executable, "-m", "sandbox.gke.auth_plugin")
_BESIDE_PULUMI = "pulumi-language-python"
_LANGUAGE_HOST = "TFSERVING_LANGUAGE_HOST"


class Engine:
    """Runs Pulumi on one stack of the project, against the sandbox."""

    def __init__(self, layout: Layout, pulumi: Path, emulator: Emulator, stack: str) -> None:
        self._layout = layout
        self._pulumi = pulumi
        self._emulator = emulator
        self._stack = stack

    @property
    def environment(self) -> dict[str, str]:
        """The whole environment of what the sandbox runs for its user."""
        own = str(self.commands), str(Path(sys.executable).parent)
        return {
            **{name: os.environ[name] for name in _INHERITED if name in os.environ},
            **self.settings,
            "PATH": os.pathsep.join((*own, *_SYSTEM_PATH)),
        }

    @property
    def settings(self) -> dict[str, str]:
        """The variables that lead Pulumi, kubectl and the clouds' clients to the sandbox."""
        cluster = cluster_of(self._layout, self._stack)
        return {
            **self._emulator.environment,
            **StorageEmulator(self._layout, Processes(self._layout)).environment,
            "KUBECONFIG": str(self._layout.kubeconfig(cluster)),
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

    def install(self, tools: Tools) -> None:
        """Put plugins, language host and commands in place; what is there already is rewritten."""
        if not self._passphrase.exists():
            write_atomically(self._passphrase, secrets.token_urlsafe(32))
        self._layout.backend.mkdir(mode=0o700, parents=True, exist_ok=True)
        for package, module in PROVIDERS.items():
            name = f"resource-{package}-v{version(f'pulumi-{package}')}"
            folder = self._layout.pulumi_home / "plugins" / name
            self._script(folder / f"pulumi-resource-{package}", sys.executable, "-m", module)
        host = ("-m", "sandbox.language_host", str(tools.language_exec))
        self._script(_language_host(self._layout), sys.executable, *host)
        if self._pulumi.is_relative_to(self._layout.cache):
            # The official distribution has one in this place; clones share this one, so it only
            # hands over to the language host of the clone at work.
            hand_over = f'#!/bin/sh\nexec "${_LANGUAGE_HOST}" "$@"\n'
            write_atomically(self._pulumi.with_name(_BESIDE_PULUMI), hand_over, 0o755)
        trust = {"SSL_CERT_FILE": str(self._layout.authorities)}  # of servers of which none is told
        self._script(self._layout.bin / "kubectl", str(tools.kubectl), **trust)
        self._script(self._layout.bin / auth_plugin.COMMAND, *_AUTH_PLUGIN)
        # The engine must not write into the project, so the user's `pulumi` is led away from it.
        entry = ("-m", "sandbox.engine", str(self._pulumi))
        self._script(self._layout.bin / "pulumi", sys.executable, *entry)

    def init(self) -> None:
        """Make the stack unless it is there."""
        if not self._state.exists():
            self.pulumi("stack", "init", self._stack, quiet=True)

    def pulumi(self, *arguments: str, quiet: bool = False) -> str:
        """Run Pulumi; quietly its output is returned, otherwise it goes to the terminal.

        Raises:
            SandboxError: Pulumi ended with a status other than 0.
            KeyboardInterrupt: Ctrl-C was pressed; Pulumi has ended cleanly by then.
        """
        command, environment = self.invocation(*arguments, "--non-interactive")
        pipe = subprocess.PIPE if quiet else None
        with (
            _first_to_end_on_interrupt(),
            subprocess.Popen(
                command, env=environment, stdout=pipe, stderr=pipe, text=True
            ) as process,
        ):
            output, errors = process.communicate()
        if process.returncode:
            said = f":\n{errors.strip() or output.strip()}" if quiet else ""
            raise SandboxError(f"`pulumi {shlex.join(arguments)}` failed{said}")
        return output or ""

    def invocation(self, *arguments: str) -> tuple[list[str], dict[str, str]]:
        """Return the command and the environment that are Pulumi, on the project as it is now."""
        copy_project(self._layout)
        marks = {
            MARKER: str(self._layout.state.resolve()),
            _LANGUAGE_HOST: str(_language_host(self._layout)),
        }
        command = [str(self._pulumi), "--cwd", str(self._layout.work), *arguments]
        return command, {**self.environment, **marks}

    def deploy(self) -> None:
        """Bring the stack to what its file asks for."""
        engine_lock.clear(self._layout, self._stack)
        if self._latest().get("pending_operations"):
            # The providers find again, by its owner's tag, what was made but not recorded.
            self._refresh("--clear-pending-creates")
        self.pulumi("up", "--yes", "--skip-preview", "--suppress-outputs", "--suppress-progress")

    def refresh(self) -> None:
        """Bring the state to what is there, so that the next deployment makes what is missing."""
        engine_lock.clear(self._layout, self._stack)
        self._refresh()

    def _refresh(self, *flags: str) -> None:
        self.pulumi("refresh", "--yes", "--skip-preview", *flags, quiet=True)

    def has_resources(self) -> bool:
        """Tell whether the state holds anything."""
        return self._state.exists() and bool(self._latest().get("resources"))

    def outputs(self) -> Mapping[str, Any]:
        """Return the stack's outputs; secret ones are masked."""
        return json.loads(self.pulumi("stack", "output", "--json", quiet=True))

    @property
    def _state(self) -> Path:
        stacks = self._layout.backend / ".pulumi" / "stacks"
        return stacks / project_name(self._layout) / f"{self._stack}.json"

    def _latest(self) -> dict[str, Any]:
        # What `pulumi stack export` prints, without half a second of Pulumi's start.
        return json.loads(self._state.read_text())["checkpoint"].get("latest") or {}

    def _script(self, path: Path, *command: str, **environment: str) -> None:
        # By the marker what it starts knows its sandbox, and is found when that is ended.
        given = {MARKER: str(self._layout.state.resolve()), **environment}
        exports = "".join(f"export {name}={shlex.quote(text)}\n" for name, text in given.items())
        write_atomically(path, f'#!/bin/sh\n{exports}exec {shlex.join(command)} "$@"\n', 0o700)


def _language_host(layout: Layout) -> Path:
    return layout.bin / "language-host"


@contextmanager
def _first_to_end_on_interrupt() -> Generator[None]:
    """Let a child process, which Ctrl-C reaches as well, end in its own way before this one."""
    interrupts: list[int] = []
    before = signal.signal(signal.SIGINT, lambda number, _: interrupts.append(number))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
    if interrupts:
        raise KeyboardInterrupt


def main() -> None:
    """Become Pulumi, as it is in the sandbox, whatever settings of their own the user has."""
    layout = Layout.of_this_process()
    pulumi, *arguments = sys.argv[1:]
    emulator = Emulator(layout, Processes(layout))
    stack = os.environ.get("PULUMI_STACK") or "dev"
    os.execve(pulumi, *Engine(layout, Path(pulumi), emulator, stack).invocation(*arguments))


if __name__ == "__main__":
    main()
