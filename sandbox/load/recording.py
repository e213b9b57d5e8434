"""A fleet's course as CSV: a row for each model at each look, for plots."""

import csv
from collections import Counter, defaultdict
from dataclasses import asdict
from datetime import datetime
from typing import Any, TextIO

from sandbox.load.fleet import Fleet


class Recording:
    """Writes what is seen, as it is seen; whenever it ends, the file is whole.

    The pools that are there at the first look are the columns `nodes POOL` (ready) and
    `nodes wanted POOL`.
    """

    def __init__(self, file: TextIO) -> None:
        self._file = file
        self._writer: csv.DictWriter[str] | None = None
        self._unserved: defaultdict[str, float] = defaultdict(float)
        self._last: datetime | None = None

    def add(self, fleet: Fleet, at: datetime) -> None:
        """Write a row for each model; what was not served counts since the last look."""
        passed = (at - self._last).total_seconds() if self._last else 0.0
        self._last = at
        nodes = _nodes(fleet)
        for model in fleet.models:
            self._unserved[model.name] += model.unserved * passed
            columns = asdict(model)
            row = {
                "time": at.isoformat(timespec="milliseconds"),
                "model": columns.pop("name"),
                **columns,
                "unserved core-seconds": round(self._unserved[model.name], 3),
                **nodes,
            }
            self._write(row)
        self._file.flush()

    def _write(self, row: dict[str, Any]) -> None:
        if self._writer is None:
            # A pool that comes later has no column, one that goes has no nodes.
            self._writer = csv.DictWriter(
                self._file, list(row), restval=0, extrasaction="ignore", lineterminator="\n"
            )
            self._writer.writeheader()
        self._writer.writerow(row)


def _nodes(fleet: Fleet) -> Counter[str]:
    found: Counter[str] = Counter()
    for group in fleet.groups:
        found[f"nodes {group.pool}"] += group.ready
        found[f"nodes wanted {group.pool}"] += group.desired
    return found
