import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from sandbox.errors import SandboxError
from sandbox.layout import Layout
from sandbox.processes import MARKER, Processes, free_port, tail, trim

SLEEP = [sys.executable, "-c", "import time; time.sleep(60)"]


def gone(pid: int) -> bool:
    return not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


def test_a_part_is_found_again_by_a_later_command(layout: Layout, processes: Processes) -> None:
    started = processes.start("sleeper", SLEEP, ports={"http": 20001})
    assert Processes(layout).running("sleeper") == started
    assert Processes(layout).dead() == []


def test_a_part_is_detached_from_the_terminal(processes: Processes) -> None:
    part = processes.start("sleeper", SLEEP)
    assert os.getsid(part.pid) == part.pid


def test_an_ended_part_leaves_no_process_and_no_record(processes: Processes) -> None:
    part = processes.start("sleeper", SLEEP)
    processes.end("sleeper")
    assert gone(part.pid)
    assert processes.recorded() == []


def test_a_part_that_ignores_sigterm_is_killed(
    processes: Processes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sandbox.processes._END_LIMIT", 0.3)
    code = "import signal, time; signal.signal(15, 1); print(1, flush=True); time.sleep(60)"
    part = processes.start("stubborn", [sys.executable, "-c", code])
    processes.wait("stubborn", lambda: tail(processes.log("stubborn")) == ["1"], 10)
    processes.end("stubborn")
    assert gone(part.pid)


def test_what_a_part_started_ends_with_it(processes: Processes) -> None:
    processes.start("parent", ["sh", "-c", "sleep 60 & echo $!; wait"])
    processes.wait("parent", lambda: bool(tail(processes.log("parent"))), 10)
    child = int(tail(processes.log("parent"))[0])
    processes.end("parent")
    assert gone(child)


def test_a_process_that_was_never_recorded_is_ended_by_its_mark(
    layout: Layout, processes: Processes
) -> None:
    part = processes.start("sleeper", SLEEP)
    (layout.processes / "sleeper.json").unlink()
    processes.end_all()
    assert gone(part.pid)


def test_another_clones_processes_are_left_alone(tmp_path: Path, processes: Processes) -> None:
    other = Processes(Layout(tmp_path / "other"))
    part = other.start("sleeper", SLEEP)
    processes.end_all()
    assert other.running("sleeper") == part
    other.end_all()


def test_a_stale_record_whose_pid_is_somebody_elses_is_dropped_and_the_process_lives(
    layout: Layout, processes: Processes
) -> None:
    layout.processes.mkdir(parents=True)
    with subprocess.Popen(SLEEP) as stranger:
        stale = {
            "name": "old",
            "pid": stranger.pid,
            "create_time": 1.0,
            "argv0": "x",
            "started": "",
            "ports": {},
        }
        (layout.processes / "old.json").write_text(json.dumps(stale))
        assert [part.name for part in processes.dead()] == ["old"]
        processes.end_all()
        assert stranger.poll() is None
        assert processes.recorded() == []
        stranger.kill()


def test_a_part_that_dies_while_awaited_is_reported_at_once_with_its_log(
    processes: Processes,
) -> None:
    code = "[print('line', n) for n in range(20)]; raise SystemExit(3)"
    processes.start("failing", [sys.executable, "-c", code])
    started = time.monotonic()
    with pytest.raises(SandboxError) as error:
        processes.wait("failing", lambda: False, 30)
    assert time.monotonic() - started < 10
    message = str(error.value)
    assert "failing ended with exit status 3" in message
    assert str(processes.log("failing")) in message
    assert "line 19" in message
    assert "line 4\n" not in message


def test_a_killed_part_counts_as_dead_and_can_be_started_again(processes: Processes) -> None:
    part = processes.start("sleeper", SLEEP)
    os.kill(part.pid, signal.SIGKILL)
    while processes.running("sleeper"):
        time.sleep(0.01)
    assert [dead.name for dead in processes.dead()] == ["sleeper"]
    assert processes.start("sleeper", SLEEP).pid != part.pid
    assert processes.dead() == []


def test_a_part_that_is_not_ready_in_time_is_reported_with_the_limit(processes: Processes) -> None:
    processes.start("slow", SLEEP)
    with pytest.raises(SandboxError, match=r"slow is not ready after 0\.2 s"):
        processes.wait("slow", lambda: False, 0.2)


def test_the_users_settings_do_not_reach_a_part(
    processes: Processes, layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_PROFILE", "mine")
    sleeper = psutil.Process(processes.start("sleeper", SLEEP, {"OWN": "1"}).pid)
    # The system shows a process before it shows what that was given.
    processes.wait("sleeper", lambda: "OWN" in sleeper.environ(), 10)
    environment = sleeper.environ()
    assert "AWS_PROFILE" not in environment
    assert environment["OWN"] == "1"
    assert environment[MARKER] == str(layout.state.resolve())


def test_a_taken_port_is_reported_with_its_holder(processes: Processes) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with pytest.raises(SandboxError) as error:
            processes.start("emulator", SLEEP, ports={"http": port})
    assert f"port {port} of 127.0.0.1, which emulator (http) needs" in str(error.value)
    assert f"process {os.getpid()}" in str(error.value)


def test_a_free_port_can_be_listened_on_and_is_none_of_those_taken() -> None:
    port = free_port()
    assert free_port(taken=[port]) != port
    socket.create_server(("127.0.0.1", port)).close()


def test_a_log_is_cut_under_the_hands_of_its_writer(tmp_path: Path) -> None:
    log = tmp_path / "x.log"
    with log.open("ab", buffering=0) as writer:
        writer.write(b"old\n" * 300)
        assert trim(log, limit=1000)
        writer.write(b"new\n")
    assert log.read_text() == "new\n"
    assert (tmp_path / "x.log.1").stat().st_size == 500
    assert not trim(log, limit=1000)
    assert not trim(tmp_path / "none.log")
