"""The whole sandbox of a clone: what runs, in which order it starts, and how it ends."""

import fcntl
import os
import shlex
import shutil
import sys
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

import click

from sandbox import toolchain
from sandbox.control_plane import ControlPlane
from sandbox.emulator import Emulator
from sandbox.engine import Engine
from sandbox.errors import WRONG_USAGE, SandboxError
from sandbox.layout import Layout
from sandbox.processes import Processes, write_atomically
from sandbox.project import region


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
        where = region(self.layout, self.stack)
        tools = toolchain.ensure(self.layout)
        for part in self._processes.dead():
            click.echo(f"{part.name} has ended since it was started; starting it again", err=True)
        self._emulator.start()
        ControlPlane(self.layout, self.stack, tools, self._processes).start()
        self._start_watcher(where)
        engine = Engine(self.layout, tools.pulumi, self._emulator, self.stack)
        engine.install(tools)
        engine.init()
        write_atomically(self.layout.current, self.stack)
        self._refresh_for_a_new_emulator(engine)
        return engine

    def _start_watcher(self, where: str) -> None:
        name = f"{self.stack}-watcher"
        part = self._processes.running(name)
        process = part.process if part else None
        if process is None or where not in process.cmdline():  # the stack's region was edited
            argv = [sys.executable, "-m", "sandbox.watcher", "--stack", self.stack]
            argv += ["--region", where, "--root", str(self.layout.root)]
            self._processes.start(name, argv, self._emulator.environment)

    def _refresh_for_a_new_emulator(self, engine: Engine) -> None:
        seen = self.layout.cluster(self.stack) / "emulator"
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
        if not self._processes.running(f"{self.stack}-kube-apiserver"):
            raise SandboxError(
                f"the sandbox of stack {self.stack} is not up; "
                f"run `make up STACK={self.stack}` first",
                WRONG_USAGE,
            )
        pulumi = toolchain.ensure(self.layout).pulumi
        return Engine(self.layout, pulumi, self._emulator, self.stack)

    def end(self) -> None:
        """End every process and remove all state; the cache of built tools stays."""
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
