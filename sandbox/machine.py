"""The whole sandbox of a clone: what runs, in which order it starts, and how it ends."""

import fcntl
import os
import re
import shlex
import shutil
import sys
from collections.abc import Generator
from contextlib import contextmanager
from functools import cached_property
from typing import Any

import click
from botocore.exceptions import BotoCoreError, ClientError

from sandbox import toolchain
from sandbox.control_plane import ControlPlane
from sandbox.emulator import Emulator
from sandbox.emulator.storage import StorageEmulator
from sandbox.engine import Engine
from sandbox.errors import WRONG_USAGE, SandboxError
from sandbox.gke import definitions
from sandbox.gke.autoscaling import BACK_OFF_SECONDS, SANDBOX_UNNEEDED_SECONDS
from sandbox.gke.cloud import Gke
from sandbox.gke.node_pools import NodePools
from sandbox.kubernetes_api import ApiError, KubernetesApi, UnreachableError
from sandbox.layout import Layout
from sandbox.load import Load
from sandbox.load.fleet import Fleet
from sandbox.load.metrics import MetricsServer
from sandbox.nodes.aws import Aws
from sandbox.nodes.cloud import Cloud
from sandbox.processes import Processes, write_atomically
from sandbox.project import cluster_of, is_on_gke, region
from sandbox.providers.aws.account import Account
from sandbox.toolchain import Tools

UNNEEDED = "TFSERVING_SANDBOX_UNNEEDED_SECONDS"
"""In the environment of `sandbox up`: for so long nodes of GKE are not needed before they go."""
BACK_OFF = "TFSERVING_SANDBOX_BACK_OFF_SECONDS"
"""There too: for so long a zone of GKE that had no capacity is not tried again."""

_WATCHER = "-watcher"


