"""What the server and systemd say to each other: that it is ready, that it is well, which sockets are open already.

Rule: nothing here is needed. Where no systemd started the server, every call
does nothing. The variables are taken out of the environment, so that no child
speaks in the server's name.
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
"""Why a probe of the store fails when it hangs. A full or locked disk answers, and a restart would not help it."""
PROBES = 3
"""So often within the watchdog's time is the server looked at."""
_FIRST_DESCRIPTOR = 3  # SD_LISTEN_FDS_START

logger = logging.getLogger("latchkey")


class Supervisor:
    """systemd as the server sees it, or nobody."""

    def __init__(self, environ: MutableMapping[str, str], pid: int | None = None) -> None:
        """Take what systemd has left in `environ`; `pid` is this process's own.

        Raises LatchkeyError where a socket was handed over that cannot be used.
        """
        pid = os.getpid() if pid is None else pid
        self._address = environ.pop("NOTIFY_SOCKET", "")
        self.watchdog_seconds = _watchdog_seconds(environ, pid)
        """Without a sign of life for so long, systemd replaces the server; 0: nobody waits for one."""
        self.sockets = _inherited(environ, pid)
        """Listening sockets that were open before the server began, by their name."""

    def ready(self) -> None:
        self._notify("READY=1")

    def reloading(self) -> None:
        """Say that the settings are being read again; `ready` ends it."""
        self._notify(f"RELOADING=1\nMONOTONIC_USEC={time.monotonic_ns() // 1000}")

    def stopping(self) -> None:
        self._notify("STOPPING=1")

    def alive(self) -> None:
        self._notify("WATCHDOG=1")

    def _notify(self, text: str) -> None:
        if not self._address:
            return
        # An @ stands for the zero byte of a name that is in no folder (unix(7), "abstract").
        address = "\0" + self._address[1:] if self._address.startswith("@") else self._address
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
                sender.sendto(text.encode(), address)
        except OSError as error:
            logger.warning("systemd could not be told %s: %s", text.partition("=")[0], error.strerror)


@asynccontextmanager
async def supervised(
    supervisor: Supervisor, probe: Callable[[], Awaitable[object]], reload: Callable[[], object]
) -> AsyncIterator[None]:
    """Tell systemd that all is well while it is (`feed_watchdog`), and call `reload` at each SIGHUP."""
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


async def feed_watchdog(supervisor: Supervisor, probe: Callable[[], Awaitable[object]]) -> None:
    """Give signs of life for as long as the event loop turns and the store answers; never returns.

    `probe` returns where the store is well, and raises StoreError where it is not.
    """
    if not supervisor.watchdog_seconds:
        return
    # systemd ends a hung server by SIGABRT; where each of its threads stood is then on standard error.
    faulthandler.enable()
    while True:
        if await _answers(probe):
            supervisor.alive()
        else:
            logger.error("the store hangs; without an answer, systemd replaces this process")
        await asyncio.sleep(supervisor.watchdog_seconds / PROBES)


async def _answers(probe: Callable[[], Awaitable[object]]) -> bool:
    """Return whether the store gives an answer, be it a bad one."""
    try:
        await probe()
    except StoreUnavailable as error:
        return error.reason not in HUNG
    except StoreError:
        pass  # an answer; /readyz tells more of it
    return True


def _watchdog_seconds(environ: MutableMapping[str, str], pid: int) -> float:
    microseconds, meant = environ.pop("WATCHDOG_USEC", ""), environ.pop("WATCHDOG_PID", "")
    if not microseconds.isdecimal() or meant not in ("", str(pid)):
        return 0.0
    return int(microseconds) / 1e6


def _inherited(environ: MutableMapping[str, str], pid: int) -> dict[str, list[socket.socket]]:
    """Return the sockets that systemd has opened for this process, by name; those without a name are for HTTP."""
    count, meant = environ.pop("LISTEN_FDS", ""), environ.pop("LISTEN_PID", "")
    names = environ.pop("LISTEN_FDNAMES", "").split(":")
    found: dict[str, list[socket.socket]] = {}
    # Of another process's descriptors there are none here, whatever the numbers say.
    if not count.isdecimal() or meant != str(pid):
        return found
    for number in range(int(count)):
        name = names[number] if number < len(names) and names[number] not in ("", "unknown") else HTTP_SOCKET
        found.setdefault(name, []).append(_listening(_FIRST_DESCRIPTOR + number))
    return found


def _listening(descriptor: int) -> socket.socket:
    refused = LatchkeyError(
        f"descriptor {descriptor} that systemd handed over is no listening stream socket",
        hint="the unit latchkey.socket wants ListenStream= and Accept=no",
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
