"""Does for the server what systemd does: passes the socket and the variables, and receives its notifications."""

from __future__ import annotations

import os
import socket
import subprocess
from pathlib import Path
from typing import Any, BinaryIO

from latchkey.simulator import ServerProcess
from tests.support.waiting import until

FIRST_DESCRIPTOR = 3


class SupervisedServer(ServerProcess):
    """A server that is started with an open socket and sends its notifications to the test."""

    def __init__(self, folder: Path, *, watchdog_seconds: float = 0, unix: bool = False, **options: Any) -> None:
        super().__init__(folder, **options)
        self._watchdog_seconds = watchdog_seconds
        if unix:
            self.listening = socket.socket(socket.AF_UNIX)
            self.listening.bind(str(folder / "http.socket"))
            self.listening.listen()
        else:
            self.listening = socket.create_server(("127.0.0.1", 0))
            self._port = self.listening.getsockname()[1]
        self._notify_socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._notify_socket.bind(str(folder / "notify"))
        self._notify_socket.setblocking(False)
        self.notifications: list[str] = []

    def spawn(self, command: list[str], environment: dict[str, str], log: BinaryIO) -> subprocess.Popen[bytes]:
        environment |= {
            "NOTIFY_SOCKET": str(self.folder / "notify"),
            "LISTEN_FDS": "1",
            "LISTEN_FDNAMES": "http",
        }
        if self._watchdog_seconds:
            environment["WATCHDOG_USEC"] = str(int(self._watchdog_seconds * 1e6))
        return subprocess.Popen(
            # The shell becomes the server, so that its own process id is the server's.
            ["/bin/sh", "-c", 'LISTEN_PID=$$ exec "$@"', "sh", *command],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd=self.folder,
            close_fds=False,
            preexec_fn=lambda: os.dup2(self.listening.fileno(), FIRST_DESCRIPTOR),  # noqa: PLW1509  # one system call
        )

    def receive(self) -> list[str]:
        """Return all notifications so far."""
        while True:
            try:
                self.notifications.append(self._notify_socket.recv(4096).decode())
            except BlockingIOError:
                return self.notifications

    async def wait_for(self, text: str, *, before: int | None = None) -> None:
        """Wait for a new notification that begins with this text; `before` is the number of older ones (default: all)."""
        before = len(self.receive()) if before is None else before
        await until(lambda: any(sent.startswith(text) for sent in self.receive()[before:]))

    def close(self) -> None:
        self.listening.close()
        self._notify_socket.close()
