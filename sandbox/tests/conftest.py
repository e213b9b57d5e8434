"""What the sandbox's tests share: a folder of their own instead of a clone, and the real tools."""

import sys
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
import yaml
from moto import mock_aws

from sandbox import cli, toolchain
from sandbox.control_plane import ControlPlane
from sandbox.emulator import Emulator
from sandbox.kubernetes_api import KubernetesApi
from sandbox.layout import MARKER, Layout
from sandbox.processes import Processes, write_atomically
from sandbox.providers.aws.account import Account
from sandbox.providers.kubernetes import KubernetesProvider
from sandbox.tests import clone
from sandbox.tests.emulated_aws import Cloud
from sandbox.tests.scaled_cluster import ScaledCluster


@pytest.fixture(scope="session")
def tools() -> toolchain.Tools:
    """The built tools; the first run of all builds them."""
    return toolchain.ensure(Layout.of_this_clone())


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    """An empty clone."""
    return Layout(tmp_path)


@pytest.fixture
def processes(layout: Layout) -> Iterator[Processes]:
    """The processes of the empty clone; none is left when the test ends."""
    processes = Processes(layout)
    yield processes
    processes.end_all()


@pytest.fixture(scope="session")
def api_server(tools: toolchain.Tools, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The kubeconfig of a control plane that all tests of a run share."""
    layout = Layout(tmp_path_factory.mktemp("clone"))
    processes = Processes(layout)
    try:
        cluster = ControlPlane(layout, "tests", tools, processes)
        cluster.start()
        yield cluster.kubeconfig
    finally:
        processes.end_all()


@pytest.fixture
def api(api_server: Path) -> KubernetesApi:
    """The shared control plane's API."""
    return KubernetesApi.from_kubeconfig(api_server)


@pytest.fixture
def provider(api_server: Path, monkeypatch: pytest.MonkeyPatch) -> KubernetesProvider:
    """A kubernetes provider of the shared control plane, without patience."""
    monkeypatch.setenv("TFSERVING_SANDBOX_AWAIT_SECONDS", "5")
    provider = KubernetesProvider()
    provider.configure({"kubeconfig": str(api_server)})
    return provider


@pytest.fixture
def space(api: KubernetesApi) -> Iterator[str]:
    """A namespace of the test's own."""
    name = f"space-{uuid4().hex[:8]}"
    api.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    yield name
    api.delete("v1", "Namespace", name)


@pytest.fixture
def node(api: KubernetesApi) -> Iterator[None]:
    """A node with 4 CPUs for pods that select the pool `tests`."""
    name = f"node-{uuid4().hex[:8]}"
    api.create(
        {
            "apiVersion": "v1",
            "kind": "Node",
            "metadata": {"name": name, "labels": {"pool": "tests"}},
            "status": {"allocatable": {"cpu": "4", "memory": "8Gi", "pods": "50"}},
        }
    )
    yield
    api.delete("v1", "Node", name)


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch) -> Iterator[Account]:
    """An account of the test's own, in this process."""
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    monkeypatch.setenv("MOTO_EC2_LOAD_DEFAULT_AMIS", "false")  # which takes a second
    with mock_aws():
        yield Account("us-west-2", "dev")


@pytest.fixture
def cluster(account: Account, monkeypatch: pytest.MonkeyPatch) -> ScaledCluster:
    """An empty cluster in memory, with its autoscaler and without groups."""
    return ScaledCluster(account, monkeypatch)


@pytest.fixture
def sandbox(layout: Layout, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    """Runs the command of a clone with two stacks; returns its status, output and errors."""
    clone.write(layout.root, "", dev="config: {}\n", prod="config: {}\n")
    monkeypatch.setattr(Layout, "of_this_clone", lambda: layout)

    def run(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["sandbox", *arguments])
        try:
            cli.main()
            status = 0
        except SystemExit as end:
            status = int(end.code or 0)
        said = capsys.readouterr()
        return status, said.out, said.err

    return run


@pytest.fixture(scope="module")
def emulated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Layout]:
    """A clone with an emulator of AWS."""
    layout = Layout(tmp_path_factory.mktemp("clone"))
    processes = Processes(layout)
    emulator = Emulator(layout, processes)
    cluster = {"server": "https://127.0.0.1:1", "certificate-authority": "none"}
    write_atomically(layout.kubeconfig("dev"), yaml.safe_dump({"clusters": [{"cluster": cluster}]}))
    try:
        emulator.start()
        with pytest.MonkeyPatch.context() as patch:
            for name, value in {**emulator.environment, MARKER: str(layout.state)}.items():
                patch.setenv(name, value)
            yield layout
    finally:
        processes.end_all()


@pytest.fixture
def cloud(emulated: Layout) -> Cloud:
    """An aws provider and its emulator."""
    return Cloud()
