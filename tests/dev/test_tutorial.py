"""docs/tutorial.md, followed literally up to Slack's part: its commands in their order, and its changes of files."""

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from latchkey.simulator import Browser
from tests.dev.test_command import page_state
from tests.support.command_line import ROOT
from tests.support.running import write_on_page
from tests.support.waiting import WAIT_SECONDS

TUTORIAL = (ROOT / "docs" / "tutorial.md").read_text().partition("\n## 5. ")[0]
COMMANDS = re.findall(r"^\$ (?!git archive)(.+)$", TUTORIAL, re.MULTILINE)
CHANGES = re.findall(r"In `(\S+)`,\s+replace `(\S+)` by `(\S+)`", TUTORIAL)
TIMEOUT = 300.0
"""Seconds for a command that downloads packages on a busy machine."""

LAUNCHER = f"""\
#!/bin/sh
case $1 in
test) shift; exec {sys.executable} -m pytest -p no:cacheprovider "$@" ;;
*) exec {sys.executable} -P -m latchkey "$@" ;;
esac
"""


class Reader:
    """Someone who types the tutorial's commands, and sees what they print."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.dev: subprocess.Popen[str] | None = None
        self.printed = ""

    def type(self, command: str) -> int:
        """Run a command; of those that go on running, wait for the addresses. Returns the exit code."""
        if command.startswith("cd "):
            self.folder /= command.removeprefix("cd ")
            return 0
        shell = ["sh", "-c", f"exec {command}"]
        environ = {name: os.environ[name] for name in os.environ if not name.startswith(("LATCHKEY_", "PYTEST_"))}
        if command.startswith("./latchkey dev "):
            self.dev = subprocess.Popen(
                shell, cwd=self.folder, env=environ, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
            )
            self.read_until("Press Ctrl-C")
            return 0
        done = subprocess.run(
            shell,
            cwd=self.folder,
            env=environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=TIMEOUT,
            check=False,
        )
        self.printed = done.stdout
        return done.returncode

    def read_until(self, text: str) -> None:
        assert self.dev is not None
        assert self.dev.stdout is not None
        self.printed = ""
        for line in self.dev.stdout:
            self.printed += line
            if text in line:
                return
        raise AssertionError(self.printed)

    def change(self, file: str, old: str, new: str) -> None:
        path = self.folder / file
        assert path.read_text().count(old) == 1
        path.write_text(path.read_text().replace(old, new))


@contextmanager
def reader(folder: Path) -> Iterator[Reader]:
    it = Reader(folder)
    try:
        yield it
    finally:
        if it.dev is not None:
            it.dev.send_signal(signal.SIGINT)
            it.dev.communicate(timeout=30)


async def submit(browser: Browser, slack: str, name: str) -> dict[str, Any]:
    """Run the command, and submit the form that it opens; returns what the page shows then."""
    if not (await page_state(browser, slack))["views"]:
        await write_on_page(browser, slack, "/greet")
    [view] = (await page_state(browser, slack))["views"]
    [block] = view["view"]["blocks"]
    typed = {block["block_id"]: {block["element"]["action_id"]: {"type": "plain_text_input", "value": name}}}
    body = {"do": "submit", "team": "T0ACME", "user": "U0ALICE", "view": view["id"], "values": typed}
    response = await browser.post(f"{slack}/page/act", json.dumps(body), {"Content-Type": "application/json"})
    assert response.code == 200, response.body
    return await page_state(browser, slack)


async def greeted(browser: Browser, slack: str, message: str) -> None:
    """Submit a name that is accepted, and wait for the app's message to the person."""
    assert f"`{message}`" in TUTORIAL
    assert not (await submit(browser, slack, "Ada"))["views"]
    messages = f"{slack}/page/messages?team=T0ACME&user=U0ALICE&channel=D0ALICE"
    async with asyncio.timeout(WAIT_SECONDS):
        while message not in (await browser.get(messages)).body.decode():
            await asyncio.sleep(0.01)


async def follow(it: Reader, commands: Sequence[str]) -> None:
    for command in commands:
        assert it.type(command) == 0, it.printed
        if " test " in command:
            passed = re.search(r"The last line says `([^`]+)`", TUTORIAL)
            assert passed is not None
            assert passed[1] in it.printed.splitlines()[-1]
    slack = re.findall(r"http://localhost:\d+", it.printed)[-2]
    browser = Browser()
    [form] = (await submit(browser, slack, "A"))["views"]
    [error] = form["errors"].values()
    assert f"The form says: `{error}`" in TUTORIAL
    await greeted(browser, slack, "Hello Ada!")
    [of_module, of_test] = CHANGES
    it.change(*of_module)
    it.read_until("reloaded")
    await greeted(browser, slack, "Welcome, Ada!")
    browser.close()
    [test] = [command for command in commands if " test " in command]
    assert it.type(test) == 1, it.printed
    it.change(*of_test)
    assert it.type(test) == 0, it.printed


@pytest.mark.gen_test(timeout=120)
async def test_commands_and_changes_do_what_it_says(tmp_path: Path) -> None:
    launcher = tmp_path / "latchkey"
    launcher.write_text(LAUNCHER)
    launcher.chmod(0o755)
    with reader(tmp_path) as it:
        await follow(it, [command for command in COMMANDS if command.startswith("./latchkey ")])


@pytest.mark.long
@pytest.mark.gen_test(timeout=600)
async def test_fresh_clone_takes_less_than_five_minutes(tmp_path: Path) -> None:
    """With a person's typing: the commands must take less than half of it."""
    started = time.monotonic()
    with reader(tmp_path) as it:
        await follow(it, [command.replace("ADDRESS", str(ROOT)) for command in COMMANDS])
    seconds = time.monotonic() - started
    print(f"the tutorial's commands took {seconds:.0f} s")
    assert seconds < 150
