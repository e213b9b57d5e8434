"""The processes of one clone: started detached, recorded, found again by a later command, ended."""

import json
import os
import random
import socket
import subprocess
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import psutil

from sandbox.errors import SandboxError
from sandbox.layout import MARKER, Layout

LOG_LIMIT = 5 * 1024 * 1024
"""A log that has grown past this many bytes is cut."""

_PART = "TFSERVING_SANDBOX_PART"
_END_LIMIT = 5.0
_CLOSE_LIMIT = 2.0
# Create times are computed from a boot time that moves when the clock is set; no pid is used again
# as fast as this.
_CLOCK_STEP = 2.0
_POLL = 0.05
_TAIL = 15
_GONE_IS_FINE = suppress(psutil.NoSuchProcess)
# What a program needs of its surroundings; the user's cloud, Pulumi and kubectl settings stay out.
_INHERITED = ("HOME", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "PATH", "TMPDIR", "TZ", "USER")
# Below the ports that systems hand out to outgoing connections: one that is recorded here is not
# taken while its server is down.
_PORTS = range(20_000, 32_000)
# Held so that the exit status can be told, and no zombie stays, while this command runs.
_children: dict[int, "subprocess.Popen[bytes]"] = {}


@dataclass(frozen=True)
class Part:
    """The record of one process."""

    name: str
    pid: int
    create_time: float
    argv0: str
    started: str
    ports: Mapping[str, int] = field(default_factory=dict[str, int])

    @property
    def process(self) -> psutil.Process | None:
        """The process, or None when it is gone or its id belongs to somebody else by now."""
        try:
            process = psutil.Process(self.pid)
            same = abs(process.create_time() - self.create_time) < _CLOCK_STEP
            return process if same and process.status() != psutil.STATUS_ZOMBIE else None
        except psutil.Error:
            return None


class Processes:
    """Starts, finds and ends the processes of one clone."""

    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        self._marker = str(layout.state.resolve())

    def start(
        self,
        name: str,
        argv: Sequence[str | Path],
        env: Mapping[str, str] | None = None,
        ports: Mapping[str, int] | None = None,
    ) -> Part:
        """Start a part that outlives this command, in the place of one that is left over."""
        self.end(name)  # with or without a record: a start may be killed before it writes that
        for port_name, port in (ports or {}).items():
            self.require_free(port, f"{name} ({port_name})")
        for folder in (self.layout.state, self.layout.processes, self.layout.logs):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            with self.log(name).open("ab") as log:
                child = subprocess.Popen(
                    [str(argument) for argument in argv],
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    cwd=self.layout.state,
                    env={**self._environment(name), **(env or {})},
                    start_new_session=True,
                    umask=0o077,
                )
        except OSError as error:
            raise SandboxError(f"{name} could not be started: {error}") from error
        _children[child.pid] = child
        try:
            created = psutil.Process(child.pid).create_time()
        except psutil.Error:  # ended already: still a record, so that it counts as a part that died
            created = time.time()
        started = datetime.now(UTC).isoformat(timespec="seconds")
        part = Part(name, child.pid, created, str(argv[0]), started, dict(ports or {}))
        write_atomically(self._record(name), json.dumps(asdict(part)))
        return part

    def wait(self, name: str, ready: Callable[[], bool], timeout: float) -> None:
        """Return when `ready` is true; raise as soon as the part dies or the time is over."""
        deadline = time.monotonic() + timeout
        # Alive first: a stranger may answer at the address of a part that died.
        while self.require_alive(name) and not ready():
            if time.monotonic() > deadline:
                raise SandboxError(f"{name} is not ready after {timeout:.3g} s.{self._end(name)}")
            time.sleep(_POLL)

    def recorded(self) -> list[Part]:
        """Return every part that was started and not ended, dead ones included."""
        return [
            part
            for path in sorted(self.layout.processes.glob("*.json"))
            if (part := self.record(path.stem))
        ]

    def record(self, name: str) -> Part | None:
        """Return what is recorded of a part, whether it lives or not."""
        try:
            return Part(**json.loads(self._record(name).read_text()))
        except (FileNotFoundError, ValueError, TypeError):
            return None

    def running(self, name: str) -> Part | None:
        """Return the part if it lives."""
        part = self.record(name)
        return part if part and part.process else None

    def dead(self) -> list[Part]:
        """Return the parts that are recorded but gone."""
        return [part for part in self.recorded() if not part.process]

    def require_alive(self, name: str) -> Part:
        """Return the part, or raise with the end of its log."""
        part = self.record(name)
        if part and part.process:
            return part
        child = _children.get(part.pid) if part else None
        status = child.poll() if child else None
        how = "" if status is None else f" with exit status {status}"
        raise SandboxError(
            f"{name} {f'ended{how}' if part else 'is not started'}.{self._end(name)}"
        )

    def end(self, *names: str) -> None:
        """End parts, one after the other, and all they started: SIGTERM, after 5 s SIGKILL."""
        for name in names:
            part = self.record(name)
            if part and (process := part.process):
                with _GONE_IS_FINE:
                    _end_processes([process, *process.children(recursive=True)])
            self._record(name).unlink(missing_ok=True)
        _end_processes(list(self._marked(names)))

    def end_all(self) -> None:
        """End everything that this clone started, recorded or not, the last that started first."""
        self.end(*(p.name for p in sorted(self.recorded(), key=lambda p: -p.create_time)))
        _end_processes(list(self._marked(None)))
        for unreadable in self.layout.processes.glob("*.json"):
            unreadable.unlink()
        for child in _children.values():  # one that somebody else ended is reaped here
            child.poll()

    def log(self, name: str) -> Path:
        """Return where a part's output goes."""
        return self.layout.logs / f"{name}.log"

    def require_free(self, port: int, what: str) -> None:
        """Raise, naming who holds it, unless a port can be listened on."""
        # The sockets of a process that was killed are closed a moment after it is gone.
        deadline = time.monotonic() + _CLOSE_LIMIT
        while not (free := _is_free(port)) and time.monotonic() < deadline:
            time.sleep(_POLL)
        if free:
            return
        raise SandboxError(
            f"port {port} of 127.0.0.1, which {what} needs, is taken{_holder(port)}. "
            f"End that process and try again, or run `sandbox down` for new ports."
        )

    def _environment(self, name: str) -> dict[str, str]:
        kept = {key: os.environ[key] for key in _INHERITED if key in os.environ}
        return {**kept, MARKER: self._marker, _PART: name}

    def _record(self, name: str) -> Path:
        return self.layout.processes / f"{name}.json"

    def _end(self, name: str) -> str:
        lines = tail(self.log(name)) or ["(nothing)"]
        return f" The end of {self.log(name)}:\n" + "\n".join(f"  {line}" for line in lines)

    def _marked(self, names: Sequence[str] | None) -> Iterator[psutil.Process]:
        # The command that ends things may itself run inside a part, as a test or a hook does.
        own = {os.getpid(), *(parent.pid for parent in psutil.Process().parents())}
        for process in psutil.process_iter():
            if process.pid in own:
                continue
            try:
                environment = process.environ()
            except (psutil.Error, OSError):
                continue
            if environment.get(MARKER) == self._marker and (
                names is None or environment.get(_PART) in names
            ):
                yield process


