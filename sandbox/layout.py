"""Where the sandbox keeps its things: state in the clone, built tools in a cache outside it."""

import os
from dataclasses import dataclass
from pathlib import Path

MARKER = "TFSERVING_SANDBOX"
"""In the environment of all that the sandbox starts: the state folder it belongs to."""


@dataclass(frozen=True)
class Layout:
    """The paths of one clone's sandbox; two clones share nothing but the cache."""

    root: Path

    @classmethod
    def of_this_clone(cls) -> "Layout":
        """Return the layout of the clone that this file belongs to."""
        return cls(Path(__file__).resolve().parents[1])

    @classmethod
    def of_this_process(cls) -> "Layout":
        """Return the layout that this process was started for."""
        state = os.environ.get(MARKER)
        return cls(Path(state).parent) if state else cls.of_this_clone()

    @property
    def state(self) -> Path:
        """Everything that `sandbox down` removes."""
        return self.root / ".sandbox"

    @property
    def cache(self) -> Path:
        """Built tools, shared by all clones of the user."""
        return Path(os.environ.get("TFSERVING_CACHE") or Path.home() / ".cache" / "tfserving")

    @property
    def lock(self) -> Path:
        """The file that a command which changes the sandbox holds a lock on."""
        return self.root / ".sandbox.lock"

    @property
    def processes(self) -> Path:
        """One record for each process that was started."""
        return self.state / "processes"

    @property
    def logs(self) -> Path:
        """One log for each process that was started."""
        return self.state / "logs"

    @property
    def pulumi_home(self) -> Path:
        """Pulumi's own folder: plugins, workspaces."""
        return self.state / "pulumi"

    @property
    def backend(self) -> Path:
        """Pulumi's state files."""
        return self.state / "backend"

    @property
    def work(self) -> Path:
        """The project folder that the engine is given, so that no tracked file is written to."""
        return self.state / "work"

    @property
    def bin(self) -> Path:
        """First on the PATH of what the sandbox runs."""
        return self.state / "bin"

    @property
    def current(self) -> Path:
        """The name of the stack that came up last, which commands mean when none is given."""
        return self.state / "current"

    @property
    def clusters(self) -> Path:
        """One folder for each stack that has a control plane."""
        return self.state / "clusters"

    @property
    def authorities(self) -> Path:
        """The certificates of the authorities of all control planes, for clients told of none."""
        return self.state / "authorities.pem"

    def cluster(self, stack: str) -> Path:
        """Certificates, data and kubeconfig of one stack's control plane."""
        return self.clusters / stack

    def kubeconfig(self, stack: str) -> Path:
        """The kubeconfig of one stack's control plane."""
        return self.cluster(stack) / "kubeconfig"
