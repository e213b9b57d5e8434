"""Engine: real updates of programs without a cloud, undisturbed by what its user has or does."""

import json
import os
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import psutil
import pytest

from sandbox import engine_lock, project
from sandbox.emulator import Emulator
from sandbox.engine import Engine
from sandbox.errors import SandboxError
from sandbox.layout import MARKER, Layout
from sandbox.processes import Processes
from sandbox.project import copy_project
from sandbox.tests import clone
from sandbox.toolchain import Tools

SLEEP = [sys.executable, "-c", "import time; time.sleep(60)"]
PROGRAM = """
import json, os, pathlib, pulumi
seen = pathlib.Path(".sandbox/seen.json")
seen.write_text(json.dumps(dict(os.environ)))
pulumi.export("greeting", pulumi.Config().require("greeting"))
pulumi.export("password", pulumi.Output.secret("correct-horse"))
"""
STACK = "config: {example:greeting: hello}\n"
BLOCKED = """
import os, pathlib, time
pathlib.Path(".sandbox/program").write_text(f"{os.getpid()} {os.getppid()}")
time.sleep(600)
"""
DEPLOY = """
import sys
from pathlib import Path
from sandbox.emulator import Emulator
from sandbox.engine import Engine
from sandbox.layout import Layout
from sandbox.processes import Processes
layout = Layout(Path(sys.argv[1]))
try:
    Engine(layout, Path(sys.argv[2]), Emulator(layout, Processes(layout)), "dev").deploy()
except KeyboardInterrupt:
    sys.exit(130)
"""


def an_engine(layout: Layout, tools: Tools, program: str) -> Engine:
    clone.write(layout.root, program, dev=STACK)
    engine = Engine(layout, tools.pulumi, Emulator(layout, Processes(layout)), "dev")
    engine.install(tools)
    engine.init()
    return engine


@pytest.fixture(scope="module")
def greeting(tools: Tools, tmp_path_factory: pytest.TempPathFactory) -> Layout:
    """A clone whose program was deployed by a user who has settings of their own."""
    layout = Layout(tmp_path_factory.mktemp("clone"))
    with pytest.MonkeyPatch.context() as patch:
        for name in ("AWS_PROFILE", "GOOGLE_CREDENTIALS", "PULUMI_ACCESS_TOKEN", "KUBECONFIG"):
            patch.setenv(name, "canary")
        for name in ("AWS_SECRET_ACCESS_KEY", "PULUMI_HOME", "HTTPS_PROXY", "PULUMI_PARALLEL"):
            patch.setenv(name, "canary")
        engine = an_engine(layout, tools, PROGRAM)
        engine.deploy()
        assert engine.outputs() == {"greeting": "hello", "password": "[secret]"}
        subprocess.run(
            [layout.bin / "pulumi", "preview", "--expect-no-changes"], check=True, timeout=60
        )
    return layout


def test_nothing_of_the_users_reaches_the_program(greeting):
    seen = json.loads((greeting.state / "seen.json").read_text())

    assert "canary" not in seen.values()
    assert seen[MARKER] == str(greeting.state.resolve())


def test_a_secret_is_nowhere_in_clear_in_what_stays(greeting):
    for path in greeting.state.rglob("*"):
        if path.is_file():
            assert b"correct-horse" not in path.read_bytes(), path


def test_no_file_of_the_project_changes(greeting):
    assert (greeting.root / "Pulumi.dev.yaml").read_text() == STACK
    tracked = {"Pulumi.dev.yaml", "Pulumi.yaml", "__main__.py"}
    ignored = {".sandbox", "__pycache__"}
    assert {path.name for path in greeting.root.iterdir()} - ignored == tracked


def test_an_edited_stack_file_keeps_its_salt_in_the_copy_and_never_gets_one(greeting):
    def salts(path: Path) -> list[str]:
        return [line for line in path.read_text().splitlines() if "salt" in line]

    copy = greeting.work / "Pulumi.dev.yaml"
    before = salts(copy)
    (greeting.root / "Pulumi.dev.yaml").write_text(STACK + "encryptionsalt: the-users\n")
    copy_project(greeting)
    (greeting.root / "Pulumi.dev.yaml").write_text(STACK)
    assert len(before) == 1
    assert salts(copy) == before


