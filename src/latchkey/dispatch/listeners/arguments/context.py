"""The `context` of one call: Bolt's names, as items and as attributes (mirrors `slack_bolt.context.base_context`).

Invariant: printing it never shows a token; tokens are only reached by name.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from latchkey.dispatch.listeners.arguments.agent import AGENT_ARGUMENTS
from latchkey.dispatch.listeners.arguments.custom_step import STEP_ARGUMENTS
from latchkey.slackapi.client import response_url_of
from latchkey.slackapi.requests import Payload, actor_of, thread_ts_of
from latchkey.tokens import Access

if TYPE_CHECKING:
    from latchkey.dispatch.listeners.arguments.blocking_call import BlockingCall
    from latchkey.dispatch.listeners.arguments.call import Call

CONTEXT_NAMES = frozenset(
    {
        "enterprise_id",
        "team_id",
        "is_enterprise_install",
        "user_id",
        "actor_enterprise_id",
        "actor_team_id",
        "actor_user_id",
        "channel_id",
        "thread_ts",
        "token",
        "bot_id",
        "bot_user_id",
        "bot_token",
        "user_token",
        "function_bot_access_token",
        "function_execution_id",
        "inputs",
        "response_url",
        "trigger_id",
        "matches",
        "request_id",
        "retry_num",
        "attempt",
    }
)
OF_THE_CALL = AGENT_ARGUMENTS | STEP_ARGUMENTS | {"client", "logger", "ack", "say", "respond", "authorize_result"}
"""Arguments that the context has as well; each is made when it is used."""

_TOKENS = frozenset({"token", "bot_token", "user_token", "function_bot_access_token"})


class _Masked(dict[str, Any]):
    """A dict that never prints a token."""

    def __repr__(self) -> str:
        return repr({name: "********" if name in _TOKENS else value for name, value in self.items()})

    __str__ = __repr__


class Context(_Masked):
    """Facts about the call. Listeners may add items of their own."""

    call: Call | BlockingCall
    """The call of the function that uses the context now; several use the same one in turn."""

    def __getattr__(self, name: str) -> Any:
        if name in CONTEXT_NAMES or name in self:
            return self.get(name)
        return self._of_the_call(name, AttributeError)

    def __missing__(self, name: str) -> Any:
        return self._of_the_call(name, KeyError)

    def _of_the_call(self, name: str, missing: type[Exception]) -> Any:
        if name not in OF_THE_CALL:
            raise missing(f"context has no {name}")
        return self.call.agent.function(name) if name in AGENT_ARGUMENTS else getattr(self.call, name)


class AuthorizeResult(_Masked):
    """The tokens of a call and whose they are, as items and as attributes; Bolt's names."""

    def __getattr__(self, name: str) -> Any:
        if name in self:
            return self[name]
        raise AttributeError(f"authorize_result has no {name}")


def context_for(payload: Payload, access: Access, request_id: str, attempt: int) -> Context:
    workspace, bot, actor = access.workspace, access.bot, actor_of(payload)
    return Context(
        enterprise_id=workspace.enterprise_id,
        team_id=workspace.team_id,
        is_enterprise_install=workspace.is_enterprise_install,
        user_id=payload.user_id,
        actor_enterprise_id=actor.enterprise_id,
        actor_team_id=actor.team_id,
        actor_user_id=actor.user_id,
        channel_id=payload.channel_id,
        thread_ts=thread_ts_of(payload.body),
        token=access.token,
        bot_id=bot.bot_id if bot else None,
        bot_user_id=bot.bot_user_id if bot else None,
        bot_token=bot.bot_token if bot else None,
        user_token=access.user_token,
        function_bot_access_token=payload.function_token,
        function_execution_id=payload.function_execution_id,
        inputs=payload.function_inputs,
        response_url=response_url_of(payload.body),
        trigger_id=payload.body.get("trigger_id"),
        request_id=request_id,
        retry_num=payload.retry_num,
        attempt=attempt,
    )


def authorize_result_for(payload: Payload, access: Access) -> AuthorizeResult:
    """Return what the store knows; the rest, which Bolt gets from auth.test, is None."""
    workspace, bot = access.workspace, access.bot
    return AuthorizeResult(
        enterprise_id=workspace.enterprise_id,
        team_id=workspace.team_id,
        team=bot.team_name if bot else None,
        url=None,
        bot_id=bot.bot_id if bot else None,
        bot_user_id=bot.bot_user_id if bot else None,
        bot_token=bot.bot_token if bot else None,
        bot_scopes=bot.bot_scopes if bot else None,
        user_id=payload.user_id,
        user=None,
        user_token=access.user_token,
        user_scopes=None,
    )
