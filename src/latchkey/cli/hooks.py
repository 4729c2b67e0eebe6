"""`latchkey hooks`: what the Slack CLI runs, by the contract between it and an app's kit.

An app's `.slack/hooks.json` names `latchkey hooks get-hooks`, whose output names the others. The CLI appends
`--protocol` and `--boundary`: with "message-boundaries", a response is between two copies of the boundary, so that the
CLI can tell it from whatever else the process prints.
https://github.com/slackapi/slack-cli/blob/main/docs/reference/hooks.md
"""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Callable
from pathlib import Path

import click

from latchkey.commands.app import needed_manifest
from latchkey.commands.context import command_settings
from latchkey.commands.terminal import CommandGroup, config_option
from latchkey.server import run_and_exit

_BOUNDARIES = "message-boundaries"
_PROTOCOLS = (_BOUNDARIES, "default")


@click.group("hooks", cls=CommandGroup)
def group() -> None:
    """What the Slack CLI runs for `slack run` and `slack manifest`. `.slack/hooks.json` names it."""


def _hook(name: str) -> Callable[[Callable[..., None]], click.Command]:
    """Return a decorator that makes a function a command which also takes what the CLI appends."""

    def decorate(function: Callable[..., None]) -> click.Command:
        for option in (
            click.option("--boundary", metavar="TEXT", help="the text around the response"),
            click.option("--protocol", metavar="NAME", help="message-boundaries or default"),
            config_option,
        ):
            function = option(function)
        # The CLI may append further options, such as --source.
        command = group.command(name, context_settings={"ignore_unknown_options": True, "allow_extra_args": True})
        return command(function)

    return decorate


@_hook("get-hooks")
def get_hooks(config_path: Path | None, protocol: str | None, boundary: str | None) -> None:
    """Print the commands of the other hooks as JSON."""
    # The CLI gives the command to a shell, and interrupts that. Not every shell replaces itself by its only command.
    ours = ["exec", sys.executable, "-P", "-m", "latchkey", "hooks"]
    config = [] if config_path is None else ["--config", str(config_path.absolute())]
    document = {
        "runtime": "python",
        "hooks": {name: shlex.join([*ours, name, *config]) for name in ("get-manifest", "start")},
        "config": {
            "protocol-version": _PROTOCOLS,
            # Otherwise the CLI would connect in Socket Mode, and start a process for each event.
            "sdk-managed-connection-enabled": True,
        },
    }
    _respond(document, protocol, boundary)


@_hook("get-manifest")
def get_manifest(config_path: Path | None, protocol: str | None, boundary: str | None) -> None:
    """Print the app manifest as JSON, as `latchkey manifest` does."""
    _respond(needed_manifest(command_settings(config_path)), protocol, boundary)


@_hook("start")
def start(config_path: Path | None, **_: str | None) -> None:
    """Run the server, as `latchkey serve` does. Slack reaches it at its public URL."""
    run_and_exit(config_path, None, new_store=False)


def _respond(document: object, protocol: str | None, boundary: str | None) -> None:
    around = boundary or "" if protocol == _BOUNDARIES else ""
    click.echo(f"{around}{json.dumps(document)}{around}")
