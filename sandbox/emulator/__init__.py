"""The AWS emulator: a moto server that holds what running things read."""

import json
import sys

import requests

from sandbox.layout import Layout
from sandbox.processes import Processes, free_port, write_atomically

NAME = "emulator"
LIFE = "life"
"""The file of its state whose content changes when what was held is lost."""

START_LIMIT = 30.0
"""Seconds that the emulator may take to start."""

# Images are not looked up; all that moto knows would be most of what is written.
_ENVIRONMENT = {"MOTO_EC2_LOAD_DEFAULT_AMIS": "false"}


class Emulator:
    """One moto server for the clone: all its stacks are in one account, as they may be on AWS."""

    def __init__(self, layout: Layout, processes: Processes) -> None:
        self._port_file = layout.state / "emulator.json"
        self._state = layout.state / "emulator"
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
        """What tells one that lost what the last held from one that took it up."""
        part = self._processes.require_alive(NAME)
        try:
            return (self._state / LIFE).read_text()
        except FileNotFoundError:  # an earlier commit started it: it holds things until it ends
            return f"{part.pid} since {part.started}"

    def start(self) -> None:
        """Start it unless it runs."""
        if self._processes.running(NAME):
            return
        port = self._port()
        argv = [sys.executable, "-m", "sandbox.emulator.server", "--port", str(port)]
        argv += ["--state", str(self._state)]
        self._processes.start(NAME, argv, _ENVIRONMENT, ports={NAME: port})
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
