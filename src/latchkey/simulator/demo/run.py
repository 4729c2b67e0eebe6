"""`latchkey demo`: the server and a simulated Slack on this machine, without a Slack account.

Invariant: nothing is left behind. Store, keys, log and configuration are in a temporary folder. However the demo
ends, `keeper.py` stops the server and deletes the folder.
"""

from __future__ import annotations

import asyncio
import contextlib
import getpass
import os
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import BinaryIO, TypeVar

from latchkey.errors import EXIT_FAILED, LatchkeyError
from latchkey.simulator.demo import keeper
from latchkey.simulator.demo.check import DemoCheck
from latchkey.simulator.demo.log_lines import follow
from latchkey.simulator.model import DescribeScope
from latchkey.simulator.process import ServerDied, ServerProcess
from latchkey.simulator.slack import LOOPBACK, Slack

T = TypeVar("T")

SERVER_PORT = 8080
SLACK_PORT = 8090
PORTS_TO_TRY = 10
INSTRUCTIONS = """\
Latchkey is running at {server}/slack/install
A simulated Slack is at {slack}

1. Open the first address, click “Add to Slack”, then “Allow”.
2. Open the second address and write “@latchkey hello”, or “/open-modal” to fill in and submit a form.
Nothing leaves this machine, and nothing is kept. Press Ctrl-C to stop.
"""
OWN_INSTRUCTIONS = """\
Your app is running at {server}/slack/install
A simulated Slack is at {slack}

1. Open the first address, click “Add to Slack”, then “Allow”.
2. Open the second address and use your app. Its log follows here.
The store and the secrets of your configuration are not used, and nothing is kept. Press Ctrl-C to stop.
"""
SSH_INSTRUCTIONS = """\

You are connected by SSH. To open these addresses in your own browser, run this on your own machine:
  ssh -L {server}:localhost:{server} -L {slack}:localhost:{slack} {user}@{host}
"""


@dataclass(frozen=True)
class OwnApp:
    """The app that the demo runs instead of the shipped one."""

    config: Path
    token_rotation: bool
    bot_optional: Sequence[str]
    user_optional: Sequence[str]


def run_demo(*, check: bool, port: int | None, describe_scope: DescribeScope, app: OwnApp | None = None) -> int:
    """Run the demo until Ctrl-C, or with `check` run every step without a browser. Returns the exit code.

    `port` is the server's; None means 8080 or the next free one. Raises LatchkeyError if it cannot be used.
    `app` None is the shipped one.
    """
    try:
        with kept_folder() as (folder, keep):
            demo = _check(folder, keep) if check else _show(folder, keep, port, describe_scope, app)
            return asyncio.run(until_signal(demo))
    except ServerDied as died:
        print(f"latchkey: the server exited unexpectedly; the end of its log:\n{died}", file=sys.stderr)
        return EXIT_FAILED
    except (KeyboardInterrupt, asyncio.CancelledError):
        return EXIT_FAILED if check else 0


class DemoServer(ServerProcess):
    """A server that Ctrl-C and the end of the terminal do not reach; the demo or its keeper stops it."""

    def __init__(
        self,
        folder: Path,
        keep: Callable[[int], None],
        *,
        port: int = 0,
        level: str = "info",
        config: Path | None = None,
    ) -> None:
        """`keep` is called with the server's process id."""
        super().__init__(folder, port=port, level=level, config=config)
        self._keep = keep

    def spawn(self, command: list[str], environment: dict[str, str], log: BinaryIO) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd=self.cwd,
            start_new_session=True,
        )
        self._keep(process.pid)
        return process


@contextmanager
def kept_folder() -> Iterator[tuple[Path, Callable[[int], None]]]:
    """Yield a new folder, and a function that takes a process id: both end with the block, or with this process."""
    try:
        folder = Path(tempfile.gettempdir()) / f"latchkey-demo-{secrets.token_hex(8)}"
    except OSError as error:
        raise LatchkeyError(f"no folder for temporary files: {error.strerror}", hint="set TMPDIR to one") from None
    # Only the standard library, and nothing from the environment: it starts quickly and depends on nothing.
    command = [sys.executable, "-I", "-S", str(keeper.__file__), str(folder)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, cwd="/", start_new_session=True) as process:
        pipe = process.stdin
        assert pipe is not None

        def keep(pid: int) -> None:
            os.write(pipe.fileno(), f"{pid}\n".encode())

        folder.mkdir(mode=0o700)
        yield folder, keep


