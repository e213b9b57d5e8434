"""The commands that take Spot capacity away."""

import click

from sandbox.cli.options import STACK
from sandbox.machine import Machine


@click.command()
@STACK
@click.argument("node")
@click.option(
    "--notice",
    type=click.IntRange(min=1),
    help="In seconds.  [default: 120 on EKS; on GKE as the pool's kubelets have it, else 30]",
)
def interrupt(stack: str | None, node: str, notice: int | None) -> None:
    """Give a Spot node notice, and end it when that is over."""
    with Machine(stack).reached() as cloud:
        given = cloud.interrupt(node, notice)
    click.echo(f"{node} ends in {given.seconds} s")
    if given.unheard:
        click.echo(f"nobody heard of it: {given.unheard}", err=True)


@click.command()
@STACK
@click.argument("pool")
@click.option("--end", is_flag=True, help="There is capacity again.")
def shortage(stack: str | None, pool: str, end: bool) -> None:
    """Leave a pool without Spot capacity: what it has stays, and no more is started."""
    with Machine(stack).reached() as cloud:
        cloud.set_shortage(pool, short=not end)
    click.echo(f"{pool} has Spot capacity again" if end else f"{pool} has no Spot capacity")
