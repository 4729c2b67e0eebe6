"""Every command of `latchkey`, from the definitions themselves, so that a test also covers future commands."""

from __future__ import annotations

from collections.abc import Iterator

import click

from latchkey.cli.commands import cli

Path = tuple[str, ...]


def commands(group: click.Group = cli, path: Path = ()) -> Iterator[tuple[Path, click.Command]]:
    """Yield every command and group with its path, such as ("keys", "rotate")."""
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        yield (*path, name), command
        if isinstance(command, click.Group):
            yield from commands(command, (*path, name))


def has_own_help(command: click.Command) -> bool:
    """Return whether we print the command's help; otherwise a program in the checkout does."""
    return command.get_help_option(click.Context(command, **command.context_settings)) is not None


def is_lenient(command: click.Command) -> bool:
    """Return whether the command passes on options that it does not know."""
    return bool(command.context_settings.get("ignore_unknown_options"))


def name_of(path: Path) -> str:
    return " ".join(path)
