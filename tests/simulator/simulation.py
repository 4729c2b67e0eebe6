"""A simulated Slack with a fixed clock, and a browser, for the simulator's own tests."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets
from tornado.web import Application, RequestHandler

from latchkey.simulator import Browser, Slack
from tests.support.clocks import Clock

CALLBACK = "https://app.example/slack/oauth/callback"
CREDENTIALS = {"client_id": "1.2", "client_secret": "sentinel"}
QUERY = {"client_id": "1.2", "scope": "chat:write,commands", "redirect_uri": CALLBACK, "state": "s"}


class Simulation:
    def __init__(self, slack: Slack, clock: Clock, browser: Browser) -> None:
        self.slack = slack
        self.clock = clock
        self.browser = browser

    def authorize(self, **changes: str) -> str:
        return f"{self.slack.authorize_url}?{urlencode({**QUERY, **changes})}"

    def code(self, team_id: str = "T0ACME", **changes: Any) -> str:
        """Install as far as the code; `org_wide`, `user_id` and `declined` as for `approve`, the rest as in its URL."""
        options = {name: changes.pop(name) for name in ("org_wide", "user_id", "declined") if name in changes}
        callback = self.slack.approve(self.authorize(**changes), team_id, **options)
        return parse_qs(urlsplit(callback).query)["code"][0]

    async def call(self, method: str, token: str = "", **arguments: Any) -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        response = await self.browser.post(self.slack.api_url + method, urlencode(arguments), headers)
        return dict(json.loads(response.body))

    async def exchange(self, code: str, **changes: str) -> dict[str, Any]:
        credentials = {**CREDENTIALS, "redirect_uri": CALLBACK}
        return await self.call("oauth.v2.access", code=code, **{**credentials, **changes})

    async def refresh(self, refresh_token: str, **changes: str) -> dict[str, Any]:
        arguments = {**CREDENTIALS, "grant_type": "refresh_token", "refresh_token": refresh_token}
        return await self.call("oauth.v2.access", **{**arguments, **changes})

    async def error(self, token: str) -> str | None:
        """Return the error of auth.test with this token, None if it is valid."""
        error: str | None = (await self.call("auth.test", token)).get("error")
        return error


@asynccontextmanager
async def simulation(
    events_url: str = "http://127.0.0.1:9/", *, token_rotation: bool = False
) -> AsyncIterator[Simulation]:
    clock = Clock(1_800_000_000.0)
    slack = Slack(
        client_id="1.2",
        client_secret="sentinel",
        signing_secret="sentinel-signing",
        redirect_uris=[CALLBACK],
        events_url=events_url,
        clock=clock,
        token_rotation=token_rotation,
    )
    slack.start()
    browser = Browser()
    yield Simulation(slack, clock, browser)
    browser.close()
    await slack.close()


class Recorder(RequestHandler):
    """Takes the place of the app: records each request and responds with 200."""

    def initialize(self, seen: list[Any]) -> None:
        self.seen = seen

    def post(self) -> None:
        self.seen.append(self.request)


@asynccontextmanager
async def recording_app() -> AsyncIterator[tuple[str, list[Any]]]:
    """Yield the app's events URL, and the list of requests that it has received."""
    seen: list[Any] = []
    app = HTTPServer(Application([(r"/e", Recorder, {"seen": seen})], log_function=lambda handler: None))
    sockets = bind_sockets(0, "127.0.0.1")
    app.add_sockets(sockets)
    yield f"http://127.0.0.1:{sockets[0].getsockname()[1]}/e", seen
    app.stop()
    await app.close_all_connections()
