"""Loading listener modules into an App.

Rule: a module that cannot be loaded stops the start with its name and the
reason; a server that runs without some of its listeners helps nobody.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence
from pathlib import Path

from latchkey.dispatch.listeners.app import App
from latchkey.errors import ListenerLoadError

REGISTER = ("register", "register_listeners")
"""A module's function that takes the App; the second is the name in Bolt's starter templates."""


def load_listeners(modules: Sequence[str], base: Path, checkout: Path | None = None) -> App:
    """Return an App with all that the modules register.

    Each is looked for in `base` (the folder of config.toml), then on Python's path, then in the
    checkout. Raises ListenerLoadError.
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
                name, "there is no such module", hint="it is looked for beside config.toml"
            ) from error
        raise ListenerLoadError(name, f"it needs {error.name}, which is not installed") from error
    except Exception as error:
        raise ListenerLoadError(name, f"its import raised {_said(error)}") from error
    register = next((getattr(module, known) for known in REGISTER if hasattr(module, known)), None)
    if register is None:
        raise ListenerLoadError(name, "it has no function register(app)")
    try:
        register(app)
    except Exception as error:
        raise ListenerLoadError(name, f"its {register.__name__}(app) raised {_said(error)}") from error


def _said(error: Exception) -> str:
    place = error.__traceback__
    while place is not None and place.tb_next is not None:
        place = place.tb_next
    where = f" ({Path(place.tb_frame.f_code.co_filename).name}, line {place.tb_lineno})" if place else ""
    return f"{type(error).__name__}: {error}{where}"
