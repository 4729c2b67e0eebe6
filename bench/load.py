"""One measurement: a peer under wrk, which replays signed requests as fast as they are answered."""

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
from bench.peer import PEERS, Peer, free_port, started, wait_for

REPLAY = Path(__file__).resolve().parent / "replay.lua"
PREPARED = 60_000
"""Requests in the file: more than any peer answers before wrk ends, so that none is sent twice in a short run."""
SETTLE_SECONDS = 0.5
SERVER_CPU, LOAD_CPU = 0, 1


class Wrk(msgspec.Struct, frozen=True):
    """What replay.lua prints."""

    rate: float
    requests: int
    p50_ms: float
    p99_ms: float
    errors: int


@dataclass(frozen=True)
class Measured:
    """One peer, once."""

    rate: float
    """Requests a second."""
    p50_ms: float
    p99_ms: float
    errors: int
    """Answers that were not 2xx or 3xx, and connections that failed."""
    idle_mb: float
    loaded_mb: float


def measure(peer: Peer, *, kind: str, seconds: int, connections: int, teams: int, seed: int, api_url: str) -> Measured:
    with started(peer, teams=teams, api_url=api_url, cpu=SERVER_CPU) as running, _traffic(kind, teams, seed) as file:
        time.sleep(SETTLE_SECONDS)
        idle = running.memory_mb()
        command = ["taskset", "-c", str(LOAD_CPU), "wrk", "--threads", "1", "--connections", str(connections)]
        command += ["--duration", f"{seconds}s", "--script", str(REPLAY), f"http://127.0.0.1:{running.port}/"]
        done = subprocess.run(
            command, env={**os.environ, "TRAFFIC": str(file)}, capture_output=True, text=True, check=True
        )
        result = msgspec.json.decode(done.stdout.splitlines()[-1], type=Wrk)
        return Measured(result.rate, result.p50_ms, result.p99_ms, result.errors, idle, running.memory_mb())


@contextmanager
def web_api() -> Iterator[str]:
    """Run the stand-in for Slack's Web API and lend its address."""
    port = free_port()
    command = ["taskset", "-c", str(LOAD_CPU), sys.executable, str(PEERS / "web_api.py")]
    process = subprocess.Popen(command, env={**os.environ, "PORT": str(port)})
    try:
        wait_for(port, process)
        yield f"http://127.0.0.1:{port}/api/"
    finally:
        process.terminate()
        process.wait()


@contextmanager
def _traffic(kind: str, teams: int, seed: int) -> Iterator[Path]:
    with tempfile.NamedTemporaryFile(prefix="latchkey-bench-", suffix=".traffic") as file:
        path = Path(file.name)
        traffic.write(path, traffic.requests(kind, PREPARED, teams, seed))
        yield path
