"""The programs of pods: started when one runs, ended when it goes, with what it is told."""

import os
import stat
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from sandbox.layout import Layout
from sandbox.nodes.containers import Containers
from sandbox.processes import Processes, tail, write_atomically
from sandbox.providers.charts import (
    AUTOSCALER_IMAGE,
    LOAD_BALANCER_CONTROLLER_IMAGE,
    TERMINATION_HANDLER_IMAGE,
)

AUTOSCALER = "dev-cluster-autoscaler"
HANDLER = "dev-aws-node-termination-handler"
# It says what it was given, and waits to be ended.
PROGRAM = """#!/bin/sh
echo "$@"
env
cat /var/run/secrets/kubernetes.io/serviceaccount/* 2>/dev/null
echo
echo ready
exec sleep 60
"""


def pod(uid: str, image: str = AUTOSCALER_IMAGE, phase: str = "Running", **metadata: str) -> dict:
    container = {
        "image": f"{image}:v1",
        "command": ["./cluster-autoscaler", "--v=4", "--expander=priority"],
        "env": [{"name": "AWS_REGION", "value": "eu-west-1"}, {"name": "EMPTY"}],
    }
    return {
        "metadata": {"name": f"pod-{uid}", "namespace": "tools", "uid": uid, **metadata},
        "spec": {"containers": [container], "nodeName": "node-1", "serviceAccountName": "account"},
        "status": {"phase": phase},
    }


class Api:
    """An API server that has pods, and tokens for whoever asks."""

    server = "https://127.0.0.1:4321"

    def __init__(self) -> None:
        self.pods: list[dict] = []
        self.asked: list[str] = []

    def list(self, _: str, kind: str, *, label_selector: str) -> list[dict]:
        assert (kind, label_selector) == ("Pod", "app.kubernetes.io/managed-by=Helm")
        return self.pods

    def path(self, _: str, kind: str, namespace: str, name: str) -> str:
        return f"/{kind}/{namespace}/{name}"

    def call(self, method: str, path: str, body: dict) -> dict:
        assert (method, body["kind"]) == ("POST", "TokenRequest")
        self.asked.append(path)
        return {"status": {"token": "the-token"}}


class Node:
    """The containers of a stack, and what a test sees of their programs."""

    def __init__(self, layout: Layout, program: Path) -> None:
        self.api = Api()
        self.processes = Processes(layout)
        self.containers = Containers(layout, "dev", "us-west-2", self.api, program)

    def runs(self, *pods: dict) -> None:
        self.api.pods = [*pods]
        self.containers.reconcile()

    def pid(self, name: str = AUTOSCALER) -> int | None:
        part = self.processes.running(name)
        return part.pid if part else None

    def said(self, name: str = AUTOSCALER) -> list[str]:
        """Return what a program said since it was started, once that is all."""
        log = self.processes.log(name)
        self.processes.wait(name, lambda: tail(log, 1) == ["ready"], 10)
        lines = log.read_text().splitlines()
        os.truncate(log, 0)  # the next one goes on in the same log
        return lines


@pytest.fixture
def program(tmp_path: Path) -> Path:
    path = tmp_path / "program"
    path.write_text(PROGRAM)
    path.chmod(stat.S_IRWXU)
    return path


@pytest.fixture
def node(layout: Layout, processes: Processes, program: Path, monkeypatch) -> Node:
    monkeypatch.setattr(sys, "executable", str(program))
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1234")
    monkeypatch.setenv("AWS_REGION", "of-the-watcher")
    write_atomically(layout.cluster("dev") / "certificates" / "ca.crt", "the-authority")
    return Node(layout, program)


def test_the_program_of_a_pod_that_runs_is_started_once(node: Node):
    node.runs(pod("a"))
    first = node.pid()
    node.said()
    node.runs(pod("a"))

    assert first is not None
    assert node.pid() == first
    assert node.pid(HANDLER) is None


@pytest.mark.parametrize(
    "other",
    [
        pod("a", phase="Pending"),
        pod("a", phase="Failed"),
        pod("a", deletionTimestamp="now"),
        pod("a", image="registry.example.com/other"),
    ],
)
def test_a_pod_that_does_not_run_or_is_anothers_has_no_program(node: Node, other):
    node.runs(other)

    assert node.processes.recorded() == []


