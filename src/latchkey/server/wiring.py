"""Creates everything behind the handlers and connects it, in the order in which the parts need each other."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from functools import partial

from latchkey.config import Settings
from latchkey.dispatch import EventOptions, EventPipeline, InstallHooks, Interactions, Runner
from latchkey.handlers import AppProfile, ClientAddresses, Pages, Services
from latchkey.metrics import Metrics, StoreGauges
from latchkey.server.startup import Startup
from latchkey.slackapi.client import WebClients
from latchkey.slackapi.oauth import OAuthClient
from latchkey.slackapi.requests import SignatureVerifier
from latchkey.slackapi.scopes import bot_permissions, user_permissions
from latchkey.slackapi.token_calls import TokenCalls
from latchkey.storage import Store, list_backups
from latchkey.tokens import AllowedWorkspaces, Pace, Refresher, Sweep, TokenResolver, Undoer, count_refresh


@contextlib.asynccontextmanager
async def services_for(startup: Startup, store: Store, public_url: str) -> AsyncIterator[Services]:
    """Yield the services of the handlers; on exit, the connections to Slack are closed."""
    settings, credentials = startup.settings, startup.credentials
    metrics = Metrics()
    startup.log_stream.on_dropped(metrics.log_lines_dropped.inc)
    store.observe(metrics.count_store_call)
    async with WebClients(
        api_url=settings.slack.api_url,
        unix_sockets=settings.unix_sockets_path,
        proxy_for=settings.proxies.arguments,
        on_call=metrics.count_api_call,
    ) as clients:
        oauth = OAuthClient(
            clients,
            client_id=credentials.client_id,
            client_secret=credentials.client_secret.reveal(),
            scopes=settings.slack.requested_scopes,
            user_scopes=settings.slack.requested_user_scopes,
            redirect_uri=public_url + settings.install.callback_path,
            authorize_url=settings.slack.authorize_url,
        )
        calls = TokenCalls(clients, client_id=credentials.client_id, client_secret=lambda: oauth.client_secret)
        refresher = Refresher(store.tokens, calls, on_refresh=partial(count_refresh, metrics))
        resolver = TokenResolver(store.installations, refresher, act_as_installer=settings.slack.act_as == "installer")
        if startup.app.mounted is not None:
            startup.app.mounted.start(metrics, api_url=settings.slack.api_url)
        runner = Runner(
            startup.app, installations=store.installations, resolver=resolver, clients=clients, metrics=metrics
        )
        interactions = Interactions(runner, metrics, install_url=public_url + settings.install.path)
        events = EventPipeline(runner, metrics, store.inbox, _event_options(settings))
        # This is the store's only server, and its sockets are bound: any other has failed, and recovers nothing.
        events.start(store.inbox.recover())
        undoer = Undoer(oauth, calls, store.undos, metrics)
        undoer.start()
        store_gauges = StoreGauges(store.keys, lambda: _newest_backup(settings), metrics)
        refreshing = asyncio.get_running_loop().create_task(store_gauges.run())
        sweep = Sweep(store.tokens, refresher, Pace(settings.slack.refreshes_per_second), metrics)
        services = Services(
            store=store,
            interactions=interactions,
            events=events,
            install_hooks=InstallHooks(runner),
            metrics=metrics,
            oauth=oauth,
            undoer=undoer,
            verifier=SignatureVerifier([secret.reveal() for secret in credentials.signing_secrets]),
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
        async with sweep.running():
            yield services
        refreshing.cancel()
        await undoer.close()
        runner.close()


def _pages(settings: Settings) -> Pages:
    app = settings.app
    profile = AppProfile(app.name, app.description, app.operator, app.support_url, app.privacy_url)
    slack = settings.slack
    return Pages(
        profile,
        bot_permissions(slack.requested_scopes, slack.optional_scopes),
        user_permissions(slack.requested_user_scopes, slack.optional_user_scopes),
    )


def _newest_backup(settings: Settings) -> float | None:
    backups = list_backups(settings.backup_path)
    return backups[0].made_at if backups else None


def _event_options(settings: Settings) -> EventOptions:
    events = settings.events
    return EventOptions(
        durable=events.durable,
        max_attempts=events.max_attempts,
        ordered=events.ordered == "channel",
        inbox_events=events.inbox_events,
        inbox_bytes=events.inbox_megabytes << 20,
    )
