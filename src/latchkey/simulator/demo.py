"""`latchkey demo`: the server and a simulated Slack on this machine, without a Slack account.

Invariant: nothing is left behind. Store, keys, log and configuration are in a temporary folder that is
deleted at the end, and the server is stopped by its process id.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
import sys
import tempfile
from pathlib import Path

from latchkey.simulator.demo_check import DemoCheck
from latchkey.simulator.model import DescribeScope
from latchkey.simulator.server_process import ServerDied, ServerProcess
from latchkey.simulator.slack import LOOPBACK

SERVER_PORT = 8080
SLACK_PORT = 8090
INSTRUCTIONS = """\
Latchkey is running at {server}/slack/install
A simulated Slack is at {slack}

1. Open the first address, click “Add to Slack”, then “Allow”.
2. Open the second address and write “@latchkey hello”, or “/open-modal” to fill in and submit a form.
Nothing leaves this machine, and nothing is kept. Press Ctrl-C to stop.
"""


def run_demo(*, check: bool, port: int, describe_scope: DescribeScope) -> int:
    """Run the demo until Ctrl-C, or with `check` run every step without a browser. Returns the exit code."""
    with tempfile.TemporaryDirectory(prefix="latchkey-demo-") as folder:
        try:
            if check:
                return 0 if asyncio.run(_check(Path(folder))) else 1
            return asyncio.run(_show(Path(folder), _free(port), describe_scope))
        except ServerDied as died:
            print(f"latchkey: the server exited unexpectedly; the end of its log:\n{died}", file=sys.stderr)
            return 1
        except KeyboardInterrupt:
            return 0


async def _check(folder: Path) -> bool:
    server = ServerProcess(folder, level="debug")
    slack = server.make_slack()
    slack.start()
    try:
        await server.start(slack)
        return await DemoCheck(server, slack).run()
    finally:
        if server.is_running():
            await server.stop()
        await slack.close()


async def _show(folder: Path, port: int, describe_scope: DescribeScope) -> int:
    server = ServerProcess(folder, port=port)
    slack = server.make_slack(_free(SLACK_PORT), describe_scope)
    slack.start()
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    try:
        await server.start(slack)
        print(INSTRUCTIONS.format(server=server.url, slack=slack.url), end="", flush=True)
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
    """Return the port, or 0 (any free port) if it is taken."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return 0
    return port
