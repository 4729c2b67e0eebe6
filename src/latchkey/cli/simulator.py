"""`latchkey simulator`: a simulated Slack beside any app on this machine."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click

from latchkey.commands.terminal import Number
from latchkey.simulator.standalone import app_at, run_simulator
from latchkey.slackapi.manifest import read_manifest
from latchkey.slackapi.scopes import describe_scope


@click.command("simulator")
@click.option("--app", "url", required=True, metavar="URL", help="where the app receives events")
@click.option(
    "--manifest",
    "manifest_path",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="the app's manifest, JSON or YAML: its name, commands, shortcuts and events",
)
@click.option(
    "--port", type=Number(0, 65535), metavar="PORT", help="port of the page (default: 8090, or the next free one)"
)
def command(*, url: str, manifest_path: Path | None, port: int | None) -> None:
    """Run a simulated Slack beside any app on this machine, written with Latchkey or not.

    The app may be in any language. SLACK_CLIENT_ID, SLACK_CLIENT_SECRET, SLACK_SIGNING_SECRET and SLACK_BOT_TOKEN are
    taken from the environment; those that are not there are made up and printed.
    """
    manifest = {} if manifest_path is None else read_manifest(manifest_path)
    sys.exit(run_simulator(app_at(url, manifest), port=port, environ=os.environ, describe_scope=describe_scope))