class Machine:
    """One clone's sandbox, seen from one of its stacks; by default the one that came up last."""

    def __init__(self, stack: str | None = None, layout: Layout | None = None) -> None:
        self.layout = layout or Layout.of_this_clone()
        self._processes = Processes(self.layout)
        self._emulator = Emulator(self.layout, self._processes)
        self._given = stack

    @property
    def stack(self) -> str:
        """The stack that is meant."""
        if self._given:
            return self._given
        current = self.layout.current
        return current.read_text().strip() if current.exists() else "dev"

    @property
    def cluster(self) -> str:
        """The stack whose control plane, nodes and load these are."""
        return cluster_of(self.layout, self.stack)

    @contextmanager
    def locked(self) -> Generator[None]:
        """Keep every other command that changes this sandbox waiting."""
        with self.layout.lock.open("a+") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                lock.seek(0)
                click.echo(f"waiting for {lock.read()}, at work in this clone", err=True)
                fcntl.flock(lock, fcntl.LOCK_EX)
            lock.truncate(0)
            lock.write(f"process {os.getpid()} (sandbox {shlex.join(sys.argv[1:])})")
            lock.flush()
            yield

    def start(self) -> Engine:
        """Start what does not run, in the order in which one part needs another."""
        where = region(self.layout, self.cluster)
        tools = toolchain.ensure(self.layout)
        for part in self._processes.dead():
            click.echo(f"{part.name} has ended since it was started; starting it again", err=True)
        self._emulator.start()
        if is_on_gke(self.layout, self.cluster):
            StorageEmulator(self.layout, self._processes).start()
        ControlPlane(self.layout, self.cluster, tools, self._processes).start()
        if is_on_gke(self.layout, self.cluster):
            definitions.install(self.api)
        MetricsServer(self.layout, self.cluster, self._processes).start()
        self._start_watcher(where, tools)
        engine = Engine(self.layout, tools.pulumi, self._emulator, self.stack)
        engine.install(tools)
        engine.init()
        write_atomically(self.layout.current, self.stack)
        if self.cluster != self.stack:  # what it is on comes first
            platform = Engine(self.layout, tools.pulumi, self._emulator, self.cluster)
            self._refresh_for_a_new_emulator(platform, self.cluster)
        self._refresh_for_a_new_emulator(engine, self.stack)
        return engine

    def _start_watcher(self, where: str, tools: Tools) -> None:
        name = f"{self.cluster}{_WATCHER}"
        argv = [sys.executable, "-m", "sandbox.nodes.watcher", "--root", str(self.layout.root)]
        argv += ["--stack", self.cluster, "--region", where]
        argv += ["--node-termination-handler", str(tools.node_termination_handler)]
        if is_on_gke(self.layout, self.cluster):
            argv += ["--unneeded-seconds", _seconds(UNNEEDED, SANDBOX_UNNEEDED_SECONDS)]
            argv += ["--back-off-seconds", _seconds(BACK_OFF, BACK_OFF_SECONDS)]
        part = self._processes.running(name)
        process = part.process if part else None
        if process is None or process.cmdline() != argv:  # the stack's region was edited
            self._processes.start(name, argv, self._emulator.environment)

    def _refresh_for_a_new_emulator(self, engine: Engine, stack: str) -> None:
        seen = self.layout.cluster(stack) / "emulator"
        present = self._emulator.life
        if (not seen.exists() or seen.read_text() != present) and engine.has_resources():
            click.echo("the emulator lost what it held: making it again", err=True)
            engine.refresh()
        write_atomically(seen, present)

    def running_engine(self) -> Engine:
        """Return the engine of a sandbox that is up.

        Raises:
            SandboxError: it is not.
        """
        self.require_up()
        pulumi = toolchain.ensure(self.layout).pulumi
        return Engine(self.layout, pulumi, self._emulator, self.stack)

    @property
    def is_up(self) -> bool:
        """Whether the stack has an API server."""
        return self._processes.running(f"{self.cluster}-kube-apiserver") is not None

    def require_up(self) -> None:
        """Raise, saying how to start it, unless the stack's sandbox is up."""
        if not self.is_up:
            raise SandboxError(
                f"the sandbox of stack {self.stack} is not up; "
                f"run `make up STACK={self.stack}` first",
                WRONG_USAGE,
            )

    @cached_property
    def api(self) -> KubernetesApi:
        """The stack's API server."""
        return KubernetesApi.from_kubeconfig(self.layout.kubeconfig(self.cluster))

    def account(self) -> Account:
        """Return the stack's account; from now on this process's AWS clients reach nothing else."""
        for name in [name for name in os.environ if name.startswith("AWS_")]:
            del os.environ[name]  # a profile of the user's would be looked for, and missed
        os.environ.update(self._emulator.environment)
        return Account(region(self.layout, self.cluster), self.cluster)

    def fleet(self) -> Fleet:
        """Return the stack's models and nodes, as they are now.

        Raises:
            SandboxError: it is not up, or does not answer.
        """
        with self.reached() as cloud:
            return Fleet.of(self.api, cloud, Load(self.layout, self.cluster).offered())

    @contextmanager
    def reached(self) -> Generator[Cloud]:
        """Ask the stack's cloud and API server.

        Raises:
            SandboxError: it is not up, or does not answer.
        """
        self.require_up()
        try:
            if is_on_gke(self.layout, self.cluster):
                yield Gke(NodePools(self.layout, self.cluster), self.cluster)
            else:
                yield Aws(self.account(), self.api)
        except (ApiError, UnreachableError, BotoCoreError, ClientError) as error:
            raise SandboxError(f"stack {self.stack} cannot be reached: {error}") from error

    def end(self) -> None:
        """End every process and remove all state; the cache of built tools stays."""
        # Else they would start again what is ended.
        names = (part.name for part in self._processes.recorded())
        self._processes.end(*(name for name in names if name.endswith(_WATCHER)))
        self._processes.end_all()
        shutil.rmtree(self.layout.state, ignore_errors=True)

    def status(self) -> dict[str, Any]:
        """Return what runs, as plain data."""
        return {
            "stack": self.stack,
            "parts": [
                {
                    "name": part.name,
                    "pid": part.pid,
                    "running": part.process is not None,
                    "ports": dict(part.ports),
                }
                for part in self._processes.recorded()
            ],
        }


def _seconds(variable: str, default: float) -> str:
    given = os.environ.get(variable) or f"{default:g}"
    if not re.fullmatch(r"\d+(\.\d+)?", given):
        raise SandboxError(
            f"{variable} must be a number of seconds, such as 60 or 2.5; got {given!r}",
            WRONG_USAGE,
        )
    return given
