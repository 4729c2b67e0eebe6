"""Keeps one version of the app running, and replaces it when a file was saved.

Invariant: the running version is stopped only when a newer one has been loaded.
"""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, Protocol

from latchkey.dev.changes import Changes
from latchkey.dev.drift import drift, scopes_differ
from latchkey.dev.forking import Forker
from latchkey.dev.unavailable import unavailable
from latchkey.dev.version import AppDescription, Version, VersionFailed
from latchkey.errors import plural
from latchkey.simulator.process import NotInstalled

SLOW_LOAD_SECONDS = 5.0
BACKLOG = 1024
"""Requests that may wait in the socket between two versions."""


class Observer(Protocol):
    """What learns of the versions."""

    def describe(self, manifest: dict[str, Any]) -> None:
        """A version with this manifest is about to serve."""

    def installed(self) -> None:
        """The app has been installed, for the first time or because its scopes have changed."""

    def say(self, text: str) -> None:
        """Show the person what has happened."""

    def drifted(self, text: str) -> None:
        """Show the person how the manifest has changed."""

    def fail(self, text: str) -> None:
        """Show the person what has gone wrong."""


class Session:
    """Runs until it is cancelled."""

    def __init__(
        self,
        forker: Forker,
        listening: socket.socket,
        changes: Changes,
        observer: Observer,
        *,
        keep: Callable[[int], None],
        install: Callable[[], Awaitable[None]],
    ) -> None:
        """`keep` is called with each version's process id.

        `install` is called when the app has to be installed; it raises NotInstalled.
        """
        self._forker = forker
        self._listening = listening
        self._changes = changes
        self._observer = observer
        self._keep = keep
        self._install = install
        self._running: Version | None = None
        self._manifest: dict[str, Any] | None = None
        self._notes: list[str] = []
        self._unavailable = AsyncExitStack()

    async def run(self) -> None:
        """Load the app, and again after each change."""
        await self._answer_503()
        changed: set[Path] = set()
        try:
            while True:
                await self._load(changed)
                changed = await self._next_changes()
        finally:
            await self._unavailable.aclose()
            await self._stop()

    async def _next_changes(self) -> set[Path]:
        """Wait for changes; meanwhile, report the end of the running version."""
        waiting = asyncio.create_task(self._changes.next())
        if self._running is not None:
            end = asyncio.create_task(self._running.ended())
            await asyncio.wait({waiting, end}, return_when=asyncio.FIRST_COMPLETED)
            if end.done():
                self._running = None
                await self._answer_503()
                self._observer.fail("the server has ended by itself; save a file to start it again")
            end.cancel()
        return await waiting

    async def _load(self, changed: set[Path]) -> None:
        """Replace the running version, unless the new one fails or there is an even newer one."""
        started = time.monotonic()
        try:
            version = await Version.fork(self._forker, self._keep)
            try:
                app = await self._unless_changed(self._loaded(version))
                if app is None:
                    return
                self._observer.describe(app.manifest)
                await self._replace_with(version)
            finally:
                if self._running is not version:
                    await version.kill()
        except VersionFailed as error:
            kept = "the last version that worked still runs" if self._running else "there is no version that works"
            self._observer.fail(f"not reloaded, {kept}:\n{error}" if changed else f"not loaded:\n{error}")
            return
        if changed:
            seconds = time.monotonic() - started
            self._observer.say(f"reloaded in {seconds:.2f} s: {_shown(changed)}")
        await self._adopt(app)

    async def _loaded(self, version: Version) -> AppDescription:
        slow = f"an import has taken {SLOW_LOAD_SECONDS:g} s so far; save a file to start it anew"
        timer = asyncio.get_running_loop().call_later(SLOW_LOAD_SECONDS, self._observer.say, slow)
        try:
            return await version.loaded()
        finally:
            timer.cancel()

    async def _unless_changed(self, loading: Coroutine[Any, Any, AppDescription]) -> AppDescription | None:
        """Return the loaded app; None if a file was saved meanwhile."""
        task, arrived = asyncio.create_task(loading), asyncio.create_task(self._changes.arrived())
        try:
            await asyncio.wait({task, arrived}, return_when=asyncio.FIRST_COMPLETED)
            return task.result() if task.done() else None
        finally:
            arrived.cancel()
            task.cancel()

    async def _replace_with(self, version: Version) -> None:
        await self._unavailable.aclose()
        await self._stop()
        try:
            await version.serve()
        except VersionFailed:
            await self._answer_503()
            raise
        self._running = version

    async def _stop(self) -> None:
        if self._running is not None:
            await self._running.stop()
            self._running = None

    async def _adopt(self, app: AppDescription) -> None:
        """Show what is new in the manifest, and install the app if its scopes are."""
        for folder in app.folders:
            self._changes.watch(Path(folder))
        if self._manifest is not None and (lines := list(drift(self._manifest, app.manifest))):
            self._observer.drifted("\n  ".join(["the manifest has changed; Slack must get it too:", *lines]))
        if new := [note for note in app.notes if note not in self._notes]:
            self._observer.say("\n  ".join(["notes on the manifest:", *new]))
        is_other = self._manifest is None or scopes_differ(self._manifest, app.manifest)
        self._manifest, self._notes = app.manifest, app.notes
        if is_other:
            await self._install_app()

    async def _install_app(self) -> None:
        try:
            await self._install()
        except NotInstalled as error:
            self._observer.fail(f"the app could not be installed: {error}")
        else:
            self._observer.installed()

    async def _answer_503(self) -> None:
        self._unavailable = AsyncExitStack()
        await self._unavailable.enter_async_context(unavailable(self._listening, BACKLOG))


def _shown(changed: set[Path]) -> str:
    here = Path.cwd()
    names = sorted(str(path.relative_to(here) if path.is_relative_to(here) else path) for path in changed)
    return ", ".join(names) if len(names) <= 3 else plural(len(names), "file")
