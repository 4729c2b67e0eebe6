"""Outlives the demo: stops its servers and deletes its folder, even if the demo was killed.

Run as a script: `keeper.py FOLDER`. Standard input brings the process id of each server on a line, and ends with the
demo. `latchkey dev` starts a server for each version of the app.
It imports only the standard library, so that it starts in a few milliseconds.
"""

from __future__ import annotations

import contextlib
import os
import select
import shutil
import signal
import sys

STOP_TIMEOUT = 15.0


def main(folder: str) -> None:
    """Wait until the demo has ended, then clean up."""
    servers: list[int] = []
    for line in sys.stdin:
        servers = [server for server in servers if not _has_ended(server)]
        with contextlib.suppress(ProcessLookupError):
            # A descriptor, because the id of an ended process may be given to another one.
            servers.append(os.pidfd_open(int(line)))
    for server in servers:
        _stop(server)
    shutil.rmtree(folder, ignore_errors=True)


def _has_ended(process: int) -> bool:
    """Whether a process has ended; its descriptor is closed then."""
    if not select.select([process], [], [], 0)[0]:
        return False
    os.close(process)
    return True


def _stop(process: int) -> None:
    """End a process, given by its descriptor, and wait until it has ended."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            signal.pidfd_send_signal(process, number)
        except ProcessLookupError:
            return
        if select.select([process], [], [], STOP_TIMEOUT)[0]:
            return


if __name__ == "__main__":
    main(sys.argv[1])