async def until_signal(demo: Coroutine[None, None, int]) -> int:
    """Run the demo, and cancel it at SIGINT, SIGTERM or SIGHUP (the terminal was closed)."""
    task = asyncio.create_task(demo)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    return await task


async def _check(folder: Path, keep: Callable[[int], None]) -> int:
    server = DemoServer(folder, keep, level="debug")
    slack = server.make_slack()
    slack.start()
    try:
        await server.start(slack)
        return 0 if await DemoCheck(server, slack).run() else EXIT_FAILED
    finally:
        if server.is_running():
            await server.stop()
        await slack.close()


async def _show(
    folder: Path, keep: Callable[[int], None], port: int | None, describe_scope: DescribeScope, app: OwnApp | None
) -> int:
    port = free_port(SERVER_PORT) if port is None else usable_port(port)
    server = DemoServer(folder, keep, port=port, config=None if app is None else app.config)
    rotates = app is not None and app.token_rotation
    slack = on_free_port(
        SLACK_PORT, lambda free: server.make_slack(free, describe_scope, token_rotation=rotates, for_people=True)
    )
    if app is not None:
        slack.make_optional(bot=app.bot_optional, user=app.user_optional)
    slack.start()
    tasks: list[asyncio.Task[None]] = []

    try:
        await server.start(slack)
        instructions = INSTRUCTIONS if app is None else OWN_INSTRUCTIONS
        print(instructions.format(server=server.url, slack=slack.url), end="")
        print(ssh_instructions(os.environ, server.port, slack.port), end="", flush=True)
        tasks += [asyncio.create_task(follow(server.log, slack.world)), asyncio.create_task(_describe(server, slack))]
        while server.is_running():
            await asyncio.sleep(0.5)
        raise ServerDied(server.last_lines())
    finally:
        for task in tasks:
            task.cancel()
        if server.is_running():
            await server.stop()
        await slack.close()


async def _describe(server: ServerProcess, slack: Slack) -> None:
    """Give the page the app's name, commands and events. Without them it works as well."""
    manifest = await server.manifest(slack)
    if manifest is not None:
        slack.describe(manifest)


def ssh_instructions(environ: Mapping[str, str], server: int, slack: int) -> str:
    """Return how to reach these ports from the machine that this SSH session comes from; empty without SSH."""
    # Client address and port, server address and port; see "Environment" in ssh(1).
    fields = environ.get("SSH_CONNECTION", "").split()
    if len(fields) != 4:
        return ""
    try:
        host = fields[2] if ip_address(fields[2]).is_global else "HOST"
    except ValueError:
        host = "HOST"
    return SSH_INSTRUCTIONS.format(server=server, slack=slack, user=getpass.getuser(), host=host)


def usable_port(port: int) -> int:
    """Return the port; raises LatchkeyError if it cannot be used."""
    if problem := _problem_with(port):
        raise LatchkeyError(
            f"cannot listen on {LOOPBACK}:{port}: {problem}",
            hint="choose another --port, or leave it out to take a free one",
        )
    return port


def on_free_port(first: int, open_on: Callable[[int], T]) -> T:
    """Return what `open_on` returns for the first port, from this one on, that is free; finally for 0 (any)."""
    for port in range(first, first + PORTS_TO_TRY):
        if not _problem_with(port):
            with contextlib.suppress(OSError):  # another process may have taken it meanwhile
                return open_on(port)
    return open_on(0)


def free_port(first: int) -> int:
    """Return the first free port from this one on, or 0 (any free port)."""
    return next((port for port in range(first, first + PORTS_TO_TRY) if not _problem_with(port)), 0)


def _problem_with(port: int) -> str:
    """Return why nothing can listen on this port, or an empty text."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError as error:
            return error.strerror or "it cannot be used"
    return ""
