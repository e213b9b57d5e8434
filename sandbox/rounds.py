"""Programs that go round: each round starts from what is there, and what fails is tried again."""

import sys
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager

import psutil
from botocore.exceptions import BotoCoreError, ClientError

from sandbox.errors import SandboxError
from sandbox.kubernetes_api import ApiError, UnreachableError

_PASSING = (ApiError, UnreachableError, BotoCoreError, ClientError, psutil.Error, SandboxError)


def go_on(*reconcile: Callable[[], None], every: float) -> None:
    """Call each, again and again, until this process is ended; `every` is in seconds."""
    while True:
        attempt(reconcile)
        time.sleep(every)


def attempt(reconcile: Sequence[Callable[[], None]]) -> None:
    """Call each once; what one of them cannot do now keeps none of the others from its part."""
    for each in reconcile:
        try:
            each()
        except _PASSING as error:
            print(f"{type(error).__name__}: {error}", file=sys.stderr, flush=True)


@contextmanager
def unless_it_changed() -> Generator[None]:
    """Leave an object to the next round that was changed or deleted since it was listed."""
    try:
        yield
    except ApiError as error:
        if error.reason not in ("NotFound", "Conflict", "Invalid"):
            raise


class Stopwatch:
    """Tells how long something has been so."""

    def __init__(self) -> None:
        self._since: dict[str, float] = {}

    def held(self, what: str, holds: bool) -> float:
        """Return for how many seconds it has held without a break, if it holds now."""
        if not holds:
            self._since.pop(what, None)
            return 0
        now = time.monotonic()
        return now - self._since.setdefault(what, now)
