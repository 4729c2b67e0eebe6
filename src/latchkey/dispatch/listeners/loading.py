"""Loads listener modules into an App.

A module that cannot be loaded stops the start with its name and the reason, instead of a server that lacks some of its
listeners.
"""

from __future__ import annotations

import importlib
import inspect
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

from latchkey.dispatch.listeners.author_line import author_line
from latchkey.dispatch.listeners.registration import App
from latchkey.errors import ListenerLoadError

LOAD_ERRORS = (Exception, SystemExit)
"""What an author's code raises while it is loaded; SystemExit would end the server without a word."""
REGISTER = ("register", "register_listeners")
"""Names of a module's function that takes the App; the second is from Bolt's starter templates."""

_PACKAGE_HINT = "name its package in requirements.txt beside config.toml; ./latchkey and install-service install it"


def load_listeners(modules: Sequence[str], base: Path, checkout: Path | None = None) -> App:
    """Return an App with everything that the modules register. Raises ListenerLoadError.

    Modules are looked for in `base` (the folder of config.toml), then on Python's path, then in the checkout.
    `sys.path` keeps that order, so it also applies to imports inside a running listener.
    """
    first = str(base.absolute())
    last = [] if checkout is None else [str(checkout)]
    sys.path[:] = [first, *(entry for entry in sys.path if entry not in (first, *last)), *last]
    app = App()
    for name in modules:
        _load(name, app)
    return app


def import_module(name: str) -> ModuleType:
    """Return the imported module of an author's. Raises ListenerLoadError."""
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name and f"{name}.".startswith(f"{error.name}."):
            raise ListenerLoadError(
                name, "there is no such module", hint="put it beside config.toml, or on PYTHONPATH"
            ) from error
        raise ListenerLoadError(name, f"it needs {error.name}, which is not installed", hint=_PACKAGE_HINT) from error
    except LOAD_ERRORS as error:
        raise load_error(name, "its import", error) from error


def register_function(name: str, module: ModuleType) -> tuple[str, Callable[[Any], Any]]:
    """Return the module's function that takes the app, and its name. Raises ListenerLoadError."""
    known = next((known for known in REGISTER if hasattr(module, known)), None)
    if known is None:
        raise ListenerLoadError(name, "it has no function register(app)", hint=_hint_without_register(name, module))
    return known, getattr(module, known)


def _hint_without_register(name: str, module: ModuleType) -> str:
    """Return where a module's own app belongs; empty if it has none."""
    for variable, value in vars(module).items():
        if isinstance(value, App):
            return f"write `def register(app):` around the listeners, instead of `{variable} = App()`"
        if type(value).__module__.startswith("slack_bolt.app."):
            return f'mount its App of slack_bolt: [bolt] app = "{name}:{variable}" in config.toml'
    return ""


def load_error(module: str, what: str, error: BaseException, hint: str = "") -> ListenerLoadError:
    """Return the error for an exception that `what` of the module's has raised: with its text and the author's line."""
    line = None if isinstance(error, SyntaxError) else author_line(error, module)
    where = f" ({Path(line.filename).name}, line {line.lineno})" if line else ""
    return ListenerLoadError(module, f"{what} raised {type(error).__name__}: {error}{where}", hint=hint)


def _load(name: str, app: App) -> None:
    known, register = register_function(name, import_module(name))
    try:
        result = register(app)
    except LOAD_ERRORS as error:
        raise load_error(name, f"its {known}(app)", error) from error
    if inspect.isawaitable(result):
        if inspect.iscoroutine(result):
            result.close()
        raise ListenerLoadError(
            name,
            f"its {known}(app) is async",
            hint=f"write `def {known}(app):` without async; it is called before the event loop runs",
        )
    for listener in (*app.listeners, *app.error_handlers):
        listener.module = listener.module or name
