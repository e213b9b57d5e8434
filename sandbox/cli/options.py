"""What several commands are given."""

import click

STACK = click.option("--stack", metavar="NAME", help="Stack: any x with a Pulumi.x.yaml.")
