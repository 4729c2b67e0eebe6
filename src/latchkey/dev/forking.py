"""A process that has imported the server and nothing of the app. It forks for each version of the app.

Importing the server takes half a second, a fork a few milliseconds; and each version starts with fresh modules.
Run as a script: `python -P -m latchkey.dev.forking CONTROL LISTENING CONFIG`, with the numbers of two descriptors.
"""

from __future__ import annotations

import contextlib
import gc
import os
import socket
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

_FORK = b"fork"


class Forker:
    """The handle of that process; closing it ends the process."""

    def __init__(
        self, config: Path | None, listening: socket.socket, environment: Mapping[str, str], cwd: Path, log: BinaryIO
    ) -> None:
        """Start it with this environment, in which `config` is loaded; the versions write to `log`."""
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        numbers = [theirs.fileno(), listening.fileno()]
        command = [sys.executable, "-P", "-m", "latchkey.dev.forking", *map(str, numbers), str(config or "")]
        with theirs:
            self._process = subprocess.Popen(
                command,
                env=environment,
                cwd=cwd,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=numbers,
                start_new_session=True,  # Ctrl-C must not reach it
            )

    @property
    def pid(self) -> int:
        return self._process.pid

    def fork(self) -> socket.socket:
        """Start a new version of the app; returns the socket to talk to it. Raises OSError if the process has ended."""
        ours, theirs = socket.socketpair()
        with theirs:
            socket.send_fds(self._control, [_FORK], [theirs.fileno()])
        return ours

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._control.close()
        self._process.wait()


def main(control: socket.socket, listening: socket.socket, config: Path | None) -> None:
    """Fork for each message, until the other end is closed."""
    from latchkey.dev.server_child import run_child

    if config is not None and "[bolt]" in config.read_text(encoding="utf-8", errors="replace"):
        import latchkey.bolt  # noqa: F401
    # What is loaded by now is shared by all versions.
    gc.collect()
    gc.freeze()
    while True:
        message, descriptors, _, _ = socket.recv_fds(control, len(_FORK), 1)
        if message != _FORK:
            return
        _reap()
        channel = socket.socket(fileno=descriptors[0])
        channel.set_inheritable(False)
        if os.fork() == 0:
            control.close()
            run_child(config, listening, channel)
        channel.close()


def _reap() -> None:
    """Remove ended versions from the process table."""
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


if __name__ == "__main__":
    _control, _listening = (socket.socket(fileno=int(number)) for number in sys.argv[1:3])
    for _handed in (_control, _listening):
        _handed.set_inheritable(False)
    main(_control, _listening, Path(sys.argv[3]) if sys.argv[3] else None)
