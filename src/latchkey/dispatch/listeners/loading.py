"""Loads listener modules into an App.

A module that cannot be loaded stops the start with its name and the reason, instead of a server that lacks some of its
listeners.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence
from pathlib import Path

from latchkey.dispatch.listeners.app import App
from latchkey.errors import ListenerLoadError

REGISTER = ("register", "register_listeners")
"""Names of a module's function that takes the App; the second is from Bolt's starter templates."""


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


def _load(name: str, app: App) -> None:
    try:
        module = importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name == name:
            raise ListenerLoadError(
                name, "there is no such module", hint="put it beside config.toml, or on PYTHONPATH"
            ) from error
        raise ListenerLoadError(name, f"it needs {error.name}, which is not installed") from error
    except Exception as error:
        raise ListenerLoadError(name, f"its import raised {_description(error)}") from error
    register = next((getattr(module, known) for known in REGISTER if hasattr(module, known)), None)
    if register is None:
        raise ListenerLoadError(name, "it has no function register(app)")
    try:
        register(app)
    except Exception as error:
        raise ListenerLoadError(name, f"its {register.__name__}(app) raised {_description(error)}") from error


def _description(error: Exception) -> str:
    last = error.__traceback__
    while last is not None and last.tb_next is not None:
        last = last.tb_next
    location = f" ({Path(last.tb_frame.f_code.co_filename).name}, line {last.tb_lineno})" if last else ""
    return f"{type(error).__name__}: {error}{location}"
