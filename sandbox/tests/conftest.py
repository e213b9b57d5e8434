"""What the sandbox's tests share: a folder of their own instead of a clone, and the real tools."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox import toolchain
from sandbox.layout import Layout
from sandbox.processes import Processes


@pytest.fixture(scope="session")
def tools() -> toolchain.Tools:
    """The built tools; the first run of all builds them."""
    return toolchain.ensure(Layout.of_this_clone())


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    """An empty clone."""
    return Layout(tmp_path)


@pytest.fixture
def processes(layout: Layout) -> Iterator[Processes]:
    """The processes of the empty clone; none is left when the test ends."""
    processes = Processes(layout)
    yield processes
    processes.end_all()
