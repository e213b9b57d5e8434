"""The commands that put load on a stack and show how it takes it."""

import math
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from typing import TextIO

import click
from rich.console import Console, Group
from rich.live import Live
from rich.table import Table

from sandbox.cli.options import STACK
from sandbox.errors import WRONG_USAGE, SandboxError
from sandbox.load import Load
from sandbox.load.fleet import Fleet, Model, NodeGroup
from sandbox.load.recording import Recording
from sandbox.machine import Machine

_WATCH_SECONDS = 1.0
_POSITIVE = click.FloatRange(min=0.1, max=86_400.0)


# A negative load is refused as a load, not as an option that there is not.
@click.command(context_settings={"ignore_unknown_options": True})
@STACK
@click.argument("model", required=False)
@click.argument("cores", type=float, required=False)
@click.option("--show", is_flag=True, help="Tell what each model is offered and serves.")
def load(stack: str | None, model: str | None, cores: float | None, show: bool) -> None:
    """Offer a model a load of so many cores, from now on."""
    machine = Machine(stack)
    models = {each.name: each for each in machine.fleet().models}
    if show:
        Console().print(_models_table(tuple(models.values())))
        return
    if model is None or cores is None:
        raise SandboxError(
            "load needs a model and its load in cores, as in `sandbox load half-plus-two 8`, "
            "or --show",
            WRONG_USAGE,
        )
    if model not in models:
        raise SandboxError(
            f"stack {machine.stack} has no model {model}; "
            f"the models that it has are: {', '.join(models) or 'none'}",
            WRONG_USAGE,
        )
    Load(machine.layout, machine.cluster).offer(model, cores)


@click.command()
@STACK
def watch(stack: str | None) -> None:
    """Show load, replicas and nodes as they change, until Ctrl-C."""
    looks = _looks(Machine(stack), _WATCH_SECONDS)
    with suppress(KeyboardInterrupt), Live(auto_refresh=False) as live:
        for seen in looks:
            live.update(tables(seen) if isinstance(seen, Fleet) else str(seen), refresh=True)


@click.command()
@STACK
@click.argument("file", type=click.File("w"))
@click.option("--seconds", type=_POSITIVE, help="For so long; else until Ctrl-C.")
@click.option("--interval", type=_POSITIVE, default=1.0, show_default=True, help="In seconds.")
def record(stack: str | None, file: TextIO, seconds: float | None, interval: float) -> None:
    """Write the course of load, replicas and nodes to FILE, as CSV; - is the terminal."""
    recording = Recording(file)
    with suppress(KeyboardInterrupt):
        for seen in _looks(Machine(stack), interval, seconds or math.inf):
            if isinstance(seen, Fleet):
                recording.add(seen, datetime.now(UTC))
            else:
                click.echo(f"a gap: {seen}", err=True)


def _looks(
    machine: Machine, interval: float, seconds: float = math.inf
) -> Iterator[Fleet | SandboxError]:
    """Look at a stack at once and every so often: what is seen, or why nothing is."""
    start = time.monotonic()
    yield machine.fleet()  # a fault ends the command only if it is there from the beginning
    looks = 1
    while looks * interval <= seconds:
        time.sleep(max(start + looks * interval - time.monotonic(), 0))
        looks += 1
        try:
            yield machine.fleet()
        except SandboxError as error:
            yield error


def tables(fleet: Fleet) -> Group:
    """Return a fleet as tables of models and of nodes."""
    return Group(_models_table(fleet.models), _groups_table(fleet.groups))


def _models_table(models: tuple[Model, ...]) -> Table:
    table = Table("model", title="load, in cores, and pods")
    for name in ("load", "capacity", "unserved", "bounds", "ready", "pending"):
        table.add_column(name, justify="right")
    for model in models:
        capacity = "no limit" if model.capacity is None else f"{model.capacity:g}"
        unserved = f"[red]{model.unserved:g}[/red]" if model.unserved else "0"
        table.add_row(
            model.name,
            f"{model.offered:g}",
            capacity,
            unserved,
            "none" if model.maximum is None else f"{model.minimum}-{model.maximum}",
            f"{model.ready}/{model.desired}",
            str(model.pending),
        )
    return table


def _groups_table(groups: tuple[NodeGroup, ...]) -> Table:
    table = Table("pool", "kind", title="nodes")
    for name in ("bounds", "ready"):
        table.add_column(name, justify="right")
    table.add_column("state")
    for group in groups:
        short = ["[red]no Spot capacity[/red]"] * group.short
        noticed = [f"[red]{group.noticed} with a notice[/red]"] * bool(group.noticed)
        table.add_row(
            group.pool,
            "Spot" if group.spot else "on demand",
            f"{group.minimum}-{group.maximum}",
            f"{group.ready}/{group.desired}",
            ", ".join(short + noticed),
        )
    return table
