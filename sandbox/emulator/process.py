"""An emulator's process: one for the clone, at a port that it keeps."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import requests

from sandbox.layout import Layout
from sandbox.processes import Processes, free_port, write_atomically

START_LIMIT = 30.0
"""Seconds that an emulator may take to start."""


class EmulatorProcess:
    """A server on loopback with its state on disk, which clients find by its address alone."""

    def __init__(self, layout: Layout, processes: Processes, name: str) -> None:
        self.name = name
        self.state: Path = layout.state / name
        self._port_file = layout.state / f"{name}.json"
        self._processes = processes

    @property
    def url(self) -> str:
        """Where it answers, or will."""
        return f"http://127.0.0.1:{self._port()}"

    def start(
        self, argv: Sequence[str], answers_at: str, environment: Mapping[str, str] | None = None
    ) -> None:
        """Start it unless it runs, and wait until it answers at a path."""
        if self._processes.running(self.name):
            return
        port = self._port()
        own = ["--port", str(port), "--state", str(self.state)]
        self._processes.start(self.name, [*argv, *own], environment, ports={self.name: port})
        self._processes.wait(self.name, lambda: self._answers(answers_at), START_LIMIT)

    def _answers(self, path: str) -> bool:
        with requests.Session() as session:
            session.trust_env = False  # a proxy of the user's cannot reach this machine's loopback
            try:
                return session.get(f"{self.url}{path}", timeout=2).ok
            except requests.RequestException:
                return False

    def _port(self) -> int:
        try:
            return json.loads(self._port_file.read_text())["port"]
        except FileNotFoundError:
            port = free_port()
            write_atomically(self._port_file, json.dumps({"port": port}))
            return port
