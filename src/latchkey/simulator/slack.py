"""The simulated Slack as one object: start it, use it from a test or a browser, close it."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets
from tornado.web import Application, RequestHandler

from latchkey.simulator.faults import SLACK_RETRY_DELAYS, ApiFault, Matches, RateLimit, every_call
from latchkey.simulator.model import DescribeScope, SlackApp, World, not_described, redirect_uris_at
from latchkey.simulator.pages import (
    ASSETS,
    ActionHandler,
    AssetHandler,
    AuthorizeHandler,
    ChangesHandler,
    ExchangeHandler,
    FaultActions,
    MessagesHandler,
    PageHandler,
    StateHandler,
    approve,
    cancel,
)
from latchkey.simulator.people import People
from latchkey.simulator.sending import Functions, Revocations, Sender
from latchkey.simulator.web_api import ApiHandler, ResponseUrlHandler
from latchkey.simulator.workspaces import SimulatedWorkspace

LOOPBACK = "127.0.0.1"
MAX_KEPT = 10_000
"""Messages that a simulated Slack for people keeps; of calls and responses, it keeps a tenth."""


class Slack:
    """A simulated Slack with one app configured in it.

    `world` holds its state (`world.calls`, `world.messages`, `world.views`, …), `people` acts as the
    people in its workspaces, `sender` sends single requests to the app, `revocations` ends installations, and
    `functions` runs the app's functions.
    """

    def __init__(
        self,
        *,
        client_id: str,
        client_secret: str,
        signing_secret: str,
        redirect_uris: Sequence[str],
        events_url: str,
        clock: Callable[[], float] = time.time,
        port: int = 0,
        describe_scope: DescribeScope = not_described,
        token_rotation: bool = False,
        for_people: bool = False,
    ) -> None:
        """Bind `port` on loopback; 0 takes a free one. `clock` returns Unix seconds.

        `token_rotation`: whether the app's tokens expire, as its setting of that name at Slack says.

        `for_people`: forget the oldest messages and calls, so that it can run for long, and send events again that
        the app does not acknowledge.

        Raises OSError if the port is taken.
        """
        app = SlackApp(client_id, client_secret, signing_secret, tuple(redirect_uris), events_url, token_rotation)
        self.world = World(app, clock, describe_scope, keep=MAX_KEPT if for_people else None)
        if for_people:
            self.world.sending.retry_delays = SLACK_RETRY_DELAYS
        self._sockets = bind_sockets(port, LOOPBACK)
        self.port: int = self._sockets[0].getsockname()[1]
        self.url = f"http://localhost:{self.port}"
        self.api_url = f"{self.url}/api/"
        self.authorize_url = f"{self.url}/oauth/v2/authorize"
        self._server: HTTPServer | None = None

    def make_optional(self, *, bot: Sequence[str] = (), user: Sequence[str] = ()) -> None:
        """Let people decline these scopes, as `bot_optional` and `user_optional` in the app's manifest do."""
        self.world.app = replace(self.world.app, bot_optional=tuple(bot), user_optional=tuple(user))

    def configure(self, *, redirect_uris: Sequence[str], events_url: str) -> None:
        """Change the app's URLs, once its server knows its port."""
        self.world.app = replace(self.world.app, redirect_uris=tuple(redirect_uris), events_url=events_url)

    def describe(self, manifest: Mapping[str, Any]) -> None:
        """Name the app, its commands and shortcuts on the page, and send only the events that its manifest names.

        Its redirect URLs are allowed, with the host of the events URL.
        """
        self.world.manifest = dict(manifest)
        name = (manifest.get("display_information") or {}).get("name")
        app = self.world.app
        events = urlsplit(app.events_url)
        redirect_uris = (*app.redirect_uris, *redirect_uris_at(f"{events.scheme}://{events.netloc}", manifest))
        self.world.app = replace(app, name=str(name or app.name), redirect_uris=tuple(dict.fromkeys(redirect_uris)))
        self.world.changes.add("state", {})

    def turn_token_rotation_on(self) -> None:
        """Let the app's tokens expire from now on. Slack cannot turn this off again."""
        self.world.app = replace(self.world.app, token_rotation=True)

    def start(self) -> None:
        """Start serving; call it on the event loop."""
        self.sender = Sender(self.world, self.url)
        self.people = People(self.world, self.sender)
        self.revocations = Revocations(self.world, self.sender)
        self.functions = Functions(self.world, self.sender)
        self._server = HTTPServer(Application(self._routes(), log_function=lambda handler: None))
        self._server.add_sockets(self._sockets)

    def _routes(self) -> list[tuple[str, type[RequestHandler], dict[str, Any]]]:
        shared = {"world": self.world}
        acting = {"world": self.world, "people": self.people}
        faults = FaultActions(self.world, self.sender, self.revocations)
        return [
            (r"/", PageHandler, {}),
            (r"/assets/(.*)", AssetHandler, {"path": str(ASSETS)}),
            (r"/page/state", StateHandler, shared),
            (r"/page/messages", MessagesHandler, shared),
            (r"/page/changes", ChangesHandler, shared),
            (r"/page/exchanges/(\d+)", ExchangeHandler, shared),
            (r"/page/act", ActionHandler, {**acting, "faults": faults}),
            (r"/oauth/v2/authorize", AuthorizeHandler, shared),
            (r"/api/([\w.]+)", ApiHandler, shared),
            (r"/response/(\w+)", ResponseUrlHandler, acting),
        ]

    async def close(self) -> None:
        """Stop serving."""
        if self._server is not None:
            self._server.stop()
            await self._server.close_all_connections()
            self.sender.close()

    def approve(
        self,
        authorize_url: str,
        team_id: str = "T0ACME",
        *,
        org_wide: bool = False,
        user_id: str | None = None,
        declined: Collection[str] = (),
    ) -> str:
        """Return the callback URL that a click on Allow leads to.

        `user_id`: the person who clicks; None is Alice. `declined`: the optional scopes that are not granted.
        Raises ConsentRefused; ValueError if a declined scope is not optional.
        """
        workspace = self.workspace(team_id)
        return approve(
            self.world,
            _query(authorize_url),
            workspace,
            user_id or workspace.user_id,
            org_wide=org_wide,
            declined=declined,
        )

    def cancel(self, authorize_url: str) -> str:
        """Return the callback URL that a click on Cancel leads to. Raises ConsentRefused."""
        return cancel(self.world, _query(authorize_url))

    def workspace(self, team_id: str = "T0ACME") -> SimulatedWorkspace:
        return self.world.workspaces[team_id]

    def fail(
        self,
        method: str,
        *,
        times: int = 1,
        status: int = 200,
        error: str | None = None,
        seconds: float = 0.0,
        body: bytes | None = None,
        retry_after: int = 1,
        acts: bool = False,
        closes: bool = False,
        matches: Matches = every_call,
    ) -> None:
        """Make the next calls of a method fail: see `ApiFault` for the options."""
        self.world.faults[method] = ApiFault(
            times, status, error, seconds, body, retry_after=retry_after, acts=acts, closes=closes, matches=matches
        )

    def limit(self, method: str, calls: int, seconds: float = 60.0) -> None:
        """Respond with 429 to further calls of a method by a workspace, after this number of them in a period.

        Periods and Retry-After follow the clock of this Slack. A call without an access token, such as a
        refresh, counts for the app.
        """
        self.world.rate_limits[method] = RateLimit(calls, seconds)

    def times_sent(self, refresh_token: str) -> int:
        """Return how many calls have contained this refresh token, also those that failed. 0 if it is unknown."""
        found = self.world.refresh_tokens.get(refresh_token)
        return found.sent if found else 0

    def remove_app(self, workspace: SimulatedWorkspace, *, org_wide: bool = False) -> None:
        """Remove the app from a workspace or, org-wide, from its org, without telling the app."""
        self.world.token_book.remove_app(workspace, org_wide=org_wide, app_id=self.world.app.app_id)


def _query(url: str) -> dict[str, str]:
    return dict(parse_qsl(urlsplit(url).query, keep_blank_values=True))
