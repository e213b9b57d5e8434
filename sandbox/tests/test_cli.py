"""The `sandbox` command: its exit statuses, and what it says."""

import fcntl
import json
import os
import sys

import pytest

from sandbox import cli
from sandbox.errors import SandboxError
from sandbox.machine import Machine
from sandbox.processes import Processes, write_atomically
from sandbox.tests import clone


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nosuch"], "No such command 'nosuch'"),
        (["up", "--nosuch"], "No such option '--nosuch'"),
        (["up", "--stack", "test"], "no Pulumi.test.yaml; the stacks with a file are: dev, prod"),
        (["up", "--stack", "../dev"], "'../dev' is not"),
        (["env"], "the sandbox of stack dev is not up; run `make up STACK=dev` first"),
        (["env", "--stack", "prod"], "the sandbox of stack prod is not up"),
        (["exec", "--", "true"], "the sandbox of stack dev is not up"),
        (["exec"], "exec needs a command: sandbox exec -- kubectl get nodes"),
        (["load", "half-plus-two", "8"], "the sandbox of stack dev is not up"),
        (["load", "--show", "--stack", "prod"], "the sandbox of stack prod is not up"),
        (["watch"], "the sandbox of stack dev is not up; run `make up STACK=dev` first"),
        (["record", "course.csv"], "the sandbox of stack dev is not up"),
        (["record", "course.csv", "--seconds", "0"], "'--seconds': 0.0 is not in the range"),
        (["logs"], "there are no logs: nothing was started here"),
        (["logs", "emulator"], "there are no logs"),
    ],
)
def test_wrong_usage_is_status_2_and_starts_nothing(sandbox, layout, arguments, message):
    status, _, errors = sandbox(*arguments)

    assert status == 2
    assert message in errors
    assert "Traceback" not in errors
    assert not layout.state.exists()


def test_a_stack_file_that_is_no_yaml_is_status_2_and_starts_nothing(sandbox, layout):
    (layout.root / "Pulumi.dev.yaml").write_text("config: [")

    status, _, errors = sandbox("up")

    assert status == 2
    assert "Pulumi.dev.yaml cannot be read as YAML" in errors
    assert not layout.state.exists()


def test_a_failure_is_status_1(sandbox, monkeypatch):
    def fail(_: Machine) -> None:
        raise SandboxError("it did not work")

    monkeypatch.setattr(Machine, "start", fail)
    assert sandbox("up") == (1, "", "error: it did not work\n")


def test_an_interrupt_is_status_130_and_says_how_to_go_on(sandbox, monkeypatch):
    def interrupted(_: Machine) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Machine, "start", interrupted)
    status, _, errors = sandbox("up")
    assert status == 130
    assert "run the same command again to go on" in errors


def test_down_and_status_of_a_sandbox_that_is_not_up_are_no_fault(sandbox):
    assert sandbox("down")[0] == 0
    assert sandbox("status") == (0, "nothing runs; `sandbox up` starts it\n", "")
    status, output, errors = sandbox("status", "--json")
    assert (status, errors) == (0, "")
    assert json.loads(output) == {"stack": "dev", "parts": [], "models": None, "groups": None}


def test_status_tells_what_ended(sandbox, layout, processes):
    processes.start("dev-etcd", ["true"], ports={"etcd": 20001})
    while processes.running("dev-etcd"):
        pass
    status, output, _ = sandbox("status")
    assert status == 0
    assert "ended" in output
    assert "20001" in output


def test_logs_names_the_parts_and_prints_one(sandbox, layout):
    write_atomically(layout.logs / "emulator.log", "hello\n")
    assert sandbox("logs") == (0, "emulator\n", "")
    assert sandbox("logs", "emulator") == (0, "hello\n", "")
    assert "nosuch has no log; these have: emulator" in sandbox("logs", "nosuch")[2]


@pytest.fixture
def running(processes: Processes) -> None:
    """Something that stands for the API server of `dev`."""
    processes.start("dev-kube-apiserver", ["sleep", "60"])


def test_env_takes_the_users_own_settings_out_of_the_shell(sandbox, running, monkeypatch):
    monkeypatch.setenv("AWS_PROFILE", "mine")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "mine")
    status, output, _ = sandbox("env")
    assert status == 0
    assert "AWS_PROFILE" in output.splitlines()[0].removeprefix("unset ").split()
    assert "export AWS_SECRET_ACCESS_KEY=sandbox\n" in output
    assert "mine" not in output


def test_exec_of_a_command_that_is_missing_is_status_2(sandbox, running):
    status, _, errors = sandbox("exec", "--", "nosuch")
    assert status == 2
    assert "nosuch is no command that can be found" in errors


def test_exec_becomes_the_command(layout, running):
    with clone.sandbox(layout, "exec", "--", "sh", "-c", "echo $PULUMI_STACK; exit 7") as command:
        output, _ = command.communicate(timeout=60)
    assert (command.returncode, output) == (7, "dev\n")


def test_a_second_command_waits_and_says_for_whom(layout, monkeypatch):
    clone.write(layout.root, "", dev="")
    monkeypatch.setattr(sys, "argv", ["sandbox", "up", "--stack", "dev"])
    with Machine("dev", layout).locked():
        second = clone.sandbox(layout, "down")
        said = second.stderr.readline()
        assert said == (
            f"waiting for process {os.getpid()} (sandbox up --stack dev), at work in this clone\n"
        )
        assert second.poll() is None
    with second:
        assert second.wait(60) == 0
    with layout.lock.open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)


def test_outputs_fit_a_narrow_terminal_and_keep_their_brackets(capsys):
    pool = {"instance_types": ["m5.xlarge"] * 6, "labels": {"intent": "apps"}, "minimum": 0}
    url = f"http://{'x' * 70}/v1"
    cli._show("dev", {"kubeconfig": "[secret]", "none": None, "pools": {"a": pool}, "url": url})
    output = capsys.readouterr().out

    assert "[secret]" in output
    assert "null" in output
    assert "labels: {intent: apps}" in output
    assert max(map(len, output.splitlines())) <= 80
    assert "".join(line.split("│")[2].strip() for line in output.splitlines()[-3:-1]) == url
