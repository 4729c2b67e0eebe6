"""`latchkey serve`: the server."""

from __future__ import annotations

from pathlib import Path

import click

from latchkey.commands.terminal import config_option
from latchkey.server import run_and_exit


@click.command("serve")
@config_option
@click.option("--listen", metavar="HOST:PORT", help="address to listen on, instead of [server] listen")
@click.option("--new-store", is_flag=True, help="create an empty store for a keyring that exists already")
@click.option("--force", is_flag=True, help="run on a store that was copied elsewhere")
def command(*, config_path: Path | None, listen: str | None, new_store: bool, force: bool) -> None:
    """Run the Slack app server until SIGTERM or Ctrl-C.

    SIGHUP loads new secrets and the log level from the configuration.
    """
    run_and_exit(config_path, listen, new_store=new_store, force=force)
