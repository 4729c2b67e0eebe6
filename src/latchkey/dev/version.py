"""One version of the app, as `latchkey dev` sees its process."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections.abc import Callable
from typing import Any, NamedTuple

from latchkey.dev.forking import Forker
from latchkey.errors import LatchkeyError

STOP_TIMEOUT = 5.0
_MAX_MESSAGE_BYTES = 1 << 20


class AppDescription(NamedTuple):
    """What a loaded app says about itself."""

    manifest: dict[str, Any]
    notes: list[str]
    folders: list[str]
    """Folders of its modules that are not beside config.toml."""


class VersionFailed(LatchkeyError):
    """A version of the app cannot be loaded or started; the message has several lines."""


class Version:
    """A forked process; its end is the end of its connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._messages: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._ended = asyncio.Event()
        self._writer = writer
        self._receiving = asyncio.create_task(self._receive(reader))
        self.pid = 0

    @classmethod
    async def fork(cls, forker: Forker, keep: Callable[[int], None]) -> Version:
        """Start a version; `keep` is called with its process id. Raises VersionFailed."""
        try:
            reader, writer = await asyncio.open_unix_connection(sock=forker.fork(), limit=_MAX_MESSAGE_BYTES)
        except OSError:
            raise VersionFailed("the process that loads the app has ended; its log says why") from None
        version = cls(reader, writer)
        try:
            version.pid = int(await version._expect("pid"))
        except asyncio.CancelledError:
            version._receiving.cancel()
            writer.close()
            raise
        keep(version.pid)
        return version

    async def loaded(self) -> AppDescription:
        """Wait until the app is loaded. Raises VersionFailed."""
        return AppDescription(**await self._expect("loaded"))

    async def serve(self) -> None:
        """Let it serve; returns when it does. Raises VersionFailed."""
        self._writer.write(b"\n")
        await self._expect("listening")

    async def ended(self) -> None:
        """Wait for the end of the process."""
        await self._ended.wait()

    async def stop(self) -> None:
        """Let it finish what it runs and end; kill it if it does not."""
        self._signal(signal.SIGTERM)
        try:
            await asyncio.wait_for(self.ended(), STOP_TIMEOUT)
        except TimeoutError:
            await self.kill()

    async def kill(self) -> None:
        """End it at once. No request is lost if it has not served."""
        self._signal(signal.SIGKILL)
        await self.ended()

    def _signal(self, number: signal.Signals) -> None:
        # Its id is not given to another process before its parent, the forker, has waited for it, which happens at the
        # next fork. By then its connection has ended, and nothing is sent to it.
        if self.pid and not self._ended.is_set():
            os.kill(self.pid, number)

    async def _receive(self, reader: asyncio.StreamReader) -> None:
        while line := await reader.readline():
            self._messages.put_nowait(json.loads(line))
        self._messages.put_nowait({})
        self._ended.set()
        self._writer.close()

    async def _expect(self, kind: str) -> Any:
        message = await self._messages.get()
        if kind in message:
            return message[kind]
        raise VersionFailed(message.get("refused") or "its process has ended; the lines above may say why")
