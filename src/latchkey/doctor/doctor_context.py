"""What the checks look at."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Self

from latchkey.config import Settings
from latchkey.dispatch import App, load_listeners
from latchkey.errors import LatchkeyError, ListenerLoadError
from latchkey.slackapi.manifest import AppSettings
from latchkey.storage import CommandStore, ProgressCallback, open_for_command


@dataclass(frozen=True)
class DoctorContext:
    """The settings, and what they name: the listeners and the store are each loaded once, when first needed."""

    settings: Settings
    environ: Mapping[str, str]
    config_path: Path
    """The config.toml that was read; it may not exist."""
    checkout: Path | None
    """A checkout of Latchkey, in which listener modules are looked for as well."""
    app_settings: AppSettings | None = None
    """The settings that the manifest needs; None if [server] public_url is not set."""
    exported_manifest: Path | None = None
    """A manifest exported from Slack; None: not compared."""
    offline: bool = False
    """Contact only the server on this machine."""
    clock: Callable[[], float] = time.time
    """Returns Unix seconds."""
    progress: ProgressCallback = lambda what, done, total: None

    @cached_property
    def app(self) -> App | ListenerLoadError:
        """The app with its listeners, or the error that loading them raised."""
        try:
            # Anything that a module prints is not part of the doctor's output.
            with contextlib.redirect_stdout(sys.stderr):
                return load_listeners(self.settings.listeners.modules, self.settings.base, self.checkout)
        except ListenerLoadError as error:
            return error

    @cached_property
    def store(self) -> CommandStore | LatchkeyError:
        """The open store, or the error that opening it raised."""
        try:
            return open_for_command(self.settings.store_path, self.settings.keyring_path)
        except LatchkeyError as error:
            return error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        store = self.__dict__.get("store")
        if isinstance(store, CommandStore):
            store.close()
