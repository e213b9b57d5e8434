"""The program on the real engine and API server: a clone of the tests' own, up once for all."""

import json
import time
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psutil
import pytest
import yaml

from sandbox.emulator import Emulator
from sandbox.engine import Engine
from sandbox.kubernetes_api import KubernetesApi, Object
from sandbox.layout import MARKER, Layout
from sandbox.machine import Machine
from sandbox.processes import Processes
from sandbox.project import copy_repository
from sandbox.providers.aws.account import Account
from tests.unit.stack_files import config_of, put

_REPOSITORY = Path(__file__).parents[2]
MODEL = "tfserving:models.half-plus-two"
POOL = "tfserving:platform.pools.4vcpu-16gb"


class Environment:
    """One stack of a clone, as its user sees it."""

    def __init__(self, root: Path, stack: str) -> None:
        self.root = root
        self.stack = stack
        self.layout = Layout(root)
        self.machine = Machine(stack, self.layout)
        self.engine: Engine = self.machine.start()
        self.api: KubernetesApi = self.machine.api

    @property
    def file(self) -> Path:
        return self.root / f"Pulumi.{self.stack}.yaml"

    def edit(self, changes: Mapping[str, object]) -> None:
        """Set values of the stack file by the paths that a message would call them by."""
        config = config_of(self.file)
        for path, value in changes.items():
            put(config, path, value)
        self.file.write_text(yaml.safe_dump({"config": config}, sort_keys=False))

    @contextmanager
    def edited(self, changes: Mapping[str, object]) -> Generator[None]:
        """Have the stack file edited for a while; what was deployed of it is not undone."""
        before = self.file.read_text()
        self.edit(changes)
        try:
            yield
        finally:
            self.file.write_text(before)

    def changes(self) -> dict[str, str]:
        """Return what a preview would do, by resource name; what stays is left out."""
        preview = json.loads(self.engine.pulumi("preview", "--json", quiet=True))
        return {
            step["urn"].split("::")[-1]: step["op"]
            for step in preview["steps"]
            if step["op"] != "same"
        }

    def nodes(self, **labels: str) -> list[Object]:
        wanted = labels.items()
        return [
            node
            for node in self.api.list("v1", "Node")
            if wanted <= node["metadata"]["labels"].items()
        ]

    def pods(self, model: str) -> list[Object]:
        return self.api.list(
            "v1", "Pod", "serving", label_selector=f"app.kubernetes.io/instance={model}"
        )

    def end(self) -> None:
        """End the stack's processes, so that they take nothing from the tests that follow."""
        processes = Processes(self.layout)
        own = [part.name for part in processes.recorded() if part.name.startswith(f"{self.stack}-")]
        processes.end(f"{self.stack}-watcher", *own)  # the watcher first: it starts others again

    def processes(self) -> set[int]:
        """Return the ids of all processes that were started for this clone's sandbox."""
        found: set[int] = set()
        for process in psutil.process_iter():
            with suppress(psutil.Error, OSError):
                if process.environ().get(MARKER) == str(self.layout.state.resolve()):
                    found.add(process.pid)
        return found


def until(condition: Callable[[], Any], seconds: float = 60) -> Any:
    """Return what a condition says as soon as that is true, or at last when the time is over."""
    deadline = time.monotonic() + seconds
    while not (found := condition()) and time.monotonic() < deadline:
        time.sleep(0.5)
    return found


@pytest.fixture(scope="session")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A copy of the repository with a sandbox of its own; nothing of it is left afterwards."""
    root = tmp_path_factory.mktemp("clone")
    copy_repository(_REPOSITORY, root)
    yield root
    Machine(layout=Layout(root)).end()


@pytest.fixture(scope="module")
def dev(clone: Path) -> Iterator[Environment]:
    """The shipped `dev` environment, deployed."""
    environment = Environment(clone, "dev")
    shipped = environment.file.read_text()
    environment.engine.deploy()
    # What the tests ask the emulator, they ask as the sandbox's own programs do.
    emulator = Emulator(environment.layout, Processes(environment.layout))
    with pytest.MonkeyPatch.context() as patch:
        for name, value in emulator.environment.items():
            patch.setenv(name, value)
        yield environment
    environment.file.write_text(shipped)  # other modules begin with it
    environment.end()


@pytest.fixture(scope="module")
def account(dev: Environment) -> Account:
    """The account that `dev` is in."""
    return Account("us-west-2", dev.stack)
