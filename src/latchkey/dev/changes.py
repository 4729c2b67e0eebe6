"""Notices that a file of the app was saved."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

from watchfiles import Change, DefaultFilter, awatch

from latchkey.dev.mounts import needs_polling

_STEP_MILLISECONDS = 50
"""Changes are reported when there was none for this long: an editor may write several files."""
_MAX_WAIT_MILLISECONDS = 200
_RETURN_SECONDS = 0.3
"""How long a deleted file may be missing before that is a change: some editors delete a file and create it again."""


class AppFiles(DefaultFilter):
    """Selects Python modules, new folders, which may be renamed packages, and config.toml."""

    def __init__(self, config: Path | None) -> None:
        super().__init__()
        self._config = None if config is None else str(config.resolve())

    def __call__(self, change: Change, path: str) -> bool:
        if path == self._config:
            return True
        file = Path(path)
        is_new_folder = change is Change.added and file.is_dir()
        if file.name.startswith((".", "#")) or not (file.suffix == ".py" or is_new_folder):
            return False
        return super().__call__(change, path)


class Changes:
    """Collects changes in several folders."""

    def __init__(self, config: Path | None) -> None:
        self._filter = AppFiles(config)
        self._changed: set[Path] = set()
        self._arrived = asyncio.Event()
        self._watching: dict[Path, asyncio.Task[None]] = {}

    def watch(self, folder: Path) -> None:
        """Watch a folder and everything in it, if it is not watched yet."""
        folder = folder.resolve()
        if not any(folder.is_relative_to(watched) for watched in self._watching):
            self._watching[folder] = asyncio.create_task(self._collect(folder))

    async def next(self) -> set[Path]:
        """Wait for changes and return their paths; they are reported only once."""
        await self.arrived()
        changed = set(self._changed)
        if all(not path.exists() for path in changed):
            await asyncio.sleep(_RETURN_SECONDS)
        changed |= self._changed
        self._changed.clear()
        self._arrived.clear()
        return changed

    async def arrived(self) -> None:
        """Wait until there are changes, without taking them."""
        await self._arrived.wait()

    async def close(self) -> None:
        """Stop watching, and wait until the threads that do have ended: they would keep the process from ending."""
        for task in self._watching.values():
            task.cancel()
        await asyncio.gather(*self._watching.values(), return_exceptions=True)

    async def _collect(self, folder: Path) -> None:
        async for changes in self._watched(folder):
            self._changed.update(Path(path) for _, path in changes)
            self._arrived.set()

    async def _watched(self, folder: Path) -> AsyncIterator[set[tuple[Change, str]]]:
        polls: bool | None = True if needs_polling(folder) else None
        while True:
            try:
                async for changes in awatch(
                    folder,
                    watch_filter=self._filter,
                    step=_STEP_MILLISECONDS,
                    debounce=_MAX_WAIT_MILLISECONDS,
                    force_polling=polls,
                    ignore_permission_denied=True,
                ):
                    yield changes
            except OSError:
                # The limit of inotify watches, or a kernel without them.
                if polls:
                    raise
                polls = True
