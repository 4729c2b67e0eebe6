"""The `context` of one call: Bolt's names, as items and as attributes (mirrors `slack_bolt.context.base_context`).

Invariant: printing it never shows a token; tokens are only reached by name.
"""

from __future__ import annotations

from typing import Any

from latchkey.slackapi.client import response_url_of
from latchkey.slackapi.requests import Payload
from latchkey.tokens import Access

CONTEXT_NAMES = frozenset(
    {
        "enterprise_id",
        "team_id",
        "is_enterprise_install",
        "user_id",
        "channel_id",
        "bot_id",
        "bot_user_id",
        "bot_token",
        "user_token",
        "function_bot_access_token",
        "response_url",
        "trigger_id",
        "matches",
        "request_id",
        "retry_num",
        "attempt",
    }
)


_TOKENS = frozenset({"bot_token", "user_token", "function_bot_access_token"})


class Context(dict[str, Any]):
    """Facts about the call. Listeners may add items of their own."""

    def __getattr__(self, name: str) -> Any:
        if name in CONTEXT_NAMES or name in self:
            return self.get(name)
        raise AttributeError(f"context has no {name}")

    def __repr__(self) -> str:
        return repr({name: "********" if name in _TOKENS else value for name, value in self.items()})

    __str__ = __repr__


def context_for(payload: Payload, access: Access, request_id: str, attempt: int) -> Context:
    workspace, bot = access.workspace, access.bot
    return Context(
        enterprise_id=workspace.enterprise_id,
        team_id=workspace.team_id,
        is_enterprise_install=workspace.is_enterprise_install,
        user_id=payload.user_id,
        channel_id=payload.channel_id,
        bot_id=bot.bot_id if bot else None,
        bot_user_id=bot.bot_user_id if bot else None,
        bot_token=bot.bot_token if bot else None,
        user_token=access.user_token,
        function_bot_access_token=payload.function_token,
        response_url=response_url_of(payload.body),
        trigger_id=payload.body.get("trigger_id"),
        request_id=request_id,
        retry_num=payload.retry_num,
        attempt=attempt,
    )
