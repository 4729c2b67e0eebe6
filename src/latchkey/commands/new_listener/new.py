"""`latchkey new`: writes a listener module and its test, and adds the module to config.toml."""

from __future__ import annotations

import keyword
import os
import re
import sys
from importlib.machinery import PathFinder
from importlib.resources import files
from pathlib import Path

import click

from latchkey.commands.context import command_settings
from latchkey.commands.new_listener.config_line import add_module
from latchkey.commands.terminal import Word, config_option, say
from latchkey.config import Settings
from latchkey.errors import LatchkeyError
from latchkey.storage import acting_as_owner_of

_SCOPES = {
    "mention": ("app_mentions:read", "chat:write"),
    "command": ("commands", "chat:write"),
    "agent": ("assistant:write", "chat:write", "im:history"),
}
_PLACEHOLDER = "new_listener"
_MAX_NAME = 24
"""A form's title has at most 24 characters, https://docs.slack.dev/reference/views/modal-views."""


@click.command("new")
@click.argument("name", metavar="NAME")
@click.option(
    "--kind",
    type=Word(tuple(_SCOPES)),
    default="command",
    show_default=True,
    metavar="KIND",
    help="mention (a reply), command (a command that opens a form) or agent (a streamed answer)",
)
@config_option
def command(name: str, kind: str, config_path: Path | None) -> None:
    """Write the listener module NAME.py and its test beside config.toml, and add the module to it.

    Existing files are never overwritten. `latchkey dev` runs the module at once.
    """
    settings = command_settings(config_path)
    if settings.config_path is None:
        raise LatchkeyError(
            "there is no config.toml here", hint="run `latchkey config init`, or name one with --config"
        )
    _check_name(name, settings.base)
    module, test = settings.base / f"{name}.py", settings.base / f"test_{name}.py"
    with acting_as_owner_of(settings.config_path):
        _write(module, kind, name)
        _write(test, f"test_{kind}", name)
        click.echo(f"wrote {module}\nwrote {test}")
        _add_to_configuration(settings, settings.config_path, name)
    _say_what_is_next(settings, kind, settings.config_path)


def _check_name(name: str, base: Path) -> None:
    if not _is_module_name(name):
        suggestion = re.sub(r"\W+", "_", name, flags=re.ASCII).strip("_").lower()
        meant = f"; did you mean {suggestion}?" if _is_module_name(suggestion) else ""
        raise LatchkeyError(f"{name!r} is not the name of a Python module{meant}", hint="use letters, digits and _")
    if name != name.lower() or len(name) > _MAX_NAME:
        raise LatchkeyError(f"{name!r} is not a good name", hint=f"use at most {_MAX_NAME} characters, in lower case")
    for path in (base / f"{name}.py", base / f"test_{name}.py"):
        if os.path.lexists(path):
            raise LatchkeyError(f"{path} already exists; nothing was written", hint="choose another NAME")
    if name in sys.stdlib_module_names or PathFinder.find_spec(name, [str(base), *sys.path]) is not None:
        raise LatchkeyError(f"there is already a module {name}", hint="choose another NAME")


def _is_module_name(text: str) -> bool:
    return text.isidentifier() and text.isascii() and not keyword.iskeyword(text)


def _write(path: Path, template: str, name: str) -> None:
    text = files(__package__).joinpath("templates", f"{template}.py").read_text("utf-8")
    text = text.replace(_PLACEHOLDER.replace("_", "-"), name.replace("_", "-")).replace(_PLACEHOLDER, name)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise LatchkeyError(f"cannot write {path}: {error.strerror}") from None


def _add_to_configuration(settings: Settings, config: Path, name: str) -> None:
    modules = [*settings.listeners.modules, name]
    if add_module(config, modules):
        click.echo(f"added {name} to [listeners] modules in {config}")
        return
    listed = ", ".join(f'"{module}"' for module in modules)
    click.echo(f"add this to {config}:\n  [listeners]\n  modules = [{listed}]")


def _say_what_is_next(settings: Settings, kind: str, config: Path) -> None:
    missing = [scope for scope in _SCOPES[kind] if scope not in settings.slack.requested_scopes]
    if missing:
        scopes = ", ".join(f'"{scope}"' for scope in [*settings.slack.scopes, *missing])
        click.echo(f"it needs more scopes; set this in {config}:\n  [slack]\n  scopes = [{scopes}]")
    say("\nTry it: latchkey dev" + ("" if config == Path("config.toml") else f" --config {config}"))
