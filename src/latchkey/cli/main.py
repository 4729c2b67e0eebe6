"""The command `latchkey`. Each sub-command is imported only when it is called.

Exit codes: 0 done, 1 failed, 2 usage, 3 confirmation needed and not given, 4 another
command holds the lock, 78 bad configuration. An error is one line on stderr; a line
that begins with `hint:` says what to do.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any, NamedTuple

import click

from latchkey import __version__
from latchkey.errors import EXIT_FAILED, LatchkeyError
from latchkey.logs import print_error


class Entry(NamedTuple):
    """A sub-command: its `module:attribute`, and its line in `latchkey --help`."""

    target: str
    summary: str


GROUPS: Mapping[str, Mapping[str, Entry]] = {
    "Try it": {
        "demo": Entry("latchkey.cli.demo:command", "Run everything with a simulated Slack, no account needed"),
    },
    "Set up": {
        "config": Entry("latchkey.commands.config:group", "Create, check or show the configuration"),
        "manifest": Entry("latchkey.commands.manifest:command", "Print the Slack app manifest for your listeners"),
        "proxy-config": Entry("latchkey.commands.proxies:command", "Print a configuration for Caddy or nginx"),
        "install-service": Entry(
            "latchkey.cli.checkout:install_service", "Install a systemd service (needs a checkout)"
        ),
    },
    "Run": {
        "serve": Entry("latchkey.server.main:command", "Run the server"),
        "doctor": Entry("latchkey.commands.doctor:command", "Find problems, explain them and say how to fix them"),
        "events": Entry("latchkey.commands.events:group", "Look at unfinished events; retry or drop failed ones"),
        "installs": Entry("latchkey.commands.installs.installs:group", "List, check or remove installations"),
    },
    "Keys and backups": {
        "keys": Entry("latchkey.commands.keys.keys:group", "Show, rotate, verify or retire encryption keys"),
        "backup": Entry("latchkey.commands.backup:command", "Back up the store while the server runs"),
        "restore": Entry("latchkey.commands.restore:command", "Replace the store with a backup"),
    },
    "Develop": {
        "test": Entry("latchkey.cli.checkout:test", "Run Latchkey's own tests (needs a checkout)"),
        "bench": Entry("latchkey.cli.checkout:bench", "Benchmark it beside other servers (needs a checkout)"),
        "version": Entry("latchkey.cli.main:version", "Print the version"),
    },
}
COMMANDS: Mapping[str, Entry] = {name: entry for group in GROUPS.values() for name, entry in group.items()}


class LazyGroup(click.Group):
    """A group that imports a command when it is called, and lists all of them without importing any."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module, _, attribute = COMMANDS[cmd_name].target.partition(":")
        command: Any = getattr(importlib.import_module(module), attribute)
        assert isinstance(command, click.Command)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            close = get_close_matches(args[0], COMMANDS, 1)
            ctx.fail(f"No such command {args[0]!r}." + (f" Did you mean {close[0]!r}?" if close else ""))
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        for title, commands in GROUPS.items():
            with formatter.section(title):
                # One column for all sections.
                width = max(map(len, COMMANDS))
                formatter.write_dl([(name.ljust(width), entry.summary) for name, entry in commands.items()])


@click.group(name="latchkey", cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="latchkey")
def cli() -> None:
    """Latchkey, a self-hosted Slack app server.

    Start with `latchkey demo`. `latchkey COMMAND --help` explains a command.
    """


@click.command("version")
def version() -> None:
    """Print the version."""
    click.echo(f"latchkey, version {__version__}")


def main(arguments: list[str] | None = None) -> int:
    """Run the command on the command line; returns the exit code."""
    try:
        color = False if os.environ.get("NO_COLOR") else None  # click does not look at it
        return int(cli.main(arguments, prog_name="latchkey", standalone_mode=False, color=color) or 0)
    except LatchkeyError as error:
        print_error(error)
        return error.exit_code
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except click.Abort:
        return EXIT_FAILED
