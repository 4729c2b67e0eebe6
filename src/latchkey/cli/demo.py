"""`latchkey demo`: the server and a simulated Slack on this machine, without a Slack account."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click

from latchkey.commands.terminal import Number
from latchkey.config import load_settings
from latchkey.simulator.demo import OwnApp, run_demo
from latchkey.simulator.process import without_secrets
from latchkey.slackapi.scopes import describe_scope


@click.command("demo")
@click.option(
    "--config",
    "config_path",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="run the app of this configuration, without its store and secrets (default: the shipped app)",
)
@click.option("--check", is_flag=True, help="run every step without a browser, one line per step")
@click.option(
    "--port", type=Number(0, 65535), metavar="PORT", help="port of the server (default: 8080, or the next free one)"
)
def command(*, config_path: Path | None, check: bool, port: int | None) -> None:
    """Run the server with a simulated Slack. No Slack account is needed and nothing is kept."""
    if check and config_path is not None:
        raise click.UsageError("choose one of --check and --config: the steps are those of the shipped app")
    app = None if config_path is None else _own_app(config_path)
    sys.exit(run_demo(check=check, port=port, describe_scope=describe_scope, app=app))


def _own_app(config_path: Path) -> OwnApp:
    """Return what the simulated Slack must know of the app. Raises ConfigError."""
    slack = load_settings(config_path, without_secrets(os.environ), {}).slack
    return OwnApp(config_path, slack.token_rotation, slack.optional_scopes, slack.optional_user_scopes)
