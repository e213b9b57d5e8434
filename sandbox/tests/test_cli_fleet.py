"""The commands that put load on a stack and show how it takes it."""

import csv
import json
import os
import signal
from collections.abc import Iterator
from dataclasses import replace

import pytest
from botocore.exceptions import BotoCoreError

from sandbox.cli import fleet as cli_fleet
from sandbox.emulator import Emulator
from sandbox.errors import SandboxError
from sandbox.kubernetes_api import ApiError, UnreachableError
from sandbox.load import Load
from sandbox.load.fleet import Fleet
from sandbox.machine import Machine
from sandbox.nodes.aws import Aws
from sandbox.processes import Processes
from sandbox.tests import clone
from sandbox.tests.test_fleet import GROUP, MODEL

FLEET = Fleet((MODEL, replace(MODEL, name="other", capacity=None, maximum=None)), (GROUP,))


@pytest.fixture
def seen(layout, monkeypatch) -> list[Fleet | SandboxError]:
    """What is seen at each look, the last one from then on."""
    layout.cluster("dev").mkdir(parents=True)
    looks: list[Fleet | SandboxError] = [FLEET]

    def look(_: Machine) -> Fleet:
        now = looks.pop(0) if len(looks) > 1 else looks[0]
        if isinstance(now, SandboxError):
            raise now
        return now

    monkeypatch.setattr(Machine, "fleet", look)
    monkeypatch.setattr(Machine, "is_up", True)
    return looks


@pytest.fixture
def interrupted(monkeypatch) -> Iterator[None]:
    """A user who presses Ctrl-C as soon as a command waits."""
    # Who starts the tests in the background may have it ignored.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    monkeypatch.setattr(cli_fleet.time, "sleep", lambda _: signal.raise_signal(signal.SIGINT))
    yield
    signal.signal(signal.SIGINT, before)


def test_a_load_is_offered(sandbox, layout, seen):
    assert sandbox("load", "m", "8.5") == (0, "", "")
    assert sandbox("load", "other", "0") == (0, "", "")
    assert Load(layout, "dev").offered() == {"m": 8.5, "other": 0}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nosuch", "1"], "stack dev has no model nosuch; the models that it has are: m, other"),
        (["m", "-1"], "the load of m must be a number of cores, 0 or more; got -1"),
        (["m", "nan"], "the load of m must be a number of cores, 0 or more; got nan"),
        (["m", "inf"], "the load of m must be a number of cores, 0 or more; got inf"),
        (["m", "much"], "'much' is not a valid float"),
        (["m"], "load needs a model and its load in cores"),
        ([], "load needs a model and its load in cores"),
    ],
)
def test_a_load_that_cannot_be_is_refused(sandbox, layout, seen, arguments, message):
    status, _, errors = sandbox("load", *arguments)

    assert status == 2
    assert message in errors
    assert Load(layout, "dev").offered() == {}


def test_load_and_what_is_not_served_are_shown(sandbox, seen):
    status, output, _ = sandbox("load", "--show")
    rows = {cells[1]: cells[2:-1] for cells in map(_cells, output.splitlines()) if len(cells) > 2}

    assert status == 0
    assert rows["m"] == ["5", "4", "1", "1-4", "1/2", "1"]
    assert rows["other"] == ["5", "no limit", "1", "none", "1/2", "1"]


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.split("│")]


def test_status_shows_models_and_nodes_at_a_glance(sandbox, seen, processes):
    processes.start("dev-etcd", ["sleep", "60"])
    short = replace(GROUP, short=True, noticed=2)
    seen[:] = [Fleet((MODEL,), (short, replace(GROUP, pool="system", spot=False)))]

    _, output, _ = sandbox("status")
    rows = {cells[1]: cells[2:-1] for cells in map(_cells, output.splitlines()) if len(cells) > 2}

    assert rows["m"] == ["5", "4", "1", "1-4", "1/2", "1"]
    assert rows["p"] == ["Spot", "0-3", "1/2", "no Spot capacity, 2 with a notice"]
    assert rows["system"] == ["on demand", "0-3", "1/2", ""]
    assert max(map(len, output.splitlines())) <= 80

    found = json.loads(sandbox("status", "--json")[1])
    assert found["models"][0]["unserved"] == 1
    assert found["groups"][0]["noticed"] == 2


def test_status_tells_what_runs_even_when_the_models_cannot_be_seen(sandbox, seen, processes):
    processes.start("dev-etcd", ["sleep", "60"])
    seen[:] = [SandboxError("no answer")]

    status, output, errors = sandbox("status", "--json")

    found = json.loads(output)
    assert (status, errors) == (0, "error: no answer\n")
    assert [part["name"] for part in found["parts"]] == ["dev-etcd"]
    assert (found["models"], found["groups"]) == (None, None)


def test_record_goes_on_after_a_gap_and_says_so(sandbox, layout, seen):
    seen[:] = [FLEET, SandboxError("no answer"), FLEET]
    file = layout.root / "course.csv"

    status, _, errors = sandbox("record", str(file), "--seconds", "0.25", "--interval", "0.125")

    assert (status, errors) == (0, "a gap: no answer\n")
    with file.open() as recorded:
        assert [row["model"] for row in csv.DictReader(recorded)] == ["m", "other"] * 2


def test_record_to_a_file_that_cannot_be_is_refused(sandbox, seen):
    status, _, errors = sandbox("record", "/nosuch/course.csv")

    assert status == 2
    assert "'/nosuch/course.csv': No such file or directory" in errors


def test_what_was_recorded_before_is_kept_when_nothing_can_be(sandbox, layout, seen):
    file = layout.root / "course.csv"
    file.write_text("before")
    seen[:] = [SandboxError("no answer")]

    assert sandbox("record", str(file)) == (1, "", "error: no answer\n")
    assert file.read_text() == "before"


def test_ctrl_c_is_how_record_and_watch_end(sandbox, seen, interrupted):
    status, output, errors = sandbox("record", "-")
    assert (status, errors) == (0, "")
    assert len(output.splitlines()) == 3

    status, output, errors = sandbox("watch")
    assert (status, errors) == (0, "")
    assert "1/2" in output


@pytest.mark.parametrize(
    "fault", [UnreachableError("no answer"), ApiError(503, "Busy", "no answer"), BotoCoreError()]
)
def test_what_does_not_answer_is_told_with_the_stacks_name(layout, monkeypatch, fault):
    clone.write(layout.root, "", dev="")
    monkeypatch.setattr(os, "environ", {"AWS_PROFILE": "mine", **os.environ})
    monkeypatch.setattr(Machine, "is_up", True)
    monkeypatch.setattr(Machine, "api", None)
    asked: list[Aws] = []

    def fail(_: object, cloud: Aws, offered: object) -> None:
        asked.append(cloud)
        raise fault

    monkeypatch.setattr(Fleet, "of", fail)
    machine = Machine("dev", layout)

    with pytest.raises(SandboxError, match=f"stack dev cannot be reached: {fault}"):
        machine.fleet()

    # The user's own profile is looked for nowhere, and found nowhere.
    url = asked[0].account.client("ec2").meta.endpoint_url
    assert url == Emulator(layout, Processes(layout)).url
