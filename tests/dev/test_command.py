"""`latchkey dev`, run as a process: what it prints, its port, and that nothing outlives it."""

import asyncio
import json
import os
import re
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from latchkey.simulator import Browser
from tests.cli.test_demo import TIMEOUT, Demo, taken_port
from tests.dev.workbench import LISTENERS, NATIVE
from tests.support.programs import process_with
from tests.support.running import write_on_page
from tests.support.waiting import until_blocking

__all__ = ["taken_port"]  # a fixture


class Dev(Demo):
    COMMAND = "dev"

    def __init__(self, tmp_path: Path, *arguments: str, **environ: str) -> None:
        self.app = tmp_path / "app"
        temporary = tmp_path / "temporary"
        for folder in (self.app, temporary):
            folder.mkdir(exist_ok=True)
        (self.app / "config.toml").write_text(NATIVE + '[storage]\npath = "own.sqlite"\n')
        (self.app / "ours.py").write_text(LISTENERS)
        super().__init__(temporary, "--config", str(self.app / "config.toml"), *arguments, **environ)

    def server(self) -> int | None:
        """Return the id of a process that forks, or has been forked, for this configuration."""
        return process_with(str(self.app), "latchkey.dev.forking")


@pytest.fixture
def started(tmp_path: Path) -> Iterator[list[Dev]]:
    started: list[Dev] = []
    yield started
    for each in started:
        each.process.kill()
        each.process.communicate()


async def page_state(browser: Browser, slack: str) -> dict[str, Any]:
    """Return what the page of the simulated Slack shows besides messages."""
    found = await browser.get(f"{slack}/page/state?team=T0ACME&user=U0ALICE")
    return dict(json.loads(found.body))


@pytest.mark.gen_test
async def test_shows_addresses_log_tracebacks_reloads_and_drift_in_terminal_and_page(
    tmp_path: Path, started: list[Dev]
) -> None:
    started.append(
        dev := Dev(tmp_path, SSH_CONNECTION="198.51.100.7 50000 10.0.0.5 22", SLACK_CLIENT_SECRET_FILE="/none")
    )
    printed = await asyncio.to_thread(dev.read_until, "  ssh -L ")
    slack, server = re.findall(r"http://localhost:\d+", printed)
    assert f"Your app is installed in the simulated Slack at {slack}\n" in printed
    assert f"{server}/slack/install\n" in printed
    (dev.app / "ours.py").write_text(LISTENERS.replace('await ack("first")', "raise ValueError('on purpose')"))
    assert "✔ reloaded in " in await asyncio.to_thread(dev.read_until, "ours.py")
    browser = Browser()
    await write_on_page(browser, slack, "/version")
    log = await asyncio.to_thread(dev.read_until, "ValueError: on purpose")
    assert "Traceback (most recent call last)" in log

    (dev.app / "ours.py").write_text(LISTENERS.replace("/version", "/release"))
    await asyncio.to_thread(dev.read_until, "  - command /version")
    state = await page_state(browser, slack)
    assert state["notice"]["level"] == "info"
    assert state["notice"]["text"].endswith("  + command /release\n  - command /version")
    assert any("ValueError: on purpose" in line for line in state["log"])

    (dev.app / "ours.py").write_text("import nowhere\n")
    assert await asyncio.to_thread(dev.read_until, "✘ not reloaded")
    notice = (await page_state(browser, slack))["notice"]
    assert (notice["level"], "it needs nowhere, which is not installed" in notice["text"]) == ("error", True)
    browser.close()
    assert sorted(path.name for path in dev.app.iterdir() if path.name != "__pycache__") == ["config.toml", "ours.py"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGKILL])
def test_nothing_is_left_behind_whatever_ends_it(tmp_path: Path, started: list[Dev], number: signal.Signals) -> None:
    started.append(dev := Dev(tmp_path))
    dev.wait_until_it_runs()
    assert dev.server() is not None
    (dev.app / "ours.py").write_text("while True: pass\n")  # a version that does not react to anything
    to = os.kill if number is signal.SIGKILL else os.killpg
    to(dev.process.pid, number)
    assert dev.process.wait(TIMEOUT) == (-signal.SIGKILL if number is signal.SIGKILL else 0)
    until_blocking(dev.is_gone)


def test_port_that_was_asked_for_is_used_or_refused(tmp_path: Path, started: list[Dev], taken_port: int) -> None:
    started.append(dev := Dev(tmp_path, "--port", str(taken_port)))
    printed, _ = dev.process.communicate(timeout=TIMEOUT)
    assert dev.process.returncode == 1
    assert printed.startswith(f"latchkey: cannot listen on 127.0.0.1:{taken_port}: Address already in use\nhint: ")


def test_configuration_that_does_not_exist_is_refused(tmp_path: Path, started: list[Dev]) -> None:
    started.append(dev := Dev(tmp_path, "--config", str(tmp_path / "missing.toml")))
    printed, _ = dev.process.communicate(timeout=TIMEOUT)
    assert dev.process.returncode == 78
    assert "missing.toml" in printed
