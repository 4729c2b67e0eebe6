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
from latchkey.doctor.findings import Finding, finding

UNIT = "latchkey.service"
TIMEOUT_SECONDS = 5
MAX_EXPOSURE = 1.5
"""The highest acceptable score of `systemd-analyze security`; the shipped unit has 1.1 or less."""

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
                    return [finding("server-down", f"/healthz at {listen} responds with {response.status}")]
            async with session.get(f"{url}/readyz") as response:
                body = (await response.text()).strip()[:40]
                if response.status != 200 or body != "ready":
                    return [finding("server-not-ready", f"/readyz at {listen} responds with {response.status}: {body}")]
        except (aiohttp.ClientError, TimeoutError) as error:
            return [finding("server-down", f"{listen}: {type(error).__name__}")]
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
        yield finding(
            "unit-failed",
            f"{UNIT} is {shown.get('ActiveState')} ({shown.get('Result')}), restarted {shown.get('NRestarts')} times",
        )
    overall = _OVERALL.search(_output("systemd-analyze", "security", UNIT))
    if overall and float(overall[1]) > MAX_EXPOSURE:
        yield finding(
            "sandbox-weak", f"systemd-analyze security gives {UNIT} {overall[1]}; at most {MAX_EXPOSURE} is expected"
        )


def _output(*command: str) -> str:
    """Return what a command prints, or "" if it cannot be run."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_SECONDS, check=False)  # noqa: S603  # fixed arguments
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout
