"""The clusters of one stack as its pools have to know them: where they are, what they were given.

What runs in them is the stack's own control plane.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from sandbox.layout import Layout
from sandbox.processes import write_atomically


class Clusters:
    """One file for each cluster, found by its path, `projects/P/locations/L/clusters/C`."""

    def __init__(self, layout: Layout, stack: str) -> None:
        self._folder = layout.cluster(stack) / "gke-clusters"

    def create(self, path: str, owner: str, inputs: Mapping[str, Any]) -> None:
        """Keep a cluster with its owner."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        held = {"path": path, "owner": owner, "inputs": dict(inputs)}
        write_atomically(self._file(path), json.dumps(held, indent=2))

    def find(self, owner: str) -> Sequence[str]:
        """Return the paths of what an owner made."""
        held = [json.loads(file.read_text()) for file in sorted(self._folder.glob("*.json"))]
        return [each["path"] for each in held if each["owner"] == owner]

    def read(self, path: str) -> Mapping[str, Any] | None:
        """Return a cluster's inputs, or None when there is none at that path."""
        held = self._held(path)
        return held["inputs"] if held else None

    def update(self, path: str, inputs: Mapping[str, Any]) -> None:
        """Change a cluster's inputs."""
        held = self._held(path)
        self.create(path, held["owner"] if held else "", inputs)

    def delete(self, path: str) -> None:
        """Forget a cluster; one that is gone is no error."""
        self._file(path).unlink(missing_ok=True)

    def _held(self, path: str) -> Mapping[str, Any] | None:
        try:
            return json.loads(self._file(path).read_text())
        except FileNotFoundError:
            return None

    def _file(self, path: str) -> Path:
        return self._folder / f"{path.replace('/', '_')}.json"
