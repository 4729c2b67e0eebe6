"""`latchkey listeners`: lists what the listener modules register, and where."""

from __future__ import annotations

import functools
import inspect
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import click

from latchkey.commands.context import command_settings
from latchkey.commands.terminal import config_option, json_option, print_json, print_table, say
from latchkey.config import find_checkout
from latchkey.dispatch import Listener
from latchkey.errors import plural
from latchkey.preflight import load_app


class Location(NamedTuple):
    """The place of a definition: an absolute path, and the line of its `def` or first decorator."""

    file: Path
    line: int


@click.command("listeners")
@config_option
@json_option
def command(config_path: Path | None, as_json: bool) -> None:
    """List what the modules in [listeners] modules register, and where.

    The modules are loaded as by the server. Exits 1 if one cannot be loaded.
    """
    settings = command_settings(config_path)
    app = load_app(settings, find_checkout())
    listeners = [*app.listeners, *app.error_handlers]
    if as_json:
        print_json({"listeners": [_to_json(listener) for listener in listeners]})
        return
    headings = ("kind", "matches", "function", "module", "where")
    print_table(headings, [_row(listener, Path.cwd()) for listener in listeners])
    modules = list(dict.fromkeys([*settings.listeners.modules, *settings.bolt.modules]))
    say(f"{plural(len(listeners), 'listener')} in {plural(len(modules), 'module')}")
    for name in modules:
        if all(listener.module != name for listener in listeners):
            say(f"note: the module {name} registers nothing")


def _row(listener: Listener, here: Path) -> tuple[str, ...]:
    location = location_of(listener.plan.function)
    where = "built in"
    if location is not None:
        is_inside = location.file.is_relative_to(here)
        where = f"{location.file.relative_to(here) if is_inside else location.file}:{location.line}"
    return _kind(listener), _matches(listener), listener.name, listener.module, where


def _to_json(listener: Listener) -> dict[str, Any]:
    location = location_of(listener.plan.function)
    is_message = listener.keyword is not None
    return {
        "module": listener.module,
        "kind": _kind(listener),
        "matches": _constraint_to_json(listener.keyword if is_message else listener.constraint),
        "function": listener.name,
        "id": listener.id,
        "file": str(location.file) if location else None,
        "line": location.line if location else None,
    }


def location_of(function: Callable[..., object]) -> Location | None:
    """Return the place of a function's definition, behind wrappers and partials; None if it is not in Python."""
    while isinstance(function, functools.partial):
        function = function.func
    function = inspect.unwrap(function)
    if not inspect.isroutine(function):
        function = type(function).__call__  # an object with this method
    code = getattr(getattr(function, "__func__", function), "__code__", None)
    return Location(Path(code.co_filename).absolute(), code.co_firstlineno) if code else None


def _kind(listener: Listener) -> str:
    if listener.keyword is not None:
        return "message"
    return "error" if listener.kind is None else listener.kind.value


def _matches(listener: Listener) -> str:
    """Return a name as it is, a pattern between slashes, and a dict as `key=value`."""
    if listener.keyword is not None:
        return _text(listener.keyword) or "any text"
    if isinstance(listener.constraint, Mapping):
        return " ".join(f"{name}={_text(value)}" for name, value in listener.constraint.items())
    if listener.constraint is None:
        return "any error" if listener.kind is None else "any install"
    return _text(listener.constraint)


def _text(value: object) -> str:
    if isinstance(value, re.Pattern):
        return f"/{value.pattern}/"
    if isinstance(value, list | tuple):
        return "|".join(_text(each) for each in value)
    return "none" if value is None else str(value)


def _constraint_to_json(value: object) -> object:
    """Return text as it is, and a pattern as `{"pattern": …}`."""
    if isinstance(value, re.Pattern):
        return {"pattern": value.pattern}
    if isinstance(value, Mapping):
        return {str(name): _constraint_to_json(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_constraint_to_json(each) for each in value]
    return value
