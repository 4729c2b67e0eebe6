"""The real Application on a real port, with a real store, the simulator as Slack, and an injected clock."""

import logging
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from slack_sdk.oauth.installation_store import Installation
from tornado.ioloop import IOLoop

from latchkey.dispatch import App, EventOptions, EventPipeline, InstallHooks, Interactions, Runner
from latchkey.dispatch.events import backoff
from latchkey.handlers import MAX_CONNECTIONS, LatchkeyServer, Services, make_application
from latchkey.handlers.receipts import Receipts
from latchkey.handlers.routes import LatchkeyApplication
from latchkey.metrics import Metrics
from latchkey.simulator import Browser, Slack, Token
from latchkey.slackapi.client.factory import WebClients
from latchkey.slackapi.oauth import OAuthClient
from latchkey.slackapi.paths import CALLBACK_PATH, EVENTS_PATH, INSTALL_PATH
from latchkey.slackapi.requests import SeenSignatures, SignatureVerifier
from latchkey.slackapi.token_calls import TokenCalls
from latchkey.storage import Store, open_store
from latchkey.tokens import Refresher, TokenResolver, Undoer
from tests.support.clocks import Clock

CLIENT_ID = "111.222"
CLIENT_SECRET = "sentinel-client-secret"
SIGNING_SECRETS = ("sentinel-signing-secret", "sentinel-older-secret")


@pytest.fixture
def clock() -> Clock:
    return Clock(time.time())


@pytest.fixture
def store(tmp_path: Path, clock: Clock) -> Iterator[Store]:
    store = open_store(tmp_path / "data" / "store.sqlite", tmp_path / "keys" / "keyring", clock=clock)
    yield store
    store.close()


@pytest.fixture
def slack(io_loop: IOLoop, base_url: str, clock: Clock) -> Iterator[Slack]:
    slack = Slack(
        client_id=CLIENT_ID,
        client_secret=CLIENT_SECRET,
        signing_secret=SIGNING_SECRETS[0],
        redirect_uris=[base_url + CALLBACK_PATH],
        events_url=base_url + EVENTS_PATH,
        clock=clock,
    )

    async def start() -> None:
        slack.start()

    io_loop.run_sync(start)
    yield slack
    io_loop.run_sync(slack.close)


@pytest.fixture
def installed(store: Store, slack: Slack) -> Slack:
    """A simulated Slack in which Acme has installed the app."""
    acme = slack.workspace()
    token = slack.world.issue_token("xoxb", Token(acme, "UBOTACME", True, False, "chat:write,commands"))
    store.installations.save(
        Installation(
            app_id="A0LATCHKEY", team_id="T0ACME", user_id="U0ALICE", bot_token=token, bot_id="B0ACME",
            bot_user_id=slack.world.bot_user_id(acme), bot_scopes=["chat:write"], installed_at=1_700_000_000.0,
        )
    )  # fmt: skip
    return slack


@pytest.fixture
def listeners() -> App:
    """The app with which a test registers its listeners."""
    return App()


@pytest.fixture
def make_services(
    base_url: str, slack: Slack, store: Store, listeners: App, clock: Clock, io_loop: IOLoop
) -> Iterator[Callable[..., Services]]:
    made: list[WebClients] = []

    def make(**changes: Any) -> Services:
        public_url = changes.pop("public_url", base_url)
        metrics = Metrics()
        clients = WebClients(api_url=slack.api_url, on_call=metrics.count_api_call)
        made.append(clients)
        oauth = OAuthClient(
            clients,
            client_id=CLIENT_ID,
            client_secret=CLIENT_SECRET,
            scopes=changes.pop("scopes", ["chat:write", "commands"]),
            user_scopes=changes.pop("user_scopes", []),
            redirect_uri=public_url + changes.get("callback_path", CALLBACK_PATH),
            authorize_url=slack.authorize_url,
            timeout=0.5,
            clock=clock,
        )
        calls = TokenCalls(clients, client_id=CLIENT_ID, client_secret=lambda: oauth.client_secret)
        ack_timeout = changes.pop("ack_timeout", 0.4)
        resolver = TokenResolver(
            store.installations,
            Refresher(store.tokens, calls, clock=clock),
            act_as_installer=changes.pop("act_as_installer", False),
            clock=clock,
        )
        runner = Runner(
            listeners, installations=store.installations, resolver=resolver, clients=clients, metrics=metrics
        )
        undoer = Undoer(
            oauth, calls, store.undos, metrics, clock=clock, delay=changes.pop("undo_delay", lambda attempts: 0.01)
        )
        options = EventOptions(**changes.pop("events", {}))
        delay = changes.pop("retry_delay", backoff.delay)
        return Services(
            store=store,
            interactions=Interactions(runner, metrics, install_url=public_url + INSTALL_PATH, ack_timeout=ack_timeout),
            install_hooks=InstallHooks(runner, check_timeout=0.5),
            events=EventPipeline(runner, metrics, store.inbox, options, clock, delay),
            metrics=metrics,
            oauth=oauth,
            undoer=undoer,
            verifier=SignatureVerifier(SIGNING_SECRETS, clock),
            seen_signatures=SeenSignatures(clock),
            receipts=Receipts(clock),
            public_url=public_url,
            **changes,
        )

    yield make
    for clients in made:
        io_loop.run_sync(clients.close)


@pytest.fixture
def settings() -> dict[str, Any]:
    """Arguments for `make_services`, which a test or class overrides."""
    return {}


@pytest.fixture
def services(
    make_services: Callable[..., Services], settings: dict[str, Any], store: Store, io_loop: IOLoop
) -> Iterator[Services]:
    services = make_services(**settings)

    async def start() -> None:
        services.events.start(store.inbox.recover())
        services.undoer.start()

    async def drain() -> None:
        await services.interactions.drain(1)
        await services.events.drain(1)
        await services.undoer.close()

    io_loop.run_sync(start)
    yield services
    io_loop.run_sync(drain)


@pytest.fixture
def app(services: Services) -> LatchkeyApplication:
    return make_application(services)


@pytest.fixture
def max_clients() -> int:
    """The maximum number of connections, which a test overrides."""
    return MAX_CONNECTIONS


@pytest.fixture
def http_server(
    app: LatchkeyApplication,
    services: Services,
    max_clients: int,
    io_loop: IOLoop,
    _unused_port: tuple[socket.socket, int],
) -> Iterator[LatchkeyServer]:
    """The product's server; the fixture of pytest-tornado starts Tornado's."""

    async def start() -> LatchkeyServer:
        server = LatchkeyServer(app, clients=services.clients, max_clients=max_clients)
        server.add_sockets([_unused_port[0]])
        return server

    async def stop() -> None:
        server.stop()
        await server.close_all_connections()

    server = io_loop.run_sync(start)
    yield server
    io_loop.run_sync(stop)


@pytest.fixture
def browser(http_server: object) -> Iterator[Browser]:
    browser = Browser()
    yield browser
    browser.close()


@pytest.fixture
def all_logs(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level(logging.DEBUG)
    return caplog
