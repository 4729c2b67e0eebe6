"""The `context` of one call: Bolt's names, as items and as attributes (mirrors `slack_bolt.context.base_context`).

Invariant: printing it never shows the token, which is only reached by name.
"""

from __future__ import annotations

from typing import Any

from slack_sdk.oauth.installation_store import Bot

from latchkey.slackapi.client import response_url_of
from latchkey.slackapi.requests import Payload

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
        "response_url",
        "trigger_id",
        "matches",
        "request_id",
        "retry_num",
        "attempt",
    }
)


class Context(dict[str, Any]):
    """Facts about the call. Listeners may add items of their own."""

    def __getattr__(self, name: str) -> Any:
        if name in CONTEXT_NAMES or name in self:
            return self.get(name)
        raise AttributeError(f"context has no {name}")

    def __repr__(self) -> str:
        return repr({name: "********" if name == "bot_token" else value for name, value in self.items()})

    __str__ = __repr__


def context_for(payload: Payload, bot: Bot, request_id: str, attempt: int) -> Context:
    workspace = payload.workspace
    return Context(
        enterprise_id=workspace.enterprise_id,
        team_id=workspace.team_id,
        is_enterprise_install=workspace.is_enterprise_install,
        user_id=payload.user_id,
        channel_id=payload.channel_id,
        bot_id=bot.bot_id or None,
        bot_user_id=bot.bot_user_id or None,
        bot_token=bot.bot_token or None,
        response_url=response_url_of(payload.body),
        trigger_id=payload.body.get("trigger_id"),
        request_id=request_id,
        retry_num=payload.retry_num,
        attempt=attempt,
    )