@pytest.mark.parametrize("gone", [[], [pod("a", deletionTimestamp="now")]])
def test_the_program_ends_with_its_pod(node: Node, gone):
    node.runs(pod("a"))
    pid = node.pid()
    node.said()
    node.runs(*gone)

    assert not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    assert node.processes.recorded() == []


def test_another_pod_has_another_program_with_its_own_command(node: Node):
    node.runs(pod("a"))
    first = node.pid()
    node.said()
    changed = pod("b")
    changed["spec"]["containers"][0]["command"][1] = "--v=5"
    node.runs(changed)

    assert node.pid() not in (None, first)
    assert any("--v=5" in line for line in node.said())


def test_several_replicas_have_one_program(node: Node):
    node.runs(pod("a"), pod("b"))
    first = node.pid()
    node.said()
    node.runs(pod("a"), pod("b"), pod("c"))

    assert [part.name for part in node.processes.recorded()] == [AUTOSCALER]
    assert node.pid() == first


def test_a_program_that_died_is_started_again_after_a_while(node: Node, monkeypatch):
    node.runs(pod("a"))
    node.said()
    psutil.Process(node.pid()).kill()
    while node.pid():
        time.sleep(0.01)
    node.runs(pod("a"))
    assert node.pid() is None

    real = time.time
    monkeypatch.setattr(time, "time", lambda: real() + 11)
    node.runs(pod("a"))
    assert node.pid() is not None


def test_a_program_that_died_is_forgotten_with_its_pod(node: Node):
    node.runs(pod("a"))
    node.said()
    psutil.Process(node.pid()).kill()
    while node.pid():
        time.sleep(0.01)
    node.runs()

    assert node.processes.recorded() == []


def test_the_autoscaler_is_told_its_stack_and_what_its_container_says(node: Node, layout: Layout):
    node.runs(pod("a"))

    command, *environment = node.said()
    place = f"-m sandbox.cluster_autoscaler --root {layout.root} --stack dev --region us-west-2"
    assert command == f"{place} --v=4 --expander=priority"
    assert {
        "AWS_ENDPOINT_URL=http://127.0.0.1:1234",
        "AWS_ENDPOINT=http://127.0.0.1:1234",
        "AWS_REGION=eu-west-1",
        "EMPTY=",
        "KUBERNETES_SERVICE_HOST=127.0.0.1",
        "KUBERNETES_SERVICE_PORT=4321",
        "NODE_NAME=node-1",
        "POD_NAME=pod-a",
    } <= {*environment}


def test_the_load_balancer_controller_is_told_its_cluster(node: Node, layout: Layout):
    balancers = "dev-aws-load-balancer-controller"
    node.runs(pod("a", LOAD_BALANCER_CONTROLLER_IMAGE))

    command, *_ = node.said(balancers)
    assert command == f"-m sandbox.load_balancer_controller {layout.kubeconfig('dev')}"
    node.runs()
    assert node.pid(balancers) is None


def may_mount() -> bool:
    rights = [] if os.geteuid() == 0 else ["--map-root-user"]
    tried = subprocess.run(
        ["unshare", "--mount", *rights, "true"], capture_output=True, check=False
    )
    return tried.returncode == 0


@pytest.mark.skipif(not may_mount(), reason="this user may have no mount namespace")
def test_the_termination_handler_alone_sees_its_accounts_token(node: Node):
    node.runs(pod("a", TERMINATION_HANDLER_IMAGE))

    said = "\n".join(node.said(HANDLER))
    assert node.api.asked == ["/ServiceAccount/tools/account/token"]
    assert "the-authority" in said
    assert "the-token" in said
    assert "tools" in said.splitlines()[-2]
    assert not Path("/var/run/secrets/kubernetes.io/serviceaccount/token").exists()


def test_both_controllers_run_beside_each_other(node: Node, monkeypatch):
    monkeypatch.setattr(Containers, "_handler", lambda *_: [sys.executable])
    node.runs(pod("a"), pod("b", TERMINATION_HANDLER_IMAGE))
    scaler, handler = node.pid(AUTOSCALER), node.pid(HANDLER)
    node.said(AUTOSCALER), node.said(HANDLER)
    node.runs(pod("b", TERMINATION_HANDLER_IMAGE))

    assert scaler is not None
    assert (node.pid(AUTOSCALER), node.pid(HANDLER)) == (None, handler)
