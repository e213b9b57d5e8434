"""One `go build`, with its progress."""

import shutil
import subprocess
import time
from collections import deque
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Column

from sandbox.errors import SandboxError
from sandbox.toolchain.cache import Cache
from sandbox.toolchain.golang import Go

_SHOWN = 15
_PLAIN_INTERVAL = 30.0


@dataclass(frozen=True, kw_only=True)
class Tool:
    """A row of the table of tools: what is built, and what to expect of it."""

    name: str
    package: str
    tags: str = ""
    variables: Mapping[str, str] = field(default_factory=dict[str, str])
    links: tuple[str, ...] = ()
    packages: int
    minutes: float

    @property
    def arguments(self) -> list[str]:
        """What decides, with the sources and the version of Go, what comes out."""
        stamps = [f"-X {name}={value}" for name, value in self.variables.items()]
        flags = [f"-tags={self.tags}", f"-ldflags={' '.join(['-s', '-w', *stamps])}"]
        return ["-trimpath", "-buildvcs=false", *flags, self.package]


def build(go: Go, tool: Tool, module: Path, into: Path, cache: Cache) -> None:
    """Build a tool into a folder, with links to it under its other names."""
    started = time.monotonic()
    work = into / "work"  # Go's own temporary files: they go when the folder does
    work.mkdir()
    cache.say(f"{tool.name}: building, once, about {tool.minutes:g} min on two cores")
    with (
        _progress(tool, cache) as show,
        subprocess.Popen(
            [go.binary, "build", "-v", "-o", into / tool.name, *tool.arguments],
            cwd=module,
            env=go.environment | {"GOTMPDIR": str(work)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        ) as process,
    ):
        try:
            lines = _follow(process.stdout or (), show)
        except BaseException:
            process.terminate()
            raise
    if process.returncode:
        output = "\n".join(f"  {line}" for line in lines)
        if "no space left on device" in output:
            raise cache.full(f"building {tool.name}", go.build_cache, go.module_cache)
        raise SandboxError(
            f"{tool.name} could not be built: go ended with status {process.returncode}.\n"
            f"{output}\nModules are downloaded from where GOPROXY says; what has come is kept."
        )
    shutil.rmtree(work, ignore_errors=True)
    for link in tool.links:
        (into / link).symlink_to(tool.name)
    cache.say(f"{tool.name}: built in {time.monotonic() - started:.0f} s")


def _follow(output: Iterable[str], show: Callable[[int, str], None]) -> Sequence[str]:
    packages = 0
    kept: deque[str] = deque(maxlen=_SHOWN)
    for line in map(str.rstrip, output):
        # With -v, go names each package on a line of its own when it begins with it.
        if " " not in line and ":" not in line:
            packages += 1
            show(packages, line)
        elif line.startswith("go: downloading "):
            show(packages, line.removeprefix("go: "))
        else:
            kept.append(line)
    return kept


@contextmanager
def _progress(tool: Tool, cache: Cache) -> Generator[Callable[[int, str], None]]:
    if not cache.console.is_terminal:
        yield _plain_lines(tool, cache)
        return
    what = TextColumn("{task.fields[what]}", table_column=Column(no_wrap=True, ratio=1))
    columns = ("{task.description}", BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), what)
    with Progress(*columns, console=cache.console, transient=True, expand=True) as progress:
        task = progress.add_task(tool.name, total=tool.packages, what="")
        yield lambda packages, what: progress.update(task, completed=packages, what=what)


def _plain_lines(tool: Tool, cache: Cache) -> Callable[[int, str], None]:
    said = time.monotonic()

    def show(packages: int, what: str) -> None:
        nonlocal said
        if time.monotonic() - said > _PLAIN_INTERVAL:
            said = time.monotonic()
            cache.say(f"{tool.name}: {packages} of {tool.packages} packages, {what}")

    return show
