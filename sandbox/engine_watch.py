"""What the engine starts ends with it."""

import os
import signal
import threading
import time
from typing import NoReturn

_POLL_SECONDS = 1.0


def end_with_engine() -> threading.Thread:
    """End this process when the engine stops it (by SIGINT) or is gone; return who watches it.

    It ends without the interpreter's farewell, which would wait for threads that await a resource.
    """
    engine = os.getppid()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda _number, _frame: _end())

    def watch() -> None:
        while os.getppid() == engine:
            time.sleep(_POLL_SECONDS)
        _end()

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    return watcher


def _end() -> NoReturn:
    if os.getpgrp() == os.getpid():  # so the engine starts it; a program still runs in its group
        os.killpg(os.getpgrp(), signal.SIGKILL)
    os._exit(0)
