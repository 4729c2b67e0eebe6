"""`./latchkey demo`: the whole product on this machine, without a Slack account.

Rule: nothing is left behind. Store, keys, log and configuration live in a
folder that is removed at the end, and the server is ended by its own process id.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
import sys
import tempfile
from pathlib import Path

from latchkey.simulator.check import Check
from latchkey.simulator.server_process import ServerDied, ServerProcess
from latchkey.simulator.slack import LOOPBACK

SERVER_PORT = 8080
SLACK_PORT = 8090


def run_demo(*, check: bool, port: int) -> int:
    """Run the demo until Ctrl-C, or walk through it with `check`; returns the exit code."""
    with tempfile.TemporaryDirectory(prefix="latchkey-demo-") as folder:
        try:
            if check:
                return 0 if asyncio.run(_check(Path(folder))) else 1
            return asyncio.run(_show(Path(folder), _free(port)))
        except ServerDied as died:
            print(f"latchkey: the server ended by itself; the end of its log:\n{died}", file=sys.stderr)
            return 1
        except KeyboardInterrupt:
            return 0


async def _check(folder: Path) -> bool:
    server = ServerProcess(folder, level="debug")
    slack = server.make_slack()
    slack.start()
    try:
        await server.start(slack)
        return await Check(server, slack).run()
    finally:
        if server.is_running():
            await server.stop()
        await slack.close()


async def _show(folder: Path, port: int) -> int:
    server = ServerProcess(folder, port=port)
    slack = server.make_slack(_free(SLACK_PORT))
    slack.start()
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    try:
        await server.start(slack)
        print(
            f"Latchkey runs at    {server.url}/slack/install\n"
            f"A stand-in Slack at {slack.url}\n\n"
            "1. Open the first address, click “Add to Slack” and then Allow.\n"
            "2. Open the second one: write “@latchkey hello”, or “/open-modal”, fill in the form and send it.\n"
            "Nothing leaves this machine, and nothing is kept. Ctrl-C ends it.",
            flush=True,
        )
        while not stop.is_set():
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), 0.5)
            if not server.is_running():
                raise ServerDied(server.last_lines())
        return 0
    finally:
        if server.is_running():
            await server.stop()
        await slack.close()


def _free(port: int) -> int:
    """Return the port, or 0 for any where it is taken."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return 0
    return port
