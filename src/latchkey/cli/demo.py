"""`latchkey demo`: the server and a simulated Slack on this machine, without a Slack account."""

from __future__ import annotations

import sys

import click

from latchkey.commands.terminal import Number
from latchkey.simulator.demo import run_demo
from latchkey.slackapi.scopes import describe_scope


@click.command("demo")
@click.option("--check", is_flag=True, help="run every step without a browser, one line per step")
@click.option(
    "--port", type=Number(0, 65535), metavar="PORT", help="port of the server (default: 8080, or the next free one)"
)
def command(*, check: bool, port: int | None) -> None:
    """Run the server with a simulated Slack. No Slack account is needed and nothing is kept."""
    sys.exit(run_demo(check=check, port=port, describe_scope=describe_scope))
