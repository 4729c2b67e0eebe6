"""The running server, and what systemd says of its service."""

from __future__ import annotations

import asyncio
import re
import shutil
import subprocess
from collections.abc import Iterator

import aiohttp

from latchkey.config import Settings
from latchkey.doctor.context import Patient
from latchkey.doctor.findings import Finding, finding

UNIT = "latchkey.service"
TIMEOUT_SECONDS = 5
EXPOSURE = 1.5
"""What `systemd-analyze security` may say of the unit; as shipped it says 1.1 or less."""

_OVERALL = re.compile(r"Overall exposure level for .*: ([0-9.]+)")


def examine(patient: Patient) -> Iterator[Finding]:
    """Ask the server, and systemd where it knows the service."""
    yield from asyncio.run(_server(patient))
    yield from _unit()


async def _server(patient: Patient) -> list[Finding]:
    url, connector = _door(patient.settings)
    timeout = aiohttp.ClientTimeout(total=TIMEOUT_SECONDS)
    where = patient.settings.server.listen
    async with aiohttp.ClientSession(timeout=timeout, connector=connector) as session:
        try:
            async with session.get(f"{url}/healthz") as answer:
                if answer.status != 200:
                    return [finding("server-down", f"/healthz at {where} answers {answer.status}")]
            async with session.get(f"{url}/readyz") as answer:
                said = (await answer.text()).strip()[:40]
                if answer.status != 200 or said != "ready":
                    return [finding("server-not-ready", f"/readyz at {where} answers {answer.status}: {said}")]
        except (aiohttp.ClientError, TimeoutError) as error:
            return [finding("server-down", f"{where}: {type(error).__name__}")]
    return []


def _door(settings: Settings) -> tuple[str, aiohttp.BaseConnector | None]:
    """Return by which address and which connector the server is reached on this machine."""
    if settings.socket_path is not None:
        return "http://localhost", aiohttp.UnixConnector(str(settings.socket_path))
    host, port = settings.address
    local = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104  # compared, not bound
    return f"http://{f'[{local}]' if ':' in local else local}:{port}", None


def _unit() -> Iterator[Finding]:
    if shutil.which("systemctl") is None:
        return
    shown = dict(
        line.partition("=")[::2]
        for line in _said("systemctl", "show", UNIT, "-p", "LoadState,ActiveState,Result,NRestarts").splitlines()
    )
    if shown.get("LoadState") != "loaded":
        return
    if shown.get("ActiveState") == "failed" or int(shown.get("NRestarts") or 0) > 3:
        yield finding(
            "unit-failed",
            f"{UNIT} is {shown.get('ActiveState')} ({shown.get('Result')}), restarted {shown.get('NRestarts')} times",
        )
    overall = _OVERALL.search(_said("systemd-analyze", "security", UNIT))
    if overall and float(overall[1]) > EXPOSURE:
        yield finding("sandbox-weak", f"systemd-analyze security says {overall[1]} for {UNIT}")


def _said(*command: str) -> str:
    """Return what a command prints; nothing where it cannot be run."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_SECONDS, check=False)  # noqa: S603  # fixed words
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout
