"""`latchkey demo`: the server and a simulated Slack on this machine, without a Slack account."""

from __future__ import annotations

import sys

import click

from latchkey.simulator.demo import SERVER_PORT, run_demo
from latchkey.slackapi.scopes import describe_scope


@click.command("demo")
@click.option("--check", is_flag=True, help="run every step without a browser, one line per step")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=SERVER_PORT,
    help="port of the server (default: 8080, if free)",
)
def command(*, check: bool, port: int) -> None:
    """Run the server with a simulated Slack. No Slack account is needed and nothing is kept."""
    sys.exit(run_demo(check=check, port=port, describe_scope=describe_scope))
