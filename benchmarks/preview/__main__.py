"""Measure previews in a sandbox of their own: python -m benchmarks.preview [--rounds N].

Each round previews every case once, so that what else the machine does weighs on all of them; the
figures are medians over the rounds. The program with 20 and with 60 models is deployed before it is
previewed, as an environment is whose change is reviewed. Takes about ten minutes.
"""

import argparse
import json
import platform
import signal
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from statistics import median
from typing import Any

import psutil
import yaml
from rich.console import Console
from rich.table import Table

from sandbox import toolchain
from sandbox.emulator import Emulator
from sandbox.engine import Engine
from sandbox.layout import MARKER, Layout
from sandbox.machine import Machine
from sandbox.processes import Processes
from sandbox.project import copy_repository

_REPOSITORY = Path(__file__).parents[2]
_ROUNDS = 5
_EMPTY = "empty"
_FLOOR = "its SDK modules, imported"
_DEV = "dev, 1 model"
_MODELS = (20, 60)
# At the end of the program, since the SDK's modules are imported when they are first touched.
_LIST_MODULES = """
import atexit, json, pathlib, runpy, sys
def write():
    names = sorted(name for name in sys.modules if name.startswith("pulumi_"))
    pathlib.Path({file!r}).write_text(json.dumps(names))
atexit.register(write)
runpy.run_path({program!r}, run_name="__main__")
"""


class Bench:
    """A clone with a sandbox of its own, and the seconds that were measured in it."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._layout = Layout(root)
        self._program = (root / "__main__.py").read_text()
        self._dev = root / "Pulumi.dev.yaml"
        self._config = yaml.safe_load(self._dev.read_text())["config"]
        self.machine = Machine("dev", self._layout)
        self.seconds: dict[str, list[float]] = {}
        self.memory = 0.0

    def run(self, rounds: int) -> None:
        """Measure everything."""
        started = time.monotonic()
        dev = self.machine.start()
        dev.deploy()
        self.seconds["up"] = [time.monotonic() - started]
        self.memory = self._resident()
        (self._root / f"Pulumi.{_EMPTY}.yaml").write_text("config: {}\n")
        emulator = Emulator(self._layout, Processes(self._layout))
        empty = Engine(self._layout, toolchain.ensure(self._layout).pulumi, emulator, _EMPTY)
        empty.init()
        floor = self._floor(dev)
        for _ in range(rounds):
            self._measure(_EMPTY, empty, "")
            self._measure(_FLOOR, empty, floor)
            self._measure(_DEV, dev, self._program)
        for models in _MODELS:
            self._have(models)
            dev.deploy()
            for _ in range(rounds):
                self._measure(_FLOOR, empty, floor)
                self._measure(_with(models), dev, self._program)

    def _measure(self, case: str, engine: Engine, program: str) -> None:
        (self._root / "__main__.py").write_text(program)
        started = time.monotonic()
        engine.pulumi("preview", quiet=True)
        self.seconds.setdefault(case, []).append(time.monotonic() - started)

    def _floor(self, dev: Engine) -> str:
        file, program = self._root / "modules.json", self._root / "program.py"
        program.write_text(self._program)
        wrapped = _LIST_MODULES.format(file=str(file), program=str(program))
        (self._root / "__main__.py").write_text(wrapped)
        dev.pulumi("preview", quiet=True)
        names: list[str] = json.loads(file.read_text())
        return "\n".join(f"import {name}" for name in names)

    def _have(self, models: int) -> None:
        """Write a stack file with so many models, each small, and room for them."""
        config: dict[str, Any] = {**self._config}
        (given,) = config["tfserving:models"].values()
        small = {"cpu": "100m", "memory": "128Mi"}
        model = {**given, "requests": small, "limits": small}
        config["tfserving:models"] = {f"model-{number}": model for number in range(models)}
        pools = config["tfserving:platform"]["pools"]
        pools["4vcpu-16gb"]["nodes"] = {"minimum": 0, "initial": 10, "maximum": 10}
        self._dev.write_text(yaml.safe_dump({"config": config}))
        (self._root / "__main__.py").write_text(self._program)

    def _resident(self) -> float:
        """Return the MiB that the clone's processes have in memory."""
        marker, total = str(self._layout.state.resolve()), 0
        for process in psutil.process_iter():
            try:
                if process.environ().get(MARKER) == marker:
                    total += process.memory_info().rss
            except (psutil.Error, OSError):
                continue
        return total / 2**20


def _with(models: int) -> str:
    return f"dev, {models} models"


def _table(seconds: Mapping[str, list[float]], memory: float) -> Table:
    floor = median(seconds[_FLOOR])
    few, many = (median(seconds[_with(models)]) for models in _MODELS)
    each = (many - few) / (_MODELS[1] - _MODELS[0])
    title = f"{platform.machine()}, {psutil.cpu_count()} CPUs, Python {platform.python_version()}"
    table = Table("preview of", "seconds", "of the floor", "runs", title=title)
    for case in (_EMPTY, _FLOOR, _DEV, *map(_with, _MODELS)):
        taken = median(seconds[case])
        table.add_row(case, f"{taken:.1f}", f"{taken / floor:.2f}", str(len(seconds[case])))
    table.add_row("each further model", f"{each:.3f}", f"{each / floor:.4f}")
    table.add_row("first `make up`, caches warm", f"{seconds['up'][0]:.0f}", "", "1")
    table.caption = f"resident memory of the sandbox of dev: {memory:.0f} MiB"
    return table


def _end(*_: object) -> None:
    sys.exit(1)  # so that what was started is ended, also when this is ended from outside


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=_ROUNDS, help="previews of each case")
    rounds = parser.parse_args().rounds
    signal.signal(signal.SIGTERM, _end)
    with tempfile.TemporaryDirectory() as folder:
        copy_repository(_REPOSITORY, Path(folder))
        bench = Bench(Path(folder))
        try:
            bench.run(rounds)
        finally:
            bench.machine.end()
    Console().print(_table(bench.seconds, bench.memory))


if __name__ == "__main__":
    main()
