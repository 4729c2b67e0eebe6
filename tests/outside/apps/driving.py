"""Runs an app that somebody else wrote on the real server, and drives it with signed requests."""

import asyncio
import html
import os
import re
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import BinaryIO
from urllib.parse import parse_qs, urlsplit

from latchkey.simulator import AppResponse, ServerDied, ServerProcess, Slack, Token
from latchkey.simulator.model import ApiCall
from tests.outside.apps.steps import Step
from tests.support.running import Running, running
from tests.support.waiting import until

FAKES = Path(__file__).resolve().parent / "fakes"
CALL_SECONDS = 10.0
SCOPES = "chat:write,commands,app_mentions:read"
APOLOGIES = ("went wrong", "Received an error")
"""What the samples post if they have caught an exception."""
FAILED = (" raised ", "Failed to run ", "failed for the last time")
"""What the log says if a listener has raised an exception."""


class OutsideServer(ServerProcess):
    """A server whose app finds a token that Slack accepts in its environment, and Slack when it is imported."""

    def spawn(self, command: list[str], environment: dict[str, str], log: BinaryIO) -> subprocess.Popen[bytes]:
        return super().spawn(command, {**environment, **self.of_slack}, log)

    async def start(self, slack: Slack) -> None:
        acme = slack.workspace()
        bot = Token(acme, slack.world.bot_user_id(acme), is_bot=True, org_wide=False, scopes=SCOPES)
        token = slack.world.issue_token("xoxb", bot)
        self.of_slack = {
            "SLACK_BOT_TOKEN": token,
            "MY_TOKEN": token,  # the name in Bolt's example of an `authorize` function
            "SLACK_APP_TOKEN": "xapp-sentinel",
            "FAKE_SLACK_API": slack.api_url,
        }
        await super().start(slack)


async def drive(
    steps: Sequence[Step],
    folder: Path,
    *,
    settings: Mapping[str, str],
    environment: Mapping[str, str],
    prepare: str = "",
) -> str:
    """Return an empty text if all steps pass, otherwise what went wrong.

    `settings` are the environment's variables that name the app; the server writes only into `folder`. `prepare` is
    Python that the app's author runs once.
    """
    variables = {
        "LATCHKEY_LISTENERS_MODULES": "",
        "LATCHKEY_SLACK_SCOPES": SCOPES,
        "LATCHKEY_EVENTS_MAX_ATTEMPTS": "1",
        **environment,
        **settings,
    }
    try:
        async with running(folder, OutsideServer, environment=variables) as it:
            await _install(it)
            if prepare:
                variables = {**os.environ, **environment, **it.server.of_slack}
                command = [sys.executable, "-c", prepare]
                await asyncio.to_thread(subprocess.run, command, check=True, cwd=folder, env=variables)
            return await _run(steps, it)
    except ServerDied as died:
        return next((line for line in str(died).splitlines() if "error:" in line), str(died))[-300:]


async def _install(it: Running) -> None:
    """Install the app, whose own OAuth settings may name other paths and leave out the page."""
    found = re.findall(r"install the app at (\S+)", it.server.log.read_text())
    page = await it.browser.get(found[-1])
    link = re.search(r'href="([^"]*authorize[^"]*)"', page.body.decode())
    url = html.unescape(link[1]) if link else page.headers["Location"]
    [redirect_uri] = parse_qs(urlsplit(url).query)["redirect_uri"]
    it.slack.configure(redirect_uris=[redirect_uri], events_url=it.slack.world.app.events_url)
    response = await it.browser.open(it.slack.approve(url))
    assert response.code < 400, response.body


async def _run(steps: Sequence[Step], it: Running) -> str:
    for number, step in enumerate(steps, 1):
        before = len(it.slack.world.calls)
        try:
            response = await step.send(it.slack)
        except (IndexError, KeyError):
            return f"step {number}: there is no form, message or function run that it needs"
        if isinstance(response, AppResponse) and response.status != 200:
            return f"step {number}: the response's status is {response.status}"
        if problem := await _problem(step, it.slack, before):
            return f"step {number}: {problem}"
        await until(lambda: it.rows("inbox") == it.rows("retries") == 0)
    raised = (line for line in it.server.log.read_text().splitlines() if any(text in line for text in FAILED))
    return next(raised, "")[:300]


async def _problem(step: Step, slack: Slack, before: int) -> str:
    """Return what is wrong with the calls since `before`, once those that the step expects have been made."""
    until = time.monotonic() + CALL_SECONDS
    while True:
        calls = slack.world.calls[before:]
        missing = step.methods - {call.method for call in calls if call.response.get("ok")}
        is_said = any(step.text in str(call.arguments) for call in calls) if step.text else True
        if (is_said and not missing) or time.monotonic() > until:
            break
        await asyncio.sleep(0.05)
    if missing:
        return f"no call of {', '.join(sorted(missing))}{_failures(calls)}"
    if not is_said:
        return f"no call with {step.text!r}{_failures(calls)}"
    apology = next((call for call in calls if any(text in str(call.arguments) for text in APOLOGIES)), None)
    return f"{apology.method} with {apology.arguments.get('text')!r}" if apology else ""


def _failures(calls: Sequence[ApiCall]) -> str:
    failed = [f"{call.method}: {call.response.get('error')}" for call in calls if not call.response.get("ok")]
    return f" ({'; '.join(failed)})" if failed else ""
