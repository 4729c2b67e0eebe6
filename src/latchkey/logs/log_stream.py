"""Writes log lines to a stream; the server's without ever waiting for the program that reads them.

A pipe or a socket that nobody reads is soon full, and a write to it then waits. Lines are kept in memory meanwhile, up
to a limit; later ones are dropped and counted, and a line says how many once there is room again.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import select
import socket
import stat
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import TextIO

MAX_KEPT_BYTES = 1 << 20
"""Several thousand lines."""
RETRY_SECONDS = 0.05
FINISH_SECONDS = 2.0
"""At the end, how long to wait for a reader that takes nothing; one that reads gets everything."""
_ATOMIC_BYTES = select.PIPE_BUF


class LogStream:
    """Writes lines; safe to use from any thread."""

    def __init__(self, stream: TextIO, *, waits: bool = True, max_kept: int = MAX_KEPT_BYTES) -> None:
        """With `waits`, a write returns when it is complete. Without, it returns at once."""
        self.stream = stream
        self.dropped = 0
        """Lines that were dropped since the start."""
        self._own = contextlib.ExitStack()
        self._write_some = _blocking_writer(stream) if waits else _writer(stream, self._own)
        self._max_kept = max_kept
        self._kept: deque[bytes] = deque()
        self._kept_bytes = 0
        self._unreported = 0
        self._describe: Callable[[int], str] = _describe_dropped
        self._count: Callable[[int], object] = _ignore
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._is_retrying = False

    def on_dropped(self, count: Callable[[int], object]) -> None:
        """Call `count` with the number of lines whenever some are dropped, and now with those so far."""
        with self._lock:
            self._count = count
            count(self.dropped)

    def describe_dropped(self, describe: Callable[[int], str]) -> None:
        """Set the function that returns the line, with its line break, that says how many were dropped."""
        self._describe = describe

    def write(self, lines: str) -> None:
        """Write whole lines, or keep them until they can be written."""
        data = lines.encode("utf-8", "backslashreplace")
        with self._lock:
            # Once lines are dropped, half of the room must be free again, so that there are few gaps.
            limit = self._max_kept // 2 if self._unreported else self._max_kept
            if self._kept_bytes + len(data) > limit and self._kept:
                self._drop(data)
            else:
                self._report_dropped()
                self._keep(data)
            self._write_kept()
            if self._kept:
                self._retry_later()

    def close(self) -> None:
        """Write what is kept, and release what belongs to this object; the stream stays open."""
        self._finish()
        with self._lock:
            self._write_some = _blocking_writer(self.stream)
            self._own.close()

    def _finish(self) -> None:
        """Write what is kept, for as long as the reader takes some of it every few seconds."""
        deadline = time.monotonic() + FINISH_SECONDS
        while time.monotonic() < deadline:
            with self._lock:
                before = self._kept_bytes
                self._write_kept()
                if not self._kept:
                    return
            if self._kept_bytes < before:
                deadline = time.monotonic() + FINISH_SECONDS
            time.sleep(RETRY_SECONDS)

    def _keep(self, data: bytes) -> None:
        self._kept.append(data)
        self._kept_bytes += len(data)

    def _drop(self, data: bytes) -> None:
        lines = data.count(b"\n")
        self.dropped += lines
        self._unreported += lines
        self._count(lines)

    def _report_dropped(self) -> None:
        if self._unreported:
            line = self._describe(self._unreported)
            self._unreported = 0
            self._keep(line.encode("utf-8", "backslashreplace"))

    def _write_kept(self) -> None:
        while self._kept:
            data = self._kept.popleft()
            try:
                written = self._write_some(data)
            except (OSError, ValueError):
                # The disk is full, or the reader has gone: losing lines is better than failing requests.
                self._kept_bytes -= len(data)
                self._drop(data)
                return
            self._kept_bytes -= written
            if written < len(data):
                self._kept.appendleft(data[written:])
                if not written:
                    return
            if not self._kept:
                self._report_dropped()

    def _retry_later(self) -> None:
        """Try again soon, if an event loop is known; otherwise with the next line."""
        if self._is_retrying:
            return
        try:
            self._loop = asyncio.get_running_loop()
        except RuntimeError:
            pass  # another thread than the event loop's
        if self._loop is not None and not self._loop.is_closed():
            self._is_retrying = True
            self._loop.call_soon_threadsafe(self._loop.call_later, RETRY_SECONDS, self._retry)

    def _retry(self) -> None:
        with self._lock:
            self._is_retrying = False
            self._write_kept()
            if self._kept:
                self._retry_later()


def _blocking_writer(stream: TextIO) -> Callable[[bytes], int]:
    """Return a function that writes all of its argument, and returns how many bytes that were."""

    def write(data: bytes) -> int:
        stream.write(data.decode())
        stream.flush()
        return len(data)

    return write


def _writer(stream: TextIO, own: contextlib.ExitStack) -> Callable[[bytes], int]:
    """Return a function that writes as much as it can without waiting, and returns how many bytes that were.

    What it opens is closed with `own`. The stream's descriptor stays in blocking mode, because other processes may
    share it.
    """
    try:
        descriptor = stream.fileno()
        mode = os.fstat(descriptor).st_mode
    except (OSError, ValueError, AttributeError):
        return _blocking_writer(stream)  # it is in memory
    if stat.S_ISSOCK(mode):
        shared = own.enter_context(socket.socket(fileno=os.dup(descriptor)))
        return lambda data: _or_nothing(lambda: shared.send(data, socket.MSG_DONTWAIT))
    if stat.S_ISFIFO(mode) or stat.S_ISCHR(mode):
        try:
            opened = os.open(f"/proc/self/fd/{descriptor}", os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
        except OSError:
            return _polling_writer(descriptor)  # it belongs to another user
        own.callback(os.close, opened)
        return lambda data: _or_nothing(lambda: os.write(opened, data))
    return lambda data: os.write(descriptor, data)


def _polling_writer(descriptor: int) -> Callable[[bytes], int]:
    """Return the same for a pipe that cannot be opened again. One that is writable takes 4096 bytes at once."""
    poll = select.poll()
    poll.register(descriptor, select.POLLOUT)
    return lambda data: os.write(descriptor, data[:_ATOMIC_BYTES]) if poll.poll(0) else 0


def _or_nothing(write: Callable[[], int]) -> int:
    try:
        return write()
    except BlockingIOError:
        return 0


def _describe_dropped(lines: int) -> str:
    return f"{lines} log lines were dropped\n"


def _ignore(lines: int) -> None:
    """Default observer: does nothing."""
