"""The `sandbox` command."""

import json
import os
import shlex
import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import click
import yaml
from rich.console import Console
from rich.table import Column, Table
from rich.text import Text

from sandbox.cli.faults import interrupt, shortage
from sandbox.cli.fleet import load, record, tables, watch
from sandbox.cli.options import STACK
from sandbox.errors import WRONG_USAGE, SandboxError
from sandbox.machine import Machine

# Of the user's own, what would lead pulumi, kubectl or a cloud's client elsewhere.
_THEIRS = ("AWS_", "CLOUDSDK_", "GCP_", "GOOGLE_", "PULUMI_")
_WIDTH = 55
_console = Console()


@click.group()
def cli() -> None:
    """Run the whole program on this machine: real Pulumi engine and Kubernetes control plane.

    The cloud, AWS or Google's, and the nodes are simulated.
    """


@cli.command()
@click.option("--stack", default="dev", show_default=True, metavar="NAME")
@click.option("--no-deploy", is_flag=True, help="Start everything, but do not run the program.")
def up(stack: str, no_deploy: bool) -> None:
    """Start what is not running and deploy a stack."""
    machine = Machine(stack)
    with machine.locked():
        engine = machine.start()
        if no_deploy:
            return
        engine.deploy()
        _show(stack, engine.outputs())


def _show(stack: str, outputs: Mapping[str, Any]) -> None:
    title = f"stack {stack}"
    table = Table("output", Column("value", overflow="fold"), title=title, show_lines=True)
    for name, value in outputs.items():
        table.add_row(name, Text(_as_yaml(value)))
    _console.print(table)


class _Dumper(yaml.SafeDumper):
    """Writes a list, and an object that is short, on one line, as a stack file has them."""


def _list(dumper: yaml.SafeDumper, value: list[Any]) -> yaml.Node:
    return dumper.represent_sequence("tag:yaml.org,2002:seq", value, flow_style=True)


def _object(dumper: yaml.SafeDumper, value: dict[str, Any]) -> yaml.Node:
    short = len(str(value)) < _WIDTH
    return dumper.represent_mapping("tag:yaml.org,2002:map", value, flow_style=short)


_Dumper.add_representer(list, _list)
_Dumper.add_representer(dict, _object)


def _as_yaml(value: object) -> str:
    if isinstance(value, str):
        return value
    text = yaml.dump(value, Dumper=_Dumper, sort_keys=False, width=_WIDTH)
    return text.removesuffix("\n").removesuffix("\n...")


@cli.command()
def down() -> None:
    """End what this clone started and remove its state."""
    machine = Machine()
    with machine.locked():
        machine.end()


@cli.command()
@STACK
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def status(stack: str | None, as_json: bool) -> None:
    """Tell what runs, and how the stack's models and nodes are."""
    machine = Machine(stack)
    found, fleet = machine.status(), None
    try:
        fleet = machine.fleet() if machine.is_up else None
    except SandboxError as error:  # what runs can be told all the same
        click.echo(f"error: {error}", err=True)
    if as_json:
        seen = asdict(fleet) if fleet else dict.fromkeys(("models", "groups"))
        click.echo(json.dumps(found | seen, indent=2))
        return
    if not found["parts"]:
        click.echo("nothing runs; `sandbox up` starts it")
        return
    table = Table("part", "process", "state", "port", title=f"stack {found['stack']}")
    for part in found["parts"]:
        state = "running" if part["running"] else "[red]ended[/red]"
        ports = " ".join(str(port) for port in part["ports"].values())
        table.add_row(part["name"], str(part["pid"]), state, ports)
    _console.print(table)
    if fleet:
        _console.print(tables(fleet))


@cli.command()
@STACK
def env(stack: str | None) -> None:
    """Print what leads a shell's pulumi and kubectl to the sandbox: eval "$(sandbox env)"."""
    engine = Machine(stack).running_engine()
    settings = engine.settings
    if theirs := [name for name in os.environ if name.startswith(_THEIRS) and name not in settings]:
        click.echo(f"unset {shlex.join(theirs)}")
    for name, value in settings.items():
        click.echo(f"export {name}={shlex.quote(value)}")
    click.echo(f'export PATH={shlex.quote(str(engine.commands))}:"$PATH"')


@cli.command(name="exec", context_settings={"ignore_unknown_options": True})
@STACK
@click.argument("command", nargs=-1, type=click.UNPROCESSED)
def execute(stack: str | None, command: Sequence[str]) -> None:
    """Run a command with the sandbox's pulumi, kubectl and cloud endpoints: exec -- CMD..."""
    if not command:
        raise SandboxError("exec needs a command: sandbox exec -- kubectl get nodes", WRONG_USAGE)
    environment = Machine(stack).running_engine().environment
    environment["PATH"] += os.pathsep + os.environ.get("PATH", os.defpath)
    found = shutil.which(command[0], path=environment["PATH"])
    if found is None:
        raise SandboxError(f"{command[0]} is no command that can be found", WRONG_USAGE)
    os.execve(found, list(command), environment)


@cli.command()
@click.argument("part", required=False)
def logs(part: str | None) -> None:
    """Print a part's log, or the names of the parts that have one."""
    found = {path.stem: path for path in sorted(Machine().layout.logs.glob("*.log"))}
    if not found:
        raise SandboxError("there are no logs: nothing was started here", WRONG_USAGE)
    if part is None:
        click.echo("\n".join(found))
    elif part in found:
        click.echo(found[part].read_text(errors="replace"), nl=False)
    else:
        raise SandboxError(f"{part} has no log; these have: {', '.join(found)}", WRONG_USAGE)


for command in (load, watch, record, interrupt, shortage):
    cli.add_command(command)


def main() -> None:
    """Run the command; a fault is one message and an exit status."""
    try:
        cli.main(standalone_mode=False)
    except SandboxError as error:
        click.echo(f"error: {error}", err=True)
        sys.exit(error.exit_code)
    except click.ClickException as error:
        error.show()
        sys.exit(WRONG_USAGE)  # also where click says 1: a file that cannot be written
    except (KeyboardInterrupt, click.Abort):
        click.echo("interrupted: run the same command again to go on", err=True)
        sys.exit(130)
    except BrokenPipeError:  # `sandbox logs PART | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
