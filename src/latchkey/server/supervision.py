"""systemd's protocol: readiness, the watchdog, reloading, and inherited sockets.

If systemd did not start the server, every call does nothing. The variables are
removed from the environment, so that child processes don't use them.
https://www.freedesktop.org/software/systemd/man/252/sd_notify.html and sd_listen_fds.html
"""

from __future__ import annotations

import asyncio
import faulthandler
import logging
import os
import signal
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from contextlib import asynccontextmanager

from latchkey.errors import LatchkeyError, StoreError, StoreUnavailable

HTTP_SOCKET = "http"
"""The name (`FileDescriptorName=`) of a socket on which the server answers."""
HUNG = frozenset({"timeout"})
"""Reasons that mean that the store hangs. A full or locked disk fails at once; a restart would not help."""
PROBES = 3
"""Health checks per watchdog interval."""
NOTIFY_TIMEOUT = 0.5
"""Seconds that a notification may hold up the server if systemd does not read its socket, whose queue is then full."""
_FIRST_DESCRIPTOR = 3  # SD_LISTEN_FDS_START

logger = logging.getLogger("latchkey")


class Supervisor:
    """The connection to systemd, if it started the server."""

    def __init__(self, environ: MutableMapping[str, str], pid: int | None = None) -> None:
        """Take systemd's variables out of `environ`; `pid` is this process's own by default.

        Raises LatchkeyError if an inherited socket cannot be used.
        """
        pid = os.getpid() if pid is None else pid
        self._address = environ.pop("NOTIFY_SOCKET", "")
        self.watchdog_seconds = _watchdog_seconds(environ, pid)
        """systemd's watchdog timeout in seconds; 0 if disabled."""
        self.sockets = _inherited(environ, pid)
        """Listening sockets that systemd opened, by name."""

    def ready(self) -> None:
        self._notify("READY=1")

    def reloading(self) -> None:
        """Report that a reload has begun; call `ready` when it is done."""
        self._notify(f"RELOADING=1\nMONOTONIC_USEC={time.monotonic_ns() // 1000}")

    def stopping(self) -> None:
        self._notify("STOPPING=1")

    def alive(self) -> None:
        self._notify("WATCHDOG=1")

    def _notify(self, text: str) -> None:
        if not self._address:
            return
        # A leading @ means an abstract socket, whose name begins with a zero byte (unix(7)).
        address = "\0" + self._address[1:] if self._address.startswith("@") else self._address
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
                sender.settimeout(NOTIFY_TIMEOUT)
                sender.sendto(text.encode(), address)
        except OSError as error:
            logger.warning("could not notify systemd of %s: %s", text.partition("=")[0], error.strerror or error)


@asynccontextmanager
async def supervised(
    supervisor: Supervisor, probe: Callable[[], Awaitable[object]], reload: Callable[[], object]
) -> AsyncIterator[None]:
    """Run `feed_watchdog`, and call `reload` at each SIGHUP, until the block ends."""
    asked = asyncio.Event()

    async def reload_when_asked() -> None:
        while True:
            await asked.wait()
            asked.clear()
            supervisor.reloading()
            reload()
            supervisor.ready()

    asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, asked.set)
    tasks = [asyncio.create_task(feed_watchdog(supervisor, probe)), asyncio.create_task(reload_when_asked())]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)


async def feed_watchdog(
    supervisor: Supervisor,
    probe: Callable[[], Awaitable[object]],
    sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
) -> None:
    """Notify the watchdog while the event loop runs and the store responds; never returns.

    `probe` raises StoreError if the store is not healthy. `sleep` waits for this many seconds.
    """
    if not supervisor.watchdog_seconds:
        return
    # systemd ends a hung server by SIGABRT, which then prints each thread's stack on stderr.
    faulthandler.enable()
    while True:
        if await _answers(probe):
            supervisor.alive()
        else:
            logger.error("the store is not responding; systemd will restart this process")
        await sleep(supervisor.watchdog_seconds / PROBES)


async def _answers(probe: Callable[[], Awaitable[object]]) -> bool:
    """Return whether the store responds, even if with an error."""
    try:
        await probe()
    except StoreUnavailable as error:
        return error.reason not in HUNG
    except StoreError:
        pass  # it responds; /readyz reports the error
    return True


def _watchdog_seconds(environ: MutableMapping[str, str], pid: int) -> float:
    microseconds, expected_pid = environ.pop("WATCHDOG_USEC", ""), environ.pop("WATCHDOG_PID", "")
    if not microseconds.isdecimal() or expected_pid not in ("", str(pid)):
        return 0.0
    return int(microseconds) / 1e6


def _inherited(environ: MutableMapping[str, str], pid: int) -> dict[str, list[socket.socket]]:
    """Return the sockets that systemd opened for this process, by name; unnamed ones are for HTTP."""
    count, expected_pid = environ.pop("LISTEN_FDS", ""), environ.pop("LISTEN_PID", "")
    names = environ.pop("LISTEN_FDNAMES", "").split(":")
    found: dict[str, list[socket.socket]] = {}
    # If LISTEN_PID is another process, its descriptors are not ours.
    if not count.isdecimal() or expected_pid != str(pid):
        return found
    for number in range(int(count)):
        name = names[number] if number < len(names) and names[number] not in ("", "unknown") else HTTP_SOCKET
        found.setdefault(name, []).append(_listening(_FIRST_DESCRIPTOR + number))
    return found


def _listening(descriptor: int) -> socket.socket:
    refused = LatchkeyError(
        f"descriptor {descriptor} that systemd handed over is not a listening stream socket",
        hint="latchkey.socket needs ListenStream= and Accept=no",
    )
    try:
        os.set_inheritable(descriptor, False)
        handed = socket.socket(fileno=descriptor)
    except OSError:
        raise refused from None
    if handed.type != socket.SOCK_STREAM or not handed.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
        handed.close()
        raise refused
    handed.setblocking(False)
    return handed
