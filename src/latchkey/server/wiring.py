"""Creates everything behind the handlers and connects it, in the order in which the parts need each other."""

from __future__ import annotations

import contextlib
import time
from collections.abc import AsyncIterator, Callable
from functools import partial

from latchkey.config import Settings
from latchkey.dispatch import EventOptions, EventPipeline, InstallHooks, Interactions, Runner, ignore_error
from latchkey.handlers import AppProfile, ClientAddresses, Pages, Receipts, Services
from latchkey.metrics import Metrics
from latchkey.server.background import background_work
from latchkey.server.startup import Startup
from latchkey.slackapi.client import WebClients
from latchkey.slackapi.oauth import OAuthClient
from latchkey.slackapi.requests import SeenSignatures, SignatureVerifier
from latchkey.slackapi.scopes import bot_permissions, user_permissions
from latchkey.slackapi.token_calls import TokenCalls
from latchkey.storage import Store
from latchkey.tokens import AllowedWorkspaces, Refresher, TokenResolver, Undoer, count_refresh


@contextlib.asynccontextmanager
async def services_for(
    startup: Startup,
    store: Store,
    public_url: str,
    *,
    clock: Callable[[], float] = time.time,
    on_error: Callable[[Exception], None] = ignore_error,
) -> AsyncIterator[Services]:
    """Yield the services of the handlers; on exit, the connections to Slack are closed.

    `clock` returns Unix seconds; `on_error` is called with each error of a listener.
    """
    settings = startup.settings
    metrics = Metrics()
    startup.log_stream.on_dropped(metrics.log_lines_dropped.inc)
    store.observe(metrics.count_store_call)
    async with _web_clients(settings, metrics) as clients:
        oauth = _oauth_client(startup, clients, public_url, clock)
        calls = TokenCalls(clients, client_id=startup.credentials.client_id, client_secret=lambda: oauth.client_secret)
        refresher = Refresher(store.tokens, calls, clock=clock, on_refresh=partial(count_refresh, metrics))
        resolver = TokenResolver(
            store.installations, refresher, act_as_installer=settings.slack.act_as == "installer", clock=clock
        )
        if startup.app.mounted is not None:
            startup.app.mounted.start(metrics, api_url=settings.slack.api_url)
        runner = Runner(
            startup.app,
            installations=store.installations,
            resolver=resolver,
            clients=clients,
            metrics=metrics,
            on_error=on_error,
        )
        events = EventPipeline(runner, metrics, store.inbox, _event_options(settings), clock)
        # The sockets are bound: nothing is recovered if the start fails because of them.
        events.start(store.inbox.recover())
        undoer = Undoer(oauth, calls, store.undos, metrics, clock=clock)
        async with background_work(settings, store, refresher, undoer, metrics, clock):
            yield _services(startup, public_url, clock)(
                store=store,
                interactions=Interactions(runner, metrics, install_url=public_url + settings.install.path),
                events=events,
                install_hooks=InstallHooks(runner),
                metrics=metrics,
                oauth=oauth,
                undoer=undoer,
            )
        runner.close()


def _web_clients(settings: Settings, metrics: Metrics) -> WebClients:
    return WebClients(
        api_url=settings.slack.api_url,
        unix_sockets=settings.unix_sockets_path,
        proxy_for=settings.proxies.arguments,
        on_call=metrics.count_api_call,
    )


def _oauth_client(startup: Startup, clients: WebClients, public_url: str, clock: Callable[[], float]) -> OAuthClient:
    settings, credentials = startup.settings, startup.credentials
    return OAuthClient(
        clients,
        client_id=credentials.client_id,
        client_secret=credentials.client_secret.reveal(),
        scopes=settings.slack.requested_scopes,
        user_scopes=settings.slack.requested_user_scopes,
        redirect_uri=public_url + settings.install.callback_path,
        authorize_url=settings.slack.authorize_url,
        clock=clock,
    )


def _services(startup: Startup, public_url: str, clock: Callable[[], float]) -> partial[Services]:
    """Return a constructor that has what the settings say, and needs the parts that work together."""
    settings = startup.settings
    return partial(
        Services,
        verifier=SignatureVerifier([secret.reveal() for secret in startup.credentials.signing_secrets], clock),
        seen_signatures=SeenSignatures(clock),
        receipts=Receipts(clock),
        public_url=public_url,
        pages=_pages(settings),
        allowed_workspaces=AllowedWorkspaces(settings.install.workspaces),
        unsigned_metadata=settings.install.unsigned_metadata,
        install_path=settings.install.path,
        callback_path=settings.install.callback_path,
        state_seconds=settings.install.state_seconds,
        show_install_page=settings.install.page,
        success_url=settings.install.success_url,
        failure_url=settings.install.failure_url,
        access_log=startup.access_log,
        client_addresses=ClientAddresses(settings.server.trusted_proxies),
    )


def _pages(settings: Settings) -> Pages:
    app = settings.app
    profile = AppProfile(app.name, app.description, app.operator, app.support_url, app.privacy_url)
    slack = settings.slack
    return Pages(
        profile,
        bot_permissions(slack.requested_scopes, slack.optional_scopes),
        user_permissions(slack.requested_user_scopes, slack.optional_user_scopes),
    )


def _event_options(settings: Settings) -> EventOptions:
    events = settings.events
    return EventOptions(
        durable=events.durable,
        max_attempts=events.max_attempts,
        ordered=events.ordered == "channel",
        inbox_events=events.inbox_events,
        inbox_bytes=events.inbox_megabytes << 20,
    )
