"""The locks that engines leave in the state when they are killed."""

import json
import time
from datetime import datetime
from pathlib import Path

import click
import psutil

from sandbox.layout import Layout

# As in sandbox.processes: create times move a little when the clock is set.
_CLOCK_STEP = 2.0
_POLL = 0.2


def clear(layout: Layout, stack: str) -> None:
    """Wait for an engine that is at work on a stack; remove the lock of one that is gone.

    No engine is ever ended: one that lives, be it the user's own in another terminal or one whose
    `sandbox up` was killed, finishes its work and then unlocks. What a killed engine had started
    ends by itself, since plugins and the language host watch their parent.
    """
    for path in layout.backend.glob(f".pulumi/locks/*/*/{stack}/*.json"):
        if holder := _holder(path):
            click.echo(f"waiting for process {holder.pid}, which is updating {stack}", err=True)
            while _holder(path):
                time.sleep(_POLL)
        if path.exists():
            click.echo(f"removing the lock on {stack} of a process that was killed", err=True)
            path.unlink(missing_ok=True)


def _holder(lock: Path) -> psutil.Process | None:
    try:
        content = json.loads(lock.read_text())
        process = psutil.Process(content["pid"])
        locked = datetime.fromisoformat(content["timestamp"]).timestamp()
        # One that is younger than the lock has only got the same id.
        older = process.create_time() < locked + _CLOCK_STEP
        return process if older and process.status() != psutil.STATUS_ZOMBIE else None
    except (OSError, ValueError, KeyError, psutil.Error):
        return None
