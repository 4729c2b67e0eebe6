"""Keeps the uninstalling of an app apart from installs in progress.

Invariant: no install receives tokens while the app is being uninstalled somewhere. apps.uninstall ends every token of
a workspace, and which workspace an install is for is known only when its tokens have arrived.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class InstallGate:
    """Any number of installs at a time, or one uninstall."""

    def __init__(self) -> None:
        self._changed = asyncio.Condition()
        self._installs = 0
        self._is_uninstalling = False

    @asynccontextmanager
    async def installing(self) -> AsyncIterator[None]:
        """Hold this from before the exchange of a code until the installation is saved or refused."""
        async with self._changed:
            await self._changed.wait_for(lambda: not self._is_uninstalling)
            self._installs += 1
        try:
            yield
        finally:
            self._installs -= 1
            await self._notify()

    @asynccontextmanager
    async def uninstalling(self) -> AsyncIterator[None]:
        """Hold this while it is checked that no installation would be harmed, and until Slack has answered."""
        async with self._changed:
            await self._changed.wait_for(lambda: not self._is_uninstalling and not self._installs)
            self._is_uninstalling = True
        try:
            yield
        finally:
            self._is_uninstalling = False
            await self._notify()

    async def _notify(self) -> None:
        async with self._changed:
            self._changed.notify_all()
