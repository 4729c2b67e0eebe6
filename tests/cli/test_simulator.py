"""`latchkey simulator`, run as a process beside an app."""

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from latchkey.errors import LatchkeyError
from latchkey.simulator import Browser
from latchkey.simulator.standalone import app_at
from tests.simulator.simulation import recording_app
from tests.support.running import write_on_page

MANIFEST = {
    "display_information": {"name": "Rain Bot"},
    "features": {"slash_commands": [{"command": "/rain", "description": "Says when"}]},
    "settings": {"event_subscriptions": {"bot_events": ["app_mention"]}},
}


@pytest.mark.parametrize(
    ("url", "events"),
    [
        ("http://localhost:3000", "http://localhost:3000/slack/events"),
        ("localhost:3000/", "http://localhost:3000/slack/events"),
        ("http://127.0.0.1:3000/hooks", "http://127.0.0.1:3000/hooks"),
    ],
)
def test_takes_the_address_of_the_app_or_of_its_events(url: str, events: str) -> None:
    app = app_at(url, {"oauth_config": {"redirect_urls": ["https://example.com/back"]}})
    assert app.events_url == events
    assert f"{events.rpartition('/')[0].removesuffix('/slack')}/back" in app.redirect_uris


@pytest.mark.parametrize("url", ["https://example.com", "ftp://localhost", "//", "http://localhost.evil.example"])
def test_refuses_an_app_that_is_not_on_this_machine(url: str) -> None:
    with pytest.raises(LatchkeyError):
        app_at(url, {})


@pytest.mark.gen_test
@pytest.mark.parametrize("end", [signal.SIGHUP, signal.SIGINT, signal.SIGTERM])
async def test_runs_beside_an_app_until_the_terminal_ends(tmp_path: Path, end: signal.Signals) -> None:
    (tmp_path / "manifest.json").write_text(json.dumps(MANIFEST))
    async with recording_app() as (url, seen):
        command = [sys.executable, "-m", "latchkey", "simulator", "--app", url, "--port", "0", "--manifest", str(tmp_path / "manifest.json")]  # fmt: skip
        environ = {name: value for name, value in os.environ.items() if not name.startswith("SLACK_")}
        process = await asyncio.create_subprocess_exec(*command, env={**environ, "SLACK_SIGNING_SECRET": "x" * 32}, stdout=subprocess.PIPE)  # fmt: skip
        assert process.stdout is not None
        text = (await process.stdout.readuntil(b"Ctrl-C to stop.\n")).decode()
        slack = re.findall(r"http://localhost:\d+", text)[0]
        assert "SLACK_SIGNING_SECRET" not in text, "it is known already"
        token = re.findall(r"SLACK_BOT_TOKEN=(\S+)", text)[0]
        browser = Browser()
        call = await browser.post(f"{slack}/api/auth.test", "", {"Authorization": f"Bearer {token}"})
        assert json.loads(call.body)["ok"]
        state = json.loads((await browser.get(f"{slack}/page/state")).body)
        assert (state["app"]["name"], state["app"]["is_installed"]) == ("Rain Bot", True)
        assert state["app"]["commands"][0]["command"] == "/rain"
        await write_on_page(browser, slack, "@rainbot hello")
        browser.close()
        process.send_signal(end)
        assert await asyncio.wait_for(process.wait(), 10) == 0
    assert [json.loads(request.body)["event"]["type"] for request in seen] == ["app_mention"]


def test_says_what_is_wrong_with_its_options() -> None:
    for arguments, code in ((["--port", "1"], 2), (["--app", "https://example.com"], 1)):
        done = subprocess.run(
            [sys.executable, "-m", "latchkey", "simulator", *arguments], capture_output=True, text=True, check=False
        )
        assert done.returncode == code, done.stderr
        assert "--app" in done.stderr
