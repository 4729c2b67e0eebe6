"""The servers that are compared: how to start, measure and stop each."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from bench.traffic import SIGNING_SECRET

HERE = Path(__file__).resolve().parent
PEERS = HERE / "peers"
BOLT_JS = PEERS / "bolt_js"
START_SECONDS = 300
FLOOR = "bare Tornado"
OURS = "Latchkey"
MOUNTED = {
    "Latchkey, AsyncApp mounted": ("Bolt AsyncApp, aiohttp", "Bolt AsyncApp, Tornado"),
    "Latchkey, App mounted": ("Bolt App, Tornado",),
}
"""Bolt apps that are mounted here, and the same apps on their own adapters."""


@dataclass(frozen=True)
class Peer:
    """A server and its command; FOLDER and PORT in it are replaced."""

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)
    missing: str = ""
    """What must be installed before it can run; empty if nothing."""


_METRICS = re.compile(r"metrics at (http://\S+)")
_METRIC = re.compile(r"^(\w+) (\S+)$", re.MULTILINE)


def ours(name: str = OURS, **environment: str) -> Peer:
    """Return this server as shipped, with these environment variables for `bench.ours` or its settings."""
    return Peer(name, (sys.executable, "-m", "bench.ours", "FOLDER"), environment)


def all_peers() -> list[Peer]:
    """Return all servers; the floor is first, then ours."""
    node = shutil.which("node")
    no_js = (
        ""
        if node and (BOLT_JS / "node_modules").is_dir()
        else f"needs Node.js, and once: npm ci --prefix {BOLT_JS.relative_to(HERE.parent)}"
    )
    gunicorn = (sys.executable, "-m", "gunicorn", "--workers", "1", "--log-level", "error")
    return [
        Peer(FLOOR, (sys.executable, str(PEERS / "tornado_bare.py"))),
        ours(),
        ours("Latchkey, events in memory", LATCHKEY_EVENTS_DURABLE="false"),
        ours("Latchkey, AsyncApp mounted", BOLT="AsyncApp"),
        ours("Latchkey, App mounted", BOLT="App"),
        Peer("Bolt for JavaScript", (node or "node", str(BOLT_JS / "server.js")), missing=no_js),
        Peer("Bolt AsyncApp, aiohttp", (sys.executable, str(PEERS / "bolt_async.py"), "aiohttp")),
        Peer("Bolt AsyncApp, Tornado", (sys.executable, str(PEERS / "bolt_async.py"), "tornado")),
        Peer("Bolt App, Tornado", (sys.executable, str(PEERS / "bolt_threads.py"))),
        Peer("Flask by hand, gunicorn", (*gunicorn, "--bind", "127.0.0.1:PORT", "flask_guide:app")),
    ]


@dataclass(frozen=True)
class RunningPeer:
    port: int
    pid: int
    folder: Path
    """The folder that it runs in and writes to."""

    def events(self) -> tuple[int, int]:
        """Return how many events this server has acknowledged, and how many of them it has finished."""
        url = _METRICS.findall((self.folder / "server.log").read_text())[-1]
        with urllib.request.urlopen(url) as response:
            metrics = dict(_METRIC.findall(response.read().decode()))
        acknowledged, finished = (
            float(metrics[f"latchkey_events_{name}_total"]) for name in ("acknowledged", "finished")
        )
        return int(acknowledged), int(finished)

    def memory_mb(self) -> float:
        """Resident memory of the server and its children, in MB of 1,000,000 bytes."""
        return sum(_resident_bytes(pid) for pid in (self.pid, *_children(self.pid))) / 1e6


@contextmanager
def started(peer: Peer, *, teams: int, api_url: str, cpu: int) -> Iterator[RunningPeer]:
    """Start a peer on its own CPU, in a temporary folder, and stop it by its process id."""
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="latchkey-bench-") as folder:
        command = [part.replace("FOLDER", folder).replace("PORT", str(port)) for part in peer.command]
        environment = {
            **os.environ,
            "PORT": str(port),
            "TEAMS": str(teams),
            "FOLDER": folder,
            "API_URL": api_url,
            "SIGNING_SECRET": SIGNING_SECRET,
            "PYTHONPATH": f"{HERE.parent}{os.pathsep}{PEERS}",
            **peer.environment,
        }
        process = subprocess.Popen(
            command,
            env=environment,
            cwd=folder,
            start_new_session=True,
            stdout=subprocess.DEVNULL,
            preexec_fn=lambda: os.sched_setaffinity(0, {cpu}),  # noqa: PLW1509  # no thread of ours runs yet
        )
        try:
            wait_for(port, process)
            yield RunningPeer(port, process.pid, Path(folder))
        finally:
            _end(process)


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


def wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    """Wait until the port accepts connections; raises RuntimeError if the process ends or takes too long."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise RuntimeError(f"{process.args!r} does not listen")


def _end(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(15)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _children(pid: int) -> list[int]:
    try:
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


def _resident_bytes(pid: int) -> int:
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except OSError:
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE")


def peak_bytes(pid: int) -> int:
    """Return the peak resident memory of a process in bytes; 0 if it has ended."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmHWM")), 0)
