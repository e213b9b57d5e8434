"""The AWS emulator: a moto server that holds what running things read."""

import sys

from sandbox.emulator.process import EmulatorProcess
from sandbox.layout import Layout
from sandbox.processes import Processes

NAME = "emulator"
LIFE = "life"
"""The file of its state whose content changes when what was held is lost."""

# Images are not looked up; all that moto knows would be most of what is written.
_ENVIRONMENT = {"MOTO_EC2_LOAD_DEFAULT_AMIS": "false"}


class Emulator:
    """One moto server for the clone: all its stacks are in one account, as they may be on AWS."""

    def __init__(self, layout: Layout, processes: Processes) -> None:
        self._process = EmulatorProcess(layout, processes, NAME)
        self._processes = processes

    @property
    def url(self) -> str:
        """The address that AWS_ENDPOINT_URL is set to."""
        return self._process.url

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
            return (self._process.state / LIFE).read_text()
        except FileNotFoundError:  # an earlier commit started it: it holds things until it ends
            return f"{part.pid} since {part.started}"

    def start(self) -> None:
        """Start it unless it runs."""
        argv = [sys.executable, "-m", "sandbox.emulator.server"]
        self._process.start(argv, "/moto-api/data.json", _ENVIRONMENT)
