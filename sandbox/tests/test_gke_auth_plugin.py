"""Kubeconfigs of GKE: a credential plugin, and servers of which no authority is told."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from sandbox import toolchain
from sandbox.emulator import Emulator
from sandbox.engine import Engine
from sandbox.errors import SandboxError
from sandbox.gke.auth_plugin import COMMAND
from sandbox.kubernetes_api import KubernetesApi
from sandbox.layout import MARKER, Layout
from sandbox.processes import Processes


def kubeconfig(server: str, **plugin: Any) -> str:
    """What the program gives out of a cluster with a DNS endpoint."""
    execute = {
        "apiVersion": "client.authentication.k8s.io/v1beta1",
        "command": COMMAND,
        "provideClusterInfo": True,
        **plugin,
    }
    return yaml.safe_dump(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "c", "cluster": {"server": server}}],
            "users": [{"name": "c", "user": {"exec": execute}}],
            "contexts": [{"name": "c", "context": {"cluster": "c", "user": "c"}}],
            "current-context": "c",
        }
    )


@pytest.fixture
def clone(api_server: Path, tools: toolchain.Tools, monkeypatch: pytest.MonkeyPatch) -> Layout:
    """The clone of the shared control plane, with its commands, as this process's own."""
    layout = Layout(api_server.parents[3])
    processes = Processes(layout)
    engine = Engine(layout, tools.pulumi, Emulator(layout, processes), "tests")
    (layout.root / "Pulumi.yaml").write_text("name: example\nruntime: python\n")
    (layout.root / "Pulumi.tests.yaml").write_text("config: {}\n")
    engine.install(tools)
    monkeypatch.setenv(MARKER, str(layout.state))
    return layout


@pytest.fixture
def server(api_server: Path) -> str:
    return yaml.safe_load(api_server.read_text())["clusters"][0]["cluster"]["server"]


def test_the_plugin_logs_in_where_no_authority_is_told(clone, server):
    assert KubernetesApi.from_kubeconfig(kubeconfig(server)).list("v1", "Namespace")


def test_kubectl_does_so_too(clone, server, tmp_path):
    file = tmp_path / "kubeconfig"
    file.write_text(kubeconfig(server))
    path = os.pathsep.join((str(clone.bin), "/usr/bin", "/bin"))
    environment = {"PATH": path, "HOME": str(tmp_path)}  # where its cache goes

    ran = subprocess.run(
        [clone.bin / "kubectl", "--kubeconfig", file, "get", "namespaces", "--output", "name"],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )

    assert ran.returncode == 0, ran.stderr
    assert "namespace/default" in ran.stdout


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"provideClusterInfo": False}, "needs `provideClusterInfo: true`"),
        ({"command": "no-such-plugin"}, "no-such-plugin is no command that can be found"),
        ({"command": "false"}, "false: "),
    ],
)
def test_a_plugin_that_does_not_log_in_is_told(clone, server, changes, message):
    with pytest.raises(SandboxError, match="kubeconfig given as text: it cannot be used") as told:
        KubernetesApi.from_kubeconfig(kubeconfig(server, **changes))

    assert message in str(told.value)


def test_a_server_of_no_stack_of_the_clone_is_told(clone):
    with pytest.raises(SandboxError, match="no stack of this clone has the API server https://x"):
        KubernetesApi.from_kubeconfig(kubeconfig("https://x"))


def test_a_plugin_is_given_its_own_arguments_and_variables_and_may_give_a_token(server):
    said = {"status": {"token": "correct-horse"}}
    script = f"import os, sys; print(os.environ['SAID'] if sys.argv[1] == 'x' else {said})"
    api = KubernetesApi.from_kubeconfig(
        kubeconfig(
            server,
            command=sys.executable,
            args=["-c", script, "x"],
            env=[{"name": "SAID", "value": json.dumps(said)}],
        )
    )

    assert vars(api)["_headers"]["Authorization"] == "Bearer correct-horse"