def free_port(taken: Sequence[int] = ()) -> int:
    """Return a port of 127.0.0.1 that nothing listens on."""
    for port in random.sample(_PORTS, len(_PORTS)):
        if port not in taken and _is_free(port):
            return port
    raise SandboxError(f"every port from {_PORTS.start} to {_PORTS.stop - 1} is taken")


def tail(path: Path, lines: int = _TAIL) -> list[str]:
    """Return the last lines of a log; none when there is no log."""
    try:
        with path.open(encoding="utf-8", errors="replace") as log:
            return [line.rstrip("\n") for line in deque(log, maxlen=lines)]
    except FileNotFoundError:
        return []


def trim(path: Path, limit: int = LOG_LIMIT) -> bool:
    """Cut a log that is over its limit: its last half goes to NAME.log.1, the file is emptied.

    The file itself stays, since the process that writes to it (in append mode) has it open.
    """
    try:
        size = path.stat().st_size
    except FileNotFoundError:
        return False
    if size <= limit:
        return False
    with path.open("rb") as log:
        log.seek(size - limit // 2)
        path.with_name(f"{path.name}.1").write_bytes(log.read())
    os.truncate(path, 0)
    return True


def write_atomically(path: Path, content: str | bytes, mode: int = 0o600) -> None:
    """Write a file so that a reader, or a crash, never sees half of it."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "wb") as file:
        file.write(content.encode() if isinstance(content, str) else content)
    temporary.replace(path)


def _end_processes(processes: Sequence[psutil.Process]) -> None:
    for process in processes:
        with _GONE_IS_FINE:
            process.terminate()
    for process in _survivors(processes):
        with _GONE_IS_FINE:
            process.kill()
    if left := _survivors(processes):
        pids = ", ".join(str(process.pid) for process in left)
        raise SandboxError(f"these processes of the sandbox cannot be ended: {pids}")


def _survivors(processes: Sequence[psutil.Process]) -> list[psutil.Process]:
    deadline = time.monotonic() + _END_LIMIT
    while left := [process for process in processes if _lives(process)]:
        if time.monotonic() > deadline:
            break
        time.sleep(_POLL)
    return left


def _lives(process: psutil.Process) -> bool:
    if child := _children.get(process.pid):
        child.poll()
    try:
        # A container's first process may never reap: a zombie is as good as gone.
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _is_free(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # As servers do, so that connections of the last server that still linger do not count.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def _holder(port: int) -> str:
    try:
        for connection in psutil.net_connections("tcp"):
            local = connection.laddr
            if connection.status == psutil.CONN_LISTEN and local and local.port == port:
                if not connection.pid:
                    return " by a process of another user"
                return f" by {psutil.Process(connection.pid).name()} (process {connection.pid})"
    except psutil.Error:  # some systems tell this to the superuser only
        pass
    return ""
