"""`latchkey.connect`: tokens for a program beside the server, such as a script that a timer runs.

Invariant: a token is refreshed by one process at a time, as in the server, so a script takes none away from it.
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Coroutine
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

from slack_sdk.web import WebClient

from latchkey.config import Settings, load_settings
from latchkey.slackapi.client import WebClients, blocking_client, run_on_loop
from latchkey.slackapi.token_calls import TokenCalls
from latchkey.storage import Installations, Store, open_store
from latchkey.tokens import Refresher, TokenClients, TokenResolver

CLOSE_SECONDS = 15.0
"""How long `close` waits for a refresh that is running."""

T = TypeVar("T")


def connect(config: str | os.PathLike[str] | None = None) -> Connection:
    """Open the store of the server that has this config.toml, whether or not the server runs.

    None: the file that LATCHKEY_CONFIG names, else config.toml in the current folder. The environment counts as for the
    server. Raises ConfigError, StoreRefused, KeyringError or StoreUnavailable.
    """
    settings = load_settings(None if config is None else Path(config), os.environ, {})
    store = open_store(
        settings.store_location, settings.keyring_path, must_exist=True, connections=settings.storage.connections
    )
    try:
        return Connection(settings, store)
    except BaseException:
        store.close()
        raise


class Connection:
    """What `connect` returns. It may be used by several threads; close it, or use it in a `with` statement."""

    def __init__(self, settings: Settings, store: Store) -> None:
        """The connection closes the store when it is closed."""
        self.installations: Installations = store.installations
        """slack_sdk's installation store."""
        self._store = store
        # Refreshes, rate limits and retries are asynchronous; they run here.
        self._loop = asyncio.new_event_loop()
        self._clients = WebClients(
            api_url=settings.slack.api_url,
            unix_sockets=settings.unix_sockets_path,
            proxy_for=settings.proxies.arguments,
        )
        self._refresher = _refresher(settings, store, self._clients)
        resolver = TokenResolver(
            store.installations, self._refresher, act_as_installer=settings.slack.act_as == "installer"
        )
        self._token_clients = TokenClients(resolver, self._clients)
        self._is_closed = False
        self._thread = threading.Thread(target=self._loop.run_forever, name="latchkey-connection", daemon=True)
        self._thread.start()

    def client_for(self, enterprise_id: str | None, team_id: str | None, user_id: str | None = None) -> WebClient:
        """Return a client with the bot's token of a workspace (`team_id` None: of an org), or with this person's own.

        Its token has not expired, and is replaced if it expires later. Raises NotInstalled, MustReinstall,
        TokenUnavailable, StoreUnavailable or UnreadableRecord.
        """
        client = self._run(self._token_clients.client_for(enterprise_id, team_id, user_id))
        return blocking_client(client, self._loop)

    def close(self) -> None:
        """Close the connections and the store. Closing twice is harmless."""
        if self._is_closed:
            return
        self._is_closed = True
        self._run(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
        self._store.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    async def _close(self) -> None:
        if self._refresher is not None:
            await self._refresher.drain(CLOSE_SECONDS)
        await self._clients.close()

    def _run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        return run_on_loop(coroutine, self._loop)


def _refresher(settings: Settings, store: Store, clients: WebClients) -> Refresher | None:
    """Return the refresher, or None if there is no client secret, which only tokens that expire need."""
    secret = settings.client_secret
    if secret is None or not settings.slack.client_id:
        return None
    return Refresher(store.tokens, TokenCalls(clients, client_id=settings.slack.client_id, client_secret=secret.reveal))
