"""One measurement: wrk replays signed requests to a server, as fast as it responds."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import msgspec

from bench import traffic
from bench.peer import PEERS, Peer, RunningPeer, free_port, started, wait_for

REPLAY = Path(__file__).resolve().parent / "replay.lua"
PREPARED = 60_000
"""Requests in the file: more than any server handles in a short run, so that none is sent twice."""
SETTLE_SECONDS = 0.5
SERVER_CPU, LOAD_CPU = 0, 1


class Wrk(msgspec.Struct, frozen=True):
    """The output of replay.lua."""

    rate: float
    requests: int
    p50_ms: float
    p99_ms: float
    errors: int


@dataclass(frozen=True)
class Measured:
    """The results of one measurement."""

    rate: float
    """Requests per second."""
    p50_ms: float
    p99_ms: float
    errors: int
    """Responses other than 2xx and 3xx, and failed connections."""
    idle_mb: float
    loaded_mb: float


@dataclass(frozen=True)
class Load:
    """The kind and rate of the requests."""

    kind: str = "event"
    seconds: int = 5
    connections: int = 32
    teams: int = 1000
    rate: float | None = None
    """Approximate requests per second; None: the maximum."""


def measure(peer: Peer, load: Load, *, seed: int, api_url: str) -> Measured:
    """Start a peer, put it under the load once, and stop it."""
    with started(peer, teams=load.teams, api_url=api_url, cpu=SERVER_CPU) as running:
        time.sleep(SETTLE_SECONDS)
        idle = running.memory_mb()
        result = replay(running, load, seed=seed)
        return Measured(result.rate, result.p50_ms, result.p99_ms, result.errors, idle, running.memory_mb())


def replay(running: RunningPeer, load: Load, *, seed: int) -> Wrk:
    """Put a running peer under the load; each seed gives other requests."""
    with prepared(load, seed=seed) as requests:
        return replay_prepared(running, load, requests)


@contextmanager
def prepared(load: Load, *, seed: int) -> Iterator[Path]:
    """Yield a file of requests. Writing it takes a second or two of CPU, so nothing is measured meanwhile."""
    with tempfile.NamedTemporaryFile(prefix="latchkey-bench-", suffix=".traffic") as file:
        traffic.write(Path(file.name), traffic.requests(load.kind, PREPARED, load.teams, seed))
        yield Path(file.name)


def replay_prepared(running: RunningPeer, load: Load, requests: Path) -> Wrk:
    """Send the requests of a file to a running peer."""
    command = ["taskset", "-c", str(LOAD_CPU), "wrk", "--threads", "1", "--connections", str(load.connections)]
    command += ["--duration", f"{load.seconds}s", "--script", str(REPLAY), f"http://127.0.0.1:{running.port}/"]
    environment = {**os.environ, "TRAFFIC": str(requests)}
    if load.rate:
        environment["PAUSE_MS"] = str(1000 * load.connections / load.rate)
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    return msgspec.json.decode(done.stdout.splitlines()[-1], type=Wrk)


@contextmanager
def web_api() -> Iterator[str]:
    """Run a fake of Slack's Web API; yields its URL."""
    port = free_port()
    command = ["taskset", "-c", str(LOAD_CPU), sys.executable, str(PEERS / "web_api.py")]
    process = subprocess.Popen(command, env={**os.environ, "PORT": str(port)})
    try:
        wait_for(port, process)
        yield f"http://127.0.0.1:{port}/api/"
    finally:
        process.terminate()
        process.wait()
