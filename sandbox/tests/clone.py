"""A clone with a program of the tests' own, and the `sandbox` command of that clone."""

import subprocess
import sys
from pathlib import Path
from typing import IO

from sandbox.layout import Layout

_COMMAND = """
import sys
from pathlib import Path
from sandbox import cli
from sandbox.layout import Layout
layout = Layout(Path(sys.argv.pop(1)))
Layout.of_this_clone = lambda: layout
cli.main()
"""


def write(root: Path, program: str, **stacks: str) -> Layout:
    """Write a project; the name of a stack leads to what its file holds."""
    (root / "Pulumi.yaml").write_text("name: example\nruntime: python\n")
    (root / "__main__.py").write_text(program)
    for stack, content in stacks.items():
        (root / f"Pulumi.{stack}.yaml").write_text(content)
    return Layout(root)


def sandbox(
    layout: Layout, *arguments: str, output: int | IO[str] = subprocess.PIPE
) -> "subprocess.Popen[str]":
    """Start the clone's `sandbox` as a shell does, in a process group of its own."""
    return subprocess.Popen(
        [sys.executable, "-c", _COMMAND, str(layout.root), *arguments],
        stdout=output,
        stderr=output,
        text=True,
        start_new_session=True,
    )
