"""The AWS emulator: a moto server that holds what running things read."""

import json
import sys

import requests

from sandbox.layout import Layout
from sandbox.processes import Processes, free_port, write_atomically

NAME = "emulator"
START_LIMIT = 30.0
"""Seconds that the emulator may take to start."""


class Emulator:
    """One moto server for the clone: all its stacks are in one account, as they may be on AWS."""

    def __init__(self, layout: Layout, processes: Processes) -> None:
        self._port_file = layout.state / "emulator.json"
        self._processes = processes

    @property
    def url(self) -> str:
        """The address that AWS_ENDPOINT_URL is set to."""
        return f"http://127.0.0.1:{self._port()}"

    @property
    def environment(self) -> dict[str, str]:
        """What an AWS client needs to speak to the emulator and to nothing else."""
        return {
            "AWS_ENDPOINT_URL": self.url,
            # The emulator takes any key; these keep a client from looking for the user's own.
            "AWS_ACCESS_KEY_ID": "sandbox",
            "AWS_SECRET_ACCESS_KEY": "sandbox",
            "AWS_CONFIG_FILE": "/dev/null",
            "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    @property
    def life(self) -> str:
        """What tells one start of it from the next, which has nothing of what the last held."""
        part = self._processes.require_alive(NAME)
        return f"{part.pid} since {part.started}"

    def start(self) -> None:
        """Start it unless it runs."""
        if self._processes.running(NAME):
            return
        port = self._port()
        argv = [sys.executable, "-m", "sandbox.emulator_server", "-H", "127.0.0.1", "-p", str(port)]
        self._processes.start(NAME, argv, {}, ports={NAME: port})
        self._processes.wait(NAME, self._answers, START_LIMIT)

    def _answers(self) -> bool:
        session = requests.Session()
        session.trust_env = False  # a proxy of the user's cannot reach this machine's loopback
        try:
            return session.get(f"{self.url}/moto-api/data.json", timeout=2).ok
        except requests.RequestException:
            return False

    def _port(self) -> int:
        try:
            return json.loads(self._port_file.read_text())["port"]
        except FileNotFoundError:
            port = free_port()
            write_atomically(self._port_file, json.dumps({"port": port}))
            return port
