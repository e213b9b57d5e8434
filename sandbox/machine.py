"""The whole sandbox of a clone: what runs, in which order it starts, and how it ends."""

import fcntl
import os
import shutil
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

import click
import yaml

from sandbox import toolchain, watcher
from sandbox.control_plane import ControlPlane
from sandbox.emulator import Emulator
from sandbox.engine import Engine, stack_file
from sandbox.errors import WRONG_USAGE, SandboxError
from sandbox.layout import Layout
from sandbox.processes import Processes, write_atomically
from sandbox.providers.values import nested


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
                click.echo(f"waiting for process {lock.read()}, at work in this clone", err=True)
                fcntl.flock(lock, fcntl.LOCK_EX)
            lock.truncate(0)
            lock.write(str(os.getpid()))
            lock.flush()
            yield

    def start(self) -> Engine:
        """Start what does not run, in the order in which one part needs another."""
        region = self._region()
        tools = toolchain.ensure(self.layout)
        for part in self._processes.dead():
            click.echo(f"{part.name} has ended since it was started; starting it again", err=True)
        emulator_is_new = self._emulator.start()
        ControlPlane(self.layout, self.stack, tools, self._processes).start()
        watcher.start(self.layout, self._processes, self._emulator, self.stack, region)
        engine = Engine(self.layout, tools, self._emulator, self.stack)
        engine.install()
        engine.select()
        write_atomically(self.layout.current, self.stack)
        if emulator_is_new and engine.has_resources():
            click.echo("the emulator lost what it held: making it again", err=True)
            engine.refresh()
        return engine

    def running_engine(self) -> Engine:
        """Return the engine of a sandbox that is up.

        Raises:
            SandboxError: it is not.
        """
        if not self._processes.running(f"{self.stack}-kube-apiserver"):
            raise SandboxError(
                f"the sandbox of stack {self.stack} is not up; run `sandbox up --stack "
                f"{self.stack}` first",
                WRONG_USAGE,
            )
        return Engine(self.layout, toolchain.ensure(self.layout), self._emulator, self.stack)

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

    def _region(self) -> str:
        path = stack_file(self.layout, self.stack)
        try:
            content: dict[str, Any] = yaml.safe_load(path.read_text()) or {}
        except yaml.YAMLError as error:
            raise SandboxError(f"{path.name} is no YAML: {error}", WRONG_USAGE) from None
        # Whether it is there and right is the program's to say.
        return str(nested(content, "config").get("aws:region", "us-east-1"))
