"""The commands that take Spot capacity away."""

import click

from sandbox.cli.options import STACK
from sandbox.machine import Machine
from sandbox.nodes import interruption


@click.command()
@STACK
@click.argument("node")
@click.option(
    "--notice",
    type=click.IntRange(min=1),
    default=interruption.NOTICE_SECONDS,
    show_default=True,
    help="In seconds.",
)
def interrupt(stack: str | None, node: str, notice: int) -> None:
    """Give a Spot node notice, and end it when that is over."""
    with Machine(stack).reached() as (account, api):
        heard = interruption.interrupt(account, api, node, notice)
    click.echo(f"{node} ends in {notice} s")
    if not heard:
        click.echo(
            "nobody heard of it: no rule with a target matches the notice, so that nothing moves "
            "its pods before it ends",
            err=True,
        )


@click.command()
@STACK
@click.argument("pool")
@click.option("--end", is_flag=True, help="There is capacity again.")
def shortage(stack: str | None, pool: str, end: bool) -> None:
    """Leave a pool without Spot capacity: what it has stays, and no more is started."""
    with Machine(stack).reached() as (account, api):
        interruption.set_shortage(account, api, pool, short=not end)
    click.echo(f"{pool} has Spot capacity again" if end else f"{pool} has no Spot capacity")
