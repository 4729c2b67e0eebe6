"""Runs commands as an operator does, and has credentials for their environment."""

import json
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Mapping
from fcntl import ioctl
from pathlib import Path
from typing import Any

TERMINAL_TIMEOUT = 60.0
"""Seconds after which a command that waits on a terminal is killed, which fails its test."""
ROOT = Path(__file__).resolve().parent.parent.parent

CLIENT_ID = "1234567890.0987654321"
CLIENT_SECRET = "5ec2e75ec2e75ec2e75ec2e75ec2e7c1"
SIGNING_SECRET = "5ec2e75ec2e75ec2e75ec2e75ec2e75e"
SECRET_MARK = "5ec2e7"
"""A part of both secrets, which have the form of Slack's."""
CREDENTIALS: Mapping[str, str] = {
    "SLACK_CLIENT_ID": CLIENT_ID,
    "SLACK_CLIENT_SECRET": CLIENT_SECRET,
    "SLACK_SIGNING_SECRET": SIGNING_SECRET,
}
NO_FIXED_PORTS = {"LATCHKEY_SERVER_LISTEN": "127.0.0.1:0", "LATCHKEY_METRICS_LISTEN": ""}
"""Settings of a server that does not conflict with another one on this machine."""

TIMEOUT_SECONDS = 120.0
"""For a busy machine; a command that hangs fails its test."""
IMPATIENT = """
import sys
from latchkey.cli import main
from latchkey.storage.rotation import key_admin, rotate
key_admin.ADOPT_TIMEOUT, rotate.SETTLE_SECONDS = {adopt_seconds}, 0.1
sys.exit(main())
"""


def impatient(adopt_seconds: float = 0.2) -> str:
    """Return a program like `latchkey` whose `keys` waits at most these seconds until other processes use a new key."""
    return IMPATIENT.format(adopt_seconds=adopt_seconds)


def command_line(*arguments: str, program: str | None = None) -> list[str]:
    """Return the command line of a command; `program` is Python source to run in place of `latchkey`."""
    return [sys.executable, *(("-m", "latchkey") if program is None else ("-c", program)), *arguments]


def run(
    folder: Path, *arguments: str, typed: str = "", program: str | None = None, **environ: str
) -> subprocess.CompletedProcess[str]:
    """Run a command in this folder with only this environment; `typed` is its standard input."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    return subprocess.run(
        command_line(*arguments, program=program),
        cwd=folder,
        env={**kept, **environ},
        input=typed,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_SECONDS,
        check=False,
    )


def run_json(folder: Path, *arguments: str) -> Any:
    """Run a command with --json and return the document that it prints."""
    done = run(folder, *arguments, "--json")
    assert (done.returncode, done.stderr) == (0, "")
    return json.loads(done.stdout)


def on_a_terminal(
    folder: Path, *arguments: str, typed: str = "", columns: int = 80, interrupt_at: str = "", **environ: str
) -> tuple[int, str]:
    """Run a command on a terminal of this width, on which this is typed; returns its exit code and what it shows.

    `interrupt_at`: send SIGINT, as Ctrl-C does, once the command has printed this.
    """
    ours, theirs = pty.openpty()
    ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 25, columns, 0, 0))
    process = subprocess.Popen(
        [sys.executable, "-m", "latchkey", *arguments],
        cwd=folder,
        env={"PATH": os.environ["PATH"], "TERM": "xterm", "NO_COLOR": "1", **environ},
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    os.write(ours, typed.encode())
    shown, deadline = b"", time.monotonic() + TERMINAL_TIMEOUT
    while True:
        if not select.select([ours], [], [], 0.2)[0]:
            # Once it is silent: `input()` would lose a signal that arrives just before it waits.
            if interrupt_at and interrupt_at.encode() in shown:
                process.send_signal(signal.SIGINT)
                interrupt_at = ""
            if time.monotonic() > deadline:
                process.kill()
            continue
        try:
            shown += os.read(ours, 4096)
        except OSError:  # the other side is closed
            break
    os.close(ours)
    return process.wait(10), shown.decode().replace("\r\n", "\n")
