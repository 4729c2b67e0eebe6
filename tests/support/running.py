"""Runs the real server as a process, with the simulator as its Slack."""

from __future__ import annotations

import asyncio
import html
import json
import re
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlencode

from tornado.httpclient import HTTPClientError, HTTPResponse

from latchkey.simulator import Browser, DemoCheck, ServerProcess, Slack
from latchkey.slackapi.scopes import describe_scope
from tests.support.stores import rows

_LINK = re.compile(r'href="([^"]*/oauth/v2/authorize[^"]*)"')


class Running:
    """A server, its Slack and a browser; `check` knows the steps of an install."""

    def __init__(self, server: ServerProcess, slack: Slack) -> None:
        self.server = server
        self.slack = slack
        self.browser = Browser()
        self.check = DemoCheck(server, slack)

    @property
    def store(self) -> Path:
        return self.server.folder / "data" / "store.sqlite"

    async def install(self, team_id: str = "T0ACME") -> int:
        """Install the app into a workspace and return the status of the page at its end."""
        url = await self.check.begin_install(self.browser)
        return (await self.browser.open(self.slack.approve(url, team_id))).code

    async def status(self, path: str) -> int:
        return (await self.browser.get(self.server.url + path)).code

    def rows(self, table: str) -> int:
        return rows(self.store, table)


@asynccontextmanager
async def running(folder: Path, kind: type[ServerProcess] = ServerProcess, **options: object) -> AsyncIterator[Running]:
    """Start a server in this folder, and end it by its own process id."""
    server = kind(folder, **options)  # type: ignore[arg-type]
    slack = server.make_slack(describe_scope=describe_scope)
    slack.start()
    try:
        await server.start(slack)
        running = Running(server, slack)
        yield running
        running.browser.close()
    finally:
        if server.is_running():
            await asyncio.to_thread(server.kill)
        await slack.close()


async def status_of(answered: Awaitable[HTTPResponse]) -> int:
    """Return the status of a response; 599 if the connection was closed without one."""
    try:
        return (await answered).code
    except (OSError, HTTPClientError):
        return 599


async def install_by_page(browser: Browser, server: str, team_id: str = "T0ACME") -> int:
    """Install the app with the pages of a server in another process; returns the status of the page at the end."""
    page = (await browser.get(f"{server}/slack/install")).body.decode()
    link = _LINK.search(page)
    assert link is not None, page
    allowed = await browser.post(html.unescape(link[1]), urlencode({"decision": "allow", "workspace": team_id}))
    end = await browser.open(allowed.headers["Location"])
    assert end.effective_url.startswith(server), end.effective_url
    return end.code


async def write_on_page(browser: Browser, slack: str, text: str, team_id: str = "T0ACME") -> None:
    """Write a message or a command on the page of a simulated Slack in another process."""
    body = json.dumps({"do": "write", "team": team_id, "user": "U0ALICE", "text": text})
    response = await browser.post(f"{slack}/page/act", body, {"Content-Type": "application/json"})
    assert response.code == 200, response.body
