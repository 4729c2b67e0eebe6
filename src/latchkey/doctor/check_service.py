"""Checks the running server, and its systemd unit if there is one."""

from __future__ import annotations

import asyncio
import re
import shutil
import subprocess
from collections.abc import Iterator

import aiohttp

from latchkey.config import Settings
from latchkey.doctor.doctor_context import DoctorContext
from latchkey.doctor.reasons import failure_of
from latchkey.preflight import Finding, Problem

UNIT = "latchkey.service"
TIMEOUT_SECONDS = 5
MAX_EXPOSURE = 1.5
"""The highest acceptable score of `systemd-analyze security`; the shipped unit has 1.1 or less."""

SERVER_DOWN = Problem.error(
    "server-down",
    cause="No server responds at [server] listen.",
    fix="Start it, or see the end of its log.",
)
SERVER_NOT_READY = Problem.error(
    "server-not-ready",
    cause="The server is running, but its store does not respond or keys are missing.",
    fix="See the other findings and the server's log.",
)
UNIT_FAILED = Problem.error(
    "unit-failed",
    cause="systemd could not keep the service running.",
    fix="Run journalctl -u latchkey -n 100",
)
SANDBOX_WEAK = Problem.warning(
    "sandbox-weak",
    cause="The service is less confined than the shipped unit: a drop-in or an old unit loosens it.",
    fix="Check systemctl cat latchkey, and install the shipped unit again.",
)
PROBLEMS = (SERVER_DOWN, SERVER_NOT_READY, UNIT_FAILED, SANDBOX_WEAK)

_OVERALL = re.compile(r"Overall exposure level for .*: ([0-9.]+)")


def check_service(context: DoctorContext) -> Iterator[Finding]:
    """Check the server's health, then the state and the sandbox of its unit."""
    yield from asyncio.run(_server(context))
    yield from _unit()


async def _server(context: DoctorContext) -> list[Finding]:
    url, connector = _local_url(context.settings)
    timeout = aiohttp.ClientTimeout(total=TIMEOUT_SECONDS)
    listen = context.settings.server.listen
    async with aiohttp.ClientSession(timeout=timeout, connector=connector) as session:
        try:
            async with session.get(f"{url}/healthz") as response:
                if response.status != 200:
                    return [SERVER_DOWN.found(f"/healthz at {listen} responds with {response.status}")]
            async with session.get(f"{url}/readyz") as response:
                body = (await response.text()).strip()[:40]
                if response.status != 200 or body != "ready":
                    return [SERVER_NOT_READY.found(f"/readyz at {listen} responds with {response.status}: {body}")]
        except (aiohttp.ClientError, TimeoutError) as error:
            return [SERVER_DOWN.found(failure_of(listen, error))]
    return []


def _local_url(settings: Settings) -> tuple[str, aiohttp.BaseConnector | None]:
    """Return the server's URL on this machine, and the connector for its unix socket or None."""
    if settings.socket_path is not None:
        return "http://localhost", aiohttp.UnixConnector(str(settings.socket_path))
    host, port = settings.local_address
    return f"http://{f'[{host}]' if ':' in host else host}:{port}", None


def _unit() -> Iterator[Finding]:
    if shutil.which("systemctl") is None:
        return
    shown = dict(
        line.partition("=")[::2]
        for line in _output("systemctl", "show", UNIT, "-p", "LoadState,ActiveState,Result,NRestarts").splitlines()
    )
    if shown.get("LoadState") != "loaded":
        return
    if shown.get("ActiveState") == "failed" or int(shown.get("NRestarts") or 0) > 3:
        yield UNIT_FAILED.found(
            f"{UNIT} is {shown.get('ActiveState')} ({shown.get('Result')}), restarted {shown.get('NRestarts')} times",
        )
    overall = _OVERALL.search(_output("systemd-analyze", "security", UNIT))
    if overall and float(overall[1]) > MAX_EXPOSURE:
        yield SANDBOX_WEAK.found(
            f"systemd-analyze security gives {UNIT} {overall[1]}; at most {MAX_EXPOSURE} is expected"
        )


def _output(*command: str) -> str:
    """Return what a command prints, or "" if it cannot be run."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_SECONDS, check=False)  # noqa: S603  # fixed arguments
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout
