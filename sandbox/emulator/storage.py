"""The emulator of Google's Cloud Storage: it holds the buckets that pods read models from."""

import sys

from sandbox.emulator.process import EmulatorProcess
from sandbox.layout import Layout
from sandbox.processes import Processes

NAME = "storage-emulator"


class StorageEmulator:
    """One server for the clone: all its stacks are in one project, as they may be on GKE."""

    def __init__(self, layout: Layout, processes: Processes) -> None:
        self._process = EmulatorProcess(layout, processes, NAME)
        self._nowhere = layout.state / "no-gcloud"

    @property
    def url(self) -> str:
        """The address that STORAGE_EMULATOR_HOST is set to."""
        return self._process.url

    @property
    def environment(self) -> dict[str, str]:
        """What a client of Google's needs to speak to the emulator, and to nothing as the user."""
        return {
            "STORAGE_EMULATOR_HOST": self.url,
            # The emulator asks for nobody; these keep a client from looking for the user's own.
            "CLOUDSDK_CONFIG": str(self._nowhere),
            "GOOGLE_APPLICATION_CREDENTIALS": "/dev/null",
            "NO_GCE_CHECK": "true",
        }

    def start(self) -> None:
        """Start it unless it runs."""
        self._process.start([sys.executable, "-m", "sandbox.emulator.storage_server"], "/")
