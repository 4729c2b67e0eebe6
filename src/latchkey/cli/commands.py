"""The command `latchkey`. Each sub-command is imported only when it is called."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any, NamedTuple

import click

from latchkey import __version__
from latchkey.cli.interrupts import quiet_interrupts


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
        "setup": Entry("latchkey.commands.app.setup:command", "Create the app at Slack and store its credentials"),
        "listeners": Entry("latchkey.commands.listeners:command", "List the registered listeners and where they are"),
        "manifest": Entry(
            "latchkey.commands.app.manifest:command", "Print, compare or apply the app manifest for your listeners"
        ),
        "proxy-config": Entry("latchkey.commands.proxies:command", "Print a configuration for Caddy or nginx"),
        "install-service": Entry(
            "latchkey.cli.checkout:install_service", "Install a systemd service (needs a checkout)"
        ),
    },
    "Run": {
        "serve": Entry("latchkey.cli.serve:command", "Run the server"),
        "doctor": Entry("latchkey.commands.doctor:command", "Find problems, explain them and say how to fix them"),
        "events": Entry(
            "latchkey.commands.events.events:group", "Look at unfinished events; retry or drop failed ones"
        ),
        "installs": Entry(
            "latchkey.commands.installs.installs:group", "List, check, remove, add, import or export installations"
        ),
        "install-link": Entry(
            "latchkey.commands.installs.install_link:command", "Print an install link that carries signed values"
        ),
    },
    "Keys and backups": {
        "keys": Entry("latchkey.commands.keys.keys:group", "Show, rotate, verify or retire encryption keys"),
        "storage": Entry("latchkey.commands.storage:group", "Copy the store into a database, or back"),
        "backup": Entry("latchkey.commands.backups.backup:command", "Back up the store while the server runs"),
        "restore": Entry("latchkey.commands.backups.restore:command", "Replace the store with a backup"),
    },
    "Develop": {
        "simulator": Entry("latchkey.cli.simulator:command", "Run a simulated Slack beside any app on this machine"),
        "new": Entry("latchkey.commands.new_listener:command", "Write a listener module and its test"),
        "dev": Entry("latchkey.cli.dev:command", "Run your app with a simulated Slack, reload it on save"),
        "hooks": Entry("latchkey.cli.hooks:group", "Let the Slack CLI run this app (its hooks)"),
        "test": Entry("latchkey.cli.checkout:test", "Run Latchkey's own tests (needs a checkout)"),
        "bench": Entry("latchkey.cli.checkout:bench", "Benchmark it beside other servers (needs a checkout)"),
    },
    "Help": {
        "help": Entry("latchkey.cli.commands:help_on", "Explain a command, such as `latchkey help keys rotate`"),
        "version": Entry("latchkey.cli.commands:version", "Print the version"),
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
        with quiet_interrupts():
            command: Any = getattr(importlib.import_module(module), attribute)
        assert isinstance(command, click.Command)
        return command

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


@click.command("help")
@click.argument("names", metavar="[COMMAND]...", nargs=-1)
def help_on(names: tuple[str, ...]) -> None:
    """Explain a command, as `latchkey COMMAND --help` does."""
    cli.main([*names, "--help"], prog_name="latchkey", standalone_mode=False)


@click.command("version")
def version() -> None:
    """Print the version."""
    click.echo(f"latchkey, version {__version__}")
