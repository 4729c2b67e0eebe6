"""`latchkey dev`: your app and a simulated Slack on this machine, reloaded when you save a file."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from latchkey.commands.terminal import Number, config_option
from latchkey.dev.run import run_dev


@click.command("dev")
@config_option
@click.option(
    "--port", type=Number(0, 65535), metavar="PORT", help="port of the server (default: 8080, or the next free one)"
)
def command(*, config_path: Path | None, port: int | None) -> None:
    """Run your app with a simulated Slack, and reload it when you save a file.

    No Slack account is needed. The store and the secrets of the configuration are not used, and nothing is kept.
    Events that arrive during a reload are not lost: they wait, and those that were being processed run again.
    """
    sys.exit(run_dev(config_path, port))
