"""What the checks look at."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Self

from latchkey.errors import LatchkeyError
from latchkey.preflight import StartContext, app_settings
from latchkey.slackapi.manifest import AppSettings
from latchkey.storage import CommandStore, ProgressCallback, open_for_command


@dataclass(frozen=True)
class DoctorContext(StartContext):
    """What a start needs, and more; the store is opened once, when first needed."""

    exported_manifest: Path | None = None
    """A manifest exported from Slack; None: not compared."""
    offline: bool = False
    """Contact only the server on this machine."""
    clock: Callable[[], float] = time.time
    """Returns Unix seconds."""
    progress: ProgressCallback = lambda what, done, total: None

    @property
    def app_settings(self) -> AppSettings | None:
        """The settings that the manifest needs; None if [server] public_url is not set."""
        settings = self.settings_with_app
        return app_settings(settings) if settings.server.public_url else None

    @cached_property
    def store(self) -> CommandStore | LatchkeyError:
        """The open store, or the error that opening it raised."""
        try:
            return open_for_command(self.settings.store_location, self.settings.keyring_path)
        except LatchkeyError as error:
            return error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        store = self.__dict__.get("store")
        if isinstance(store, CommandStore):
            store.close()
