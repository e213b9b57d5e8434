"""Programs that go round: what fails is tried again, and how long something has been so."""

import time

import psutil
import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from sandbox.errors import SandboxError
from sandbox.kubernetes_api import ApiError, UnreachableError
from sandbox.rounds import Stopwatch, attempt, go_on, unless_it_changed

PASSING = [
    ApiError(409, "Conflict", "it changed meanwhile"),
    UnreachableError("no answer"),
    EndpointConnectionError(endpoint_url="http://127.0.0.1:1"),
    ClientError({"Error": {"Code": "Throttling", "Message": "slower"}}, "DescribeInstances"),
    psutil.NoSuchProcess(1),
    SandboxError("it could not be started"),
]


def failing(error: Exception):
    def fail() -> None:
        raise error

    return fail


@pytest.mark.parametrize("error", PASSING, ids=lambda error: type(error).__name__)
def test_what_one_cannot_do_now_keeps_none_of_the_others_from_its_part(error, capsys):
    done: list[str] = []

    attempt([lambda: done.append("first"), failing(error), lambda: done.append("last")])

    assert done == ["first", "last"]
    assert capsys.readouterr().err == f"{type(error).__name__}: {error}\n"


@pytest.mark.parametrize("reason", ["NotFound", "Conflict", "Invalid"])
def test_an_object_that_changed_since_it_was_listed_is_left_to_the_next_round(reason):
    with unless_it_changed():
        raise ApiError(400, reason, "it is not what it was")


def test_what_else_the_api_server_refuses_is_not_left_out():
    with pytest.raises(ApiError, match="not yours"), unless_it_changed():
        raise ApiError(403, "Forbidden", "not yours")


def test_a_fault_of_the_program_itself_ends_it():
    with pytest.raises(KeyError):
        attempt([failing(KeyError("oops"))])


class OverError(Exception):
    """Ends the endless."""


def test_it_goes_round_again_and_again_and_waits_between(monkeypatch):
    log: list[object] = []

    def sleep(seconds: float) -> None:
        log.append(seconds)
        if log.count(seconds) == 2:
            raise OverError

    monkeypatch.setattr(time, "sleep", sleep)

    with pytest.raises(OverError):
        go_on(lambda: log.append("a"), failing(PASSING[0]), lambda: log.append("b"), every=1.5)

    assert log == ["a", "b", 1.5, "a", "b", 1.5]


@pytest.fixture
def now(monkeypatch):
    """Sets the time."""
    monkeypatch.setattr(time, "monotonic", lambda: 100.0)
    return lambda seconds: monkeypatch.setattr(time, "monotonic", lambda: 100.0 + seconds)


def test_a_stopwatch_tells_since_when_something_holds(now):
    watch = Stopwatch()
    assert watch.held("idle", True) == 0

    now(5)
    assert watch.held("idle", True) == 5

    now(7)
    assert watch.held("idle", True) == 7


def test_a_break_starts_a_stopwatch_anew(now):
    watch = Stopwatch()
    watch.held("idle", True)
    now(5)
    assert watch.held("idle", False) == 0

    now(6)
    assert watch.held("idle", True) == 0
    now(8)
    assert watch.held("idle", True) == 2


def test_a_stopwatch_keeps_several_things_apart(now):
    watch = Stopwatch()
    watch.held("a", True)
    now(5)
    watch.held("b", True)
    watch.held("c", False)

    now(6)
    assert [watch.held(name, True) for name in "abc"] == [6, 1, 0]
