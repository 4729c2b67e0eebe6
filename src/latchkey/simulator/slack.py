"""The simulated Slack as one object: start it, use it from a test or a browser, close it."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from urllib.parse import parse_qsl, urlsplit

from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets
from tornado.web import Application

from latchkey.simulator.model import ApiFault, DescribeScope, SimulatedWorkspace, SlackApp, World, not_described
from latchkey.simulator.pages import ActionHandler, AuthorizeHandler, ConversationHandler, approve, cancel
from latchkey.simulator.people import People
from latchkey.simulator.sender import Sender
from latchkey.simulator.web_api import ApiHandler, ResponseUrlHandler

LOOPBACK = "127.0.0.1"


class Slack:
    """A simulated Slack with one app configured in it.

    `world` holds its state (`world.calls`, `world.messages`, `world.views`, …), `people` acts as the
    people in its workspaces, `sender` sends single requests to the app.
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
    ) -> None:
        """Bind `port` on loopback; 0 takes a free one. `clock` returns Unix seconds.

        Raises OSError if the port is taken.
        """
        app = SlackApp(client_id, client_secret, signing_secret, tuple(redirect_uris), events_url)
        self.world = World(app, clock, describe_scope)
        self._sockets = bind_sockets(port, LOOPBACK)
        self.port: int = self._sockets[0].getsockname()[1]
        self.url = f"http://localhost:{self.port}"
        self.api_url = f"{self.url}/api/"
        self.authorize_url = f"{self.url}/oauth/v2/authorize"
        self._server: HTTPServer | None = None

    def configure(self, *, redirect_uris: Sequence[str], events_url: str) -> None:
        """Change the app's URLs, once its server knows its port."""
        self.world.app = replace(self.world.app, redirect_uris=tuple(redirect_uris), events_url=events_url)

    def start(self) -> None:
        """Start serving; call it on the event loop."""
        self.sender = Sender(self.world, self.url)
        self.people = People(self.world, self.sender)
        shared = {"world": self.world}
        acting = {"world": self.world, "people": self.people}
        self._server = HTTPServer(
            Application(
                [
                    (r"/", ConversationHandler, shared),
                    (r"/do/(\w+)", ActionHandler, acting),
                    (r"/oauth/v2/authorize", AuthorizeHandler, shared),
                    (r"/api/([\w.]+)", ApiHandler, shared),
                    (r"/response/(\w+)", ResponseUrlHandler, acting),
                ],
                log_function=lambda handler: None,
            )
        )
        self._server.add_sockets(self._sockets)

    async def close(self) -> None:
        """Stop serving."""
        if self._server is not None:
            self._server.stop()
            await self._server.close_all_connections()
            self.sender.close()

    def approve(self, authorize_url: str, team_id: str = "T0ACME", *, org_wide: bool = False) -> str:
        """Return the callback URL that a click on Allow leads to. Raises ConsentRefused."""
        workspace = self.workspace(team_id)
        return approve(self.world, _query(authorize_url), workspace, workspace.user_id, org_wide=org_wide)

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
    ) -> None:
        """Make the next calls of a method fail: with an HTTP status, an error code or this body, or only be slow."""
        self.world.faults[method] = ApiFault(times, status, error, seconds, body)


def _query(url: str) -> dict[str, str]:
    return dict(parse_qsl(urlsplit(url).query, keep_blank_values=True))
