"""A folder of finished things: each appears whole or not at all, and is made by one at a time."""

import errno
import fcntl
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from sandbox.errors import SandboxError

_UNFINISHED = ".unfinished-"
_KEEP_UNUSED = 30 * 24 * 3600


@dataclass(frozen=True)
class Cache:
    """The folder, shared by all clones of a user, and where to tell what is going on."""

    root: Path
    console: Console

    def entry(self, name: str, key: str, make: Callable[[Path], None]) -> Path:
        """Return the folder of `name` as of `key`; `make` fills it the first time."""
        folder = self.root / name / key
        try:
            if folder.is_dir():
                os.utime(folder)  # in use
                return folder
            folder.parent.mkdir(parents=True, exist_ok=True)
            with self._only_one(name):
                if not folder.is_dir():  # whoever held the lock may have made it
                    self._make(folder, make)
        except OSError as error:
            if error.errno == errno.ENOSPC:
                raise self.full(f"making {name}") from error
            raise SandboxError(
                f"the cache {self.root} cannot be used: {error}. TFSERVING_CACHE names another."
            ) from error
        return folder

    def full(self, what: str, *other: Path) -> SandboxError:
        """Return the fault of a full disk, with what is free in this and other folders."""
        free = ", ".join(f"{_free(path)} free in {path}" for path in (self.root, *other))
        return SandboxError(
            f"no space was left on the disk while {what}: {free}. "
            f"TFSERVING_CACHE names another folder for the sandbox's tools."
        )

    def say(self, line: str) -> None:
        """Print a line."""
        self.console.print(line, markup=False, highlight=False, soft_wrap=True)

    def _make(self, folder: Path, make: Callable[[Path], None]) -> None:
        # The lock is ours: what is unfinished here belongs to a command that was killed.
        for leftover in folder.parent.glob(f"{_UNFINISHED}*"):
            shutil.rmtree(leftover, ignore_errors=True)
        unfinished = Path(tempfile.mkdtemp(prefix=_UNFINISHED, dir=folder.parent))
        try:
            make(unfinished)
            os.sync()  # a power cut must not leave a name without its content
            unfinished.rename(folder)
        except BaseException:
            shutil.rmtree(unfinished, ignore_errors=True)
            raise
        for other in folder.parent.iterdir():
            if other.is_dir() and time.time() - other.stat().st_mtime > _KEEP_UNUSED:
                shutil.rmtree(other, ignore_errors=True)

    @contextmanager
    def _only_one(self, name: str) -> Generator[None]:
        with (self.root / name / ".lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                self.say(f"{name}: another command is making it, waiting for that")
                fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def _free(path: Path) -> str:
    while not path.exists():
        path = path.parent
    return f"{shutil.disk_usage(path).free / 1024**2:,.0f} MiB"
