"""Finds the folder with the operator's files, and the checkout that this package may run from."""

from __future__ import annotations

import sys
from importlib.machinery import PathFinder
from pathlib import Path

import latchkey
from latchkey.config.settings import DEFAULT, Settings
from latchkey.errors import ConfigError, Fault


def find_checkout() -> Path | None:
    """Return the root of the checkout, or None if the package was installed from a wheel."""
    root = Path(latchkey.__file__).resolve().parent.parent.parent
    return root if (root / "server.py").is_file() and (root / "latchkey").is_file() else None


def refuse_empty_folder(settings: Settings, checkout: Path | None) -> None:
    """Raise ConfigError if there is no config.toml, and the default listener module is wanted but cannot be found."""
    if settings.config_path is not None or settings.bolt.is_set or settings.origins["listeners.modules"] != DEFAULT:
        return
    path = [str(settings.base), *sys.path, *([str(checkout)] if checkout else [])]
    if all(PathFinder.find_spec(name, path) is None for name in settings.listeners.modules):
        raise ConfigError(
            [Fault(str(settings.base), "has neither a config.toml nor a listener module")],
            hint="run latchkey config init to create both, or name a configuration with --config FILE",
        )
