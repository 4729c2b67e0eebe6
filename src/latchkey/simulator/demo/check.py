"""`latchkey demo --check`: every step of the demo, without a browser.

Each step prints one line with a mark, and the reason if it failed.
Invariant: no line contains a token, a code or a state.
"""

from __future__ import annotations

import asyncio
import html
import re
import secrets
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlencode, urlsplit

from latchkey.simulator.browser import Browser
from latchkey.simulator.process import ServerProcess
from latchkey.simulator.slack import Slack

LISTENER_TIMEOUT = 5.0
"""Seconds to wait for what a listener does after the response."""
STEP_TIMEOUT = 20.0

_LINK = re.compile(r'href="([^"]*/oauth/v2/authorize[^"]*)"')
_TOKENS = re.compile(rb"xox[bpe][-.]|xoxe")


class StepFailed(Exception):
    """A step failed; the message says what was found instead."""


class DemoCheck:
    """The steps, in order, against a running server and a running simulated Slack."""

    def __init__(self, server: ServerProcess, slack: Slack) -> None:
        self._server = server
        self._slack = slack
        self._browser = Browser()
        self._callback = ""
        self._secrets: list[str] = [
            server.credentials["SLACK_CLIENT_SECRET"],
            server.credentials["SLACK_SIGNING_SECRET"],
        ]
        self._acme = slack.workspace()

    async def run(self) -> bool:
        """Run every step, print a line for each, and return whether all passed."""
        passed = 0
        steps: list[tuple[str, Callable[[], object]]] = [
            ("the server answers url_verification", self.url_verification),
            ("the install page leads to Slack", self.install_page),
            ("Cancel leads to a page that offers to try again", self.cancel),
            ("Allow installs the app", self.allow),
            ("reloading the page shows it again, and installs nothing", self.reload),
            ("a replayed callback is refused", self.replayed_callback),
            ("a callback without a state starts an install", self.callback_without_state),
            ("a callback from another browser is refused", self.callback_from_another_browser),
            ("a mention gets a reply", self.mention),
            ("an event without a listener gets 200", self.event_without_listener),
            ("/open-modal opens the form", self.open_modal),
            ("submitting the form posts a message", self.submit),
            ("a request with a forged signature is refused", self.forged),
            ("a request older than 5 minutes is refused", self.expired),
            ("removing the app deletes its installation", self.uninstall),
            ("a workspace without the app is asked to install it", self.not_installed),
            ("the server is healthy and ready", self.health),
            ("SIGTERM stops the server with exit code 0", self.stop),
            ("no file contains a token, code, state or secret", self.nothing_leaked),
        ]
        for name, step in steps:
            problem = await self._try(step)
            passed += problem is None
            print(f"{'✔' if problem is None else '✘'} {name}" + (f": {problem}" if problem else ""), flush=True)
        self._browser.close()
        print(f"{passed} of {len(steps)} steps passed")
        return passed == len(steps)

    async def _try(self, step: Callable[[], object]) -> str | None:
        try:
            await asyncio.wait_for(step(), STEP_TIMEOUT)  # type: ignore[arg-type]  # every step is a coroutine function
        except StepFailed as failed:
            return str(failed)
        except Exception as error:
            return f"{type(error).__name__}"
        return None

    async def url_verification(self) -> None:
        challenge = secrets.token_hex(16)
        response = await self._slack.sender.url_verification(challenge)
        _expect(response.status == 200 and response.body == challenge, f"status {response.status}")

    async def install_page(self) -> None:
        await self.begin_install(self._browser)

    async def cancel(self) -> None:
        url = await self.begin_install(self._browser)
        response = await self._browser.post(url, urlencode({"decision": "cancel", "workspace": self._acme.team_id}))
        page = await self._browser.get(response.headers["Location"])
        _expect(page.code == 200 and b"Cancel" in page.body, f"status {page.code}")

    async def allow(self) -> None:
        url = await self.begin_install(self._browser)
        self._callback = await self._allow(url)
        page = await self._browser.open(self._callback)
        _expect(page.code == 200 and b"Latchkey is installed" in page.body, f"status {page.code}")
        link = f"slack://app?team={self._acme.team_id}&amp;id={self._slack.world.app.app_id}"
        _expect(link.encode() in page.body, "the page has no link into Slack")

    async def reload(self) -> None:
        before = len(self._slack.world.calls)
        for url in (f"{self._server.url}/slack/installed", self._callback):
            page = await self._browser.open(url)
            _expect(page.code == 200 and b"Latchkey is installed" in page.body, f"status {page.code}")
        _expect(len(self._slack.world.calls) == before, "a code was exchanged")

    async def replayed_callback(self) -> None:
        other = Browser()
        page = await other.open(self._callback)
        other.close()
        _expect(page.code == 401 and b"has expired" in page.body, f"status {page.code}")

    async def callback_without_state(self) -> None:
        before = len(self._slack.world.calls)
        page = await self._browser.get(f"{self._server.url}/slack/oauth/callback?code=1234.5678")
        _expect(page.code == 302 and page.headers["Location"] == "/slack/install", f"status {page.code}")
        _expect(len(self._slack.world.calls) == before, "a code was exchanged")

    async def callback_from_another_browser(self) -> None:
        callback = await self._allow(await self.begin_install(self._browser))
        other = Browser()
        page = await other.get(callback)
        other.close()
        _expect(page.code == 400 and b"another browser" in page.body, f"status {page.code}")

    async def mention(self) -> None:
        response = await self._slack.people.mention(self._acme, "hello")
        _expect(response.status == 200, f"status {response.status}")
        await self._until(lambda: self._bot_said("Hello <@U0ALICE>!"), "no message arrived")

    async def event_without_listener(self) -> None:
        event = {"type": "reaction_added", "user": "U0ALICE", "reaction": "wave"}
        response = await self._slack.sender.event(self._acme, event)
        _expect(response.status == 200, f"status {response.status}")

    async def open_modal(self) -> None:
        response = await self._slack.people.command(self._acme, "/open-modal")
        _expect(response.status == 200 and not response.body, f"status {response.status} {response.body[:80]}")
        await self._until(lambda: bool(self._slack.world.views), "no form opened")
        opened = next(iter(self._slack.world.views.values()))
        _expect(opened.view["title"]["text"] == "Awesome Modal", "it is a different form")

    async def submit(self) -> None:
        opened = next(iter(self._slack.world.views.values()), None)
        _expect(opened is not None, "no form is open")
        assert opened is not None
        values = {"b-id": {"a-id": {"type": "plain_text_input", "value": "blue"}}}
        response = await self._slack.people.submit(opened, values)
        _expect(response.status == 200 and not self._slack.world.views, f"status {response.status}")
        await self._until(lambda: self._bot_said("You wrote: blue"), "no message arrived")

    async def forged(self) -> None:
        before = len(self._slack.world.calls)
        response = await self._slack.sender.mention(self._acme, "hello", secret="not the secret")
        _expect(response.status == 403, f"status {response.status}")
        await asyncio.sleep(0.2)
        _expect(len(self._slack.world.calls) == before, "a listener ran")

    async def expired(self) -> None:
        response = await self._slack.sender.mention(self._acme, "hello", age=310)
        _expect(response.status == 403, f"status {response.status}")

    async def uninstall(self) -> None:
        responses = await self._slack.people.uninstall(self._acme)
        _expect(all(response.status == 200 for response in responses), "it was not acknowledged")

    async def not_installed(self) -> None:
        response = await self._slack.people.command(self._acme, "/open-modal")
        _expect(
            response.status == 200 and "Please install this app first!" in response.body, f"status {response.status}"
        )

    async def health(self) -> None:
        for path in ("/healthz", "/readyz"):
            response = await self._browser.get(self._server.url + path)
            _expect(response.code == 200, f"{path} responds with {response.code}")

    async def stop(self) -> None:
        code = await self._server.stop()
        _expect(code == 0, f"exit code {code}")

    async def nothing_leaked(self) -> None:
        self.search_files()

    def search_files(self) -> None:
        """Search every file in the server's folder, the store's -wal included. Raises StepFailed."""
        for path in sorted(self._server.folder.rglob("*")):
            if path.is_file():
                self._search(path)

    def _search(self, path: Path) -> None:
        content = path.read_bytes()
        known = [
            *self._slack.world.tokens,
            *self._slack.world.refresh_tokens,
            *self._slack.world.grants,
            *self._secrets,
        ]
        found = bool(_TOKENS.search(content)) or any(secret.encode() in content for secret in known)
        _expect(not found, f"{path.name} contains one")

    async def begin_install(self, browser: Browser) -> str:
        page = await browser.get(f"{self._server.url}/slack/install")
        link = _LINK.search(page.body.decode())
        if page.code != 200 or link is None:
            raise StepFailed(f"status {page.code}, no link to Slack")
        url = html.unescape(link[1])
        self._secrets.append(urlsplit(url).query.partition("state=")[2].partition("&")[0])
        consent = await browser.get(url)
        _expect(consent.code == 200, f"Slack refuses the link with {consent.code}")
        return url

    async def _allow(self, url: str) -> str:
        form = urlencode({"decision": "allow", "workspace": self._acme.team_id})
        response = await self._browser.post(url, form)
        _expect(response.code == 302, f"Slack responds with {response.code}")
        return str(response.headers["Location"])

    async def _until(self, condition: Callable[[], bool], problem: str) -> None:
        deadline = time.monotonic() + LISTENER_TIMEOUT
        while not condition():
            _expect(time.monotonic() < deadline, problem)
            await asyncio.sleep(0.01)

    def _bot_said(self, text: str) -> bool:
        return any(message.text.startswith(text) for message in self._slack.world.messages)


def _expect(condition: bool, problem: str) -> None:
    if not condition:
        raise StepFailed(problem)