@pytest.fixture
def updating(layout: Layout, tools: Tools, processes: Processes):
    """An update whose program has started and goes on for ever."""
    engine = an_engine(layout, tools, BLOCKED)
    with subprocess.Popen(
        [sys.executable, "-c", DEPLOY, str(layout.root), str(tools.pulumi)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    ) as command:
        program = layout.state / "program"
        while not program.exists() or " " not in program.read_text():
            assert command.poll() is None
            time.sleep(0.05)
        yield engine, command, [int(pid) for pid in program.read_text().split()]
        command.kill()


def wait_for_the_end_of(pids: list[int]) -> None:
    deadline = time.monotonic() + 30
    while any(psutil.pid_exists(p) and psutil.Process(p).status() != "zombie" for p in pids):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_an_interrupted_update_ends_cleanly(layout, updating):
    _, command, pids = updating
    os.killpg(command.pid, signal.SIGINT)
    output, _ = command.communicate(timeout=60)

    assert command.returncode == 130
    assert "Traceback" not in output
    assert not list(layout.backend.glob(".pulumi/locks/**/*.json"))
    wait_for_the_end_of(pids)


def test_what_a_killed_update_left_does_not_hinder_the_next(layout, updating, capfd):
    engine, command, pids = updating
    (pulumi,) = psutil.Process(command.pid).children()
    pulumi.kill()
    command.wait(60)

    wait_for_the_end_of(pids)
    (layout.root / "__main__.py").write_text(PROGRAM)
    engine.deploy()
    assert engine.outputs()["greeting"] == "hello"
    assert "removing the lock on dev of a process that was killed" in capfd.readouterr().err


def a_lock(layout: Layout, pid: int, age: float = 0) -> Path:
    path = layout.backend / ".pulumi/locks/organization/example/dev/x.json"
    path.parent.mkdir(parents=True)
    locked = datetime.fromtimestamp(time.time() - age, UTC).isoformat()
    path.write_text(json.dumps({"pid": pid, "timestamp": locked}))
    return path


def test_a_lock_whose_process_id_is_somebody_elses_by_now_is_removed(layout):
    with subprocess.Popen(SLEEP) as stranger:
        lock = a_lock(layout, stranger.pid, age=3600)
        engine_lock.clear(layout, "dev")
        assert not lock.exists()
        assert stranger.poll() is None
        stranger.kill()


def test_an_engine_at_work_is_waited_for_and_left_alone(layout, monkeypatch, capsys):
    with subprocess.Popen(SLEEP) as other:
        lock = a_lock(layout, other.pid)

        def it_finishes(_: float) -> None:
            assert other.poll() is None
            lock.unlink()

        monkeypatch.setattr(engine_lock.time, "sleep", it_finishes)
        engine_lock.clear(layout, "dev")
        other.kill()
    assert f"waiting for process {other.pid}, which is updating dev" in capsys.readouterr().err


@pytest.mark.parametrize("stack", ["a b", "../dev", "-x", "", "a/b", "ü", "x" * 101])
def test_a_name_that_no_stack_can_have_is_refused_with_the_rule(layout, stack):
    with pytest.raises(SandboxError, match="at most 100 letters, digits") as error:
        project.stack_file(layout, stack)
    assert error.value.exit_code == 2


def test_a_stack_without_a_file_is_refused_with_those_that_have_one(layout):
    clone.write(layout.root, "", dev="", **{"eu.west-1": "", "not a stack": ""})
    with pytest.raises(SandboxError) as error:
        project.stack_file(layout, "prod")
    assert str(error.value) == (
        "there is no Pulumi.prod.yaml; the stacks with a file are: dev, eu.west-1"
    )


@pytest.mark.parametrize("content", ["", "config:\n", "config: [x]\n", "config: {}\n"])
def test_a_stack_file_without_a_region_is_the_programs_to_judge(layout, content):
    clone.write(layout.root, "", dev=content)
    assert project.region(layout, "dev") == "us-east-1"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"config: [", "Pulumi.dev.yaml cannot be read as YAML: .*line 1"),
        (b"\xff\xfe\x00", "Pulumi.dev.yaml cannot be read as YAML"),
        (b"- a\n", "Pulumi.dev.yaml must be a mapping of keys, not a list"),
    ],
)
def test_a_stack_file_that_is_no_yaml_is_told_by_name(layout, content, message):
    (layout.root / "Pulumi.dev.yaml").write_bytes(content)
    with pytest.raises(SandboxError, match=f"(?s){message}") as error:
        project.region(layout, "dev")
    assert error.value.exit_code == 2
