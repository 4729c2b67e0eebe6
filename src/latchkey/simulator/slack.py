"""The stand-in as one object: start it, use it from a test or look at it in a browser, close it."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from urllib.parse import parse_qsl, urlsplit

from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets
from tornado.web import Application

from latchkey.simulator import consent
from latchkey.simulator.model import AppSettings, Fault, Workspace, World
from latchkey.simulator.page import ActionHandler, HomeHandler
from latchkey.simulator.people import People
from latchkey.simulator.requests import Sender
from latchkey.simulator.web import ApiHandler, AuthorizeHandler, ResponseUrlHandler

LOOPBACK = "127.0.0.1"


class Slack:
    """A stand-in Slack with one app configured at it.

    `world` is all that it knows (`world.calls`, `world.messages`, `world.views`, …), `people` does
    what people do, `sender` sends single requests.
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
    ) -> None:
        """Take a port at once (0: a free one), on loopback; raises OSError where it is taken. `clock` gives Unix seconds."""
        app = AppSettings(client_id, client_secret, signing_secret, tuple(redirect_uris), events_url)
        self.world = World(app, clock)
        self._sockets = bind_sockets(port, LOOPBACK)
        self.port: int = self._sockets[0].getsockname()[1]
        self.url = f"http://localhost:{self.port}"
        self.api_url = f"{self.url}/api/"
        self.authorize_url = f"{self.url}/oauth/v2/authorize"
        self._server: HTTPServer | None = None

    def configure(self, *, redirect_uris: Sequence[str], events_url: str) -> None:
        """Change the app's addresses, once its server knows its own port."""
        old = self.world.app
        self.world.app = AppSettings(
            old.client_id, old.client_secret, old.signing_secret, tuple(redirect_uris), events_url, old.app_id
        )

    def start(self) -> None:
        """Begin to answer; call it on the event loop."""
        self.sender = Sender(self.world, self.url)
        self.people = People(self.world, self.sender)
        handed = {"world": self.world}
        acting = {"world": self.world, "people": self.people}
        self._server = HTTPServer(
            Application(
                [
                    (r"/", HomeHandler, handed),
                    (r"/do/(\w+)", ActionHandler, acting),
                    (r"/oauth/v2/authorize", AuthorizeHandler, handed),
                    (r"/api/([\w.]+)", ApiHandler, handed),
                    (r"/response/(\w+)", ResponseUrlHandler, acting),
                ],
                log_function=lambda handler: None,
            )
        )
        self._server.add_sockets(self._sockets)

    async def close(self) -> None:
        """Stop answering."""
        if self._server is not None:
            self._server.stop()
            await self._server.close_all_connections()
            self.sender.close()

    def approve(self, authorize_url: str, team_id: str = "T0ACME", *, org_wide: bool = False) -> str:
        """Do as a person who clicks Allow: return the callback URL. Raises consent.Refused."""
        workspace = self.workspace(team_id)
        return consent.approve(self.world, _query(authorize_url), workspace, workspace.user_id, org_wide=org_wide)

    def cancel(self, authorize_url: str) -> str:
        """Do as a person who clicks Cancel: return the callback URL."""
        return consent.cancel(self.world, _query(authorize_url))

    def workspace(self, team_id: str = "T0ACME") -> Workspace:
        return self.world.workspaces[team_id]

    def fail(
        self, method: str, *, times: int = 1, status: int = 200, error: str | None = None, seconds: float = 0.0
    ) -> None:
        """Make the next calls of a method go wrong: by HTTP status, by Slack's error code, or by being slow."""
        self.world.faults[method] = Fault(times, status, error, seconds)


def _query(url: str) -> dict[str, str]:
    return dict(parse_qsl(urlsplit(url).query, keep_blank_values=True))
