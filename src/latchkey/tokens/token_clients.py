"""Clients for any workspace and person, outside of what Slack has sent."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any, TypeAlias

from latchkey.slackapi.client import WebClients
from latchkey.tokens.access import Access
from latchkey.tokens.resolver import TokenResolver

if TYPE_CHECKING:
    from slack_sdk.web.async_client import AsyncWebClient

ClientFor: TypeAlias = "Callable[[str | None, str | None, str | None], Coroutine[Any, Any, AsyncWebClient]]"


class TokenClients:
    """Makes clients with the tokens of the store."""

    def __init__(self, resolver: TokenResolver, clients: WebClients) -> None:
        self._resolver = resolver
        self._clients = clients

    async def client_for(
        self, enterprise_id: str | None, team_id: str | None, user_id: str | None = None
    ) -> AsyncWebClient:
        """Return a client with the bot's token of a workspace (`team_id` None: of an org), or with a person's own.

        If the workspace has no installation of its own, its org's is used. Without a bot, and without `user_id`, the
        latest installer's token is used if `[slack] act_as = "installer"`. If the token expires while the client is
        used, the client replaces it.

        Raises NotInstalled, MustReinstall, TokenUnavailable, StoreUnavailable or UnreadableRecord.
        """
        if not self._clients.is_loaded:
            await self._clients.load()
        access = await self._resolver.access_for(enterprise_id, team_id, user_id)

        async def fresh_token() -> str | None:
            return _token_of(await self._resolver.access_for(enterprise_id, team_id, user_id), user_id)

        return self._clients.retrying_client(_token_of(access, user_id), access.workspace, fresh_token=fresh_token)


def _token_of(access: Access, user_id: str | None) -> str | None:
    return access.token if user_id is None else access.user_token
