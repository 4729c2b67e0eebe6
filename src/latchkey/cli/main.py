"""The command `latchkey`: each sub-command is imported when it is called.

Invariant: an error is one line on stderr, and a line `hint:` says what to do. Exit
codes: 0 done, 1 failed, 2 usage, 3 confirmation needed and not given, 4 another
command holds the lock, 78 bad configuration.
"""

from __future__ import annotations

import importlib
from typing import Any

import click

from latchkey import __version__
from latchkey.commands.output import EXIT_FAILED
from latchkey.errors import LatchkeyError
from latchkey.logs import print_error

COMMANDS = {
    "backup": "latchkey.commands.backup:command",
    "bench": "latchkey.cli.checkout:bench",
    "config": "latchkey.commands.config:group",
    "demo": "latchkey.cli.demo:command",
    "doctor": "latchkey.commands.doctor:command",
    "events": "latchkey.commands.events:group",
    "install-service": "latchkey.cli.checkout:install_service",
    "installs": "latchkey.commands.installs.installs:group",
    "keys": "latchkey.commands.keys.keys:group",
    "manifest": "latchkey.commands.manifest:command",
    "proxy-config": "latchkey.commands.proxies.proxy_config:command",
    "restore": "latchkey.commands.restore:command",
    "serve": "latchkey.server.main:command",
    "test": "latchkey.cli.checkout:test",
}


class LazyGroup(click.Group):
    """A group whose commands are imported when they are called or listed."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module, _, attribute = COMMANDS[cmd_name].partition(":")
        command: Any = getattr(importlib.import_module(module), attribute)
        assert isinstance(command, click.Command)
        return command


@click.group(name="latchkey", cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="latchkey")
def cli() -> None:
    """Latchkey, a self-hosted Slack app server."""


def main(arguments: list[str] | None = None) -> int:
    """Run the command on the command line; returns the exit code."""
    try:
        return int(cli.main(arguments, prog_name="latchkey", standalone_mode=False) or 0)
    except LatchkeyError as error:
        print_error(error)
        return error.exit_code
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except click.Abort:
        return EXIT_FAILED
