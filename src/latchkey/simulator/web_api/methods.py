"""The Web API methods that apps of this kind call.

Each takes the world, the token and the arguments, and returns the fields of an `ok: true` response or
raises `ApiError` with Slack's error code. https://docs.slack.dev/reference/methods
"""

from __future__ import annotations

from collections.abc import Callable

from latchkey.simulator.model import FunctionRun, Message, World, message_document
from latchkey.simulator.tokens import Token
from latchkey.simulator.web_api.agent_methods import AGENT_METHODS
from latchkey.simulator.web_api.api_call import ApiError, Arguments, Document, nested
from latchkey.simulator.web_api.conversation_methods import CONVERSATION_METHODS
from latchkey.simulator.web_api.directory_methods import DIRECTORY_METHODS
from latchkey.simulator.web_api.view_methods import VIEW_METHODS


def auth_test(world: World, token: Token, arguments: Arguments) -> Document:
    workspace = token.workspace
    document: Document = {
        "url": f"https://{workspace.name.lower()}.slack.com/",
        "team": workspace.name,
        "user": "latchkey" if token.is_bot else "alice",
        "team_id": workspace.team_id,
        "user_id": token.user_id,
        "is_enterprise_install": token.org_wide,
    }
    if workspace.enterprise_id:
        document["enterprise_id"] = workspace.enterprise_id
    return {**document, "bot_id": f"B{workspace.team_id[1:]}"} if token.is_bot else document


def chat_post_message(world: World, token: Token, arguments: Arguments) -> Document:
    message = world.post(_message(world, token, arguments))
    return {"channel": message.channel, "ts": message.ts, "message": message_document(world, message)}


def chat_post_ephemeral(world: World, token: Token, arguments: Arguments) -> Document:
    if not arguments.get("user"):
        raise ApiError("user_not_in_channel")
    message = _message(world, token, arguments)
    message.only_for = str(arguments["user"])
    return {"message_ts": world.post(message).ts}


def _message(world: World, token: Token, arguments: Arguments) -> Message:
    if "chat:write" not in token.scopes.split(","):
        raise ApiError("missing_scope")
    if not arguments.get("channel"):
        raise ApiError("channel_not_found")
    blocks = nested(arguments.get("blocks")) or []
    attachments = nested(arguments.get("attachments")) or []
    if not (arguments.get("text") or arguments.get("markdown_text") or blocks or attachments):
        raise ApiError("no_text")
    return Message(
        token.workspace,
        str(arguments["channel"]),
        token.user_id,
        str(arguments.get("text") or arguments.get("markdown_text") or ""),
        blocks=blocks,
        thread_ts=str(arguments.get("thread_ts") or ""),
        metadata=nested(arguments.get("metadata")) or {},
        attachments=attachments,
        is_markdown=bool(arguments.get("markdown_text")),
    )


def functions_complete_success(world: World, token: Token, arguments: Arguments) -> Document:
    """Complete a run of a function; its token ends.

    https://docs.slack.dev/reference/methods/functions.completeSuccess
    """
    run = _unfinished_run(world, arguments)
    run.outputs = nested(arguments.get("outputs")) or {}
    world.token_book.revoke(run.token)
    return {}


def functions_complete_error(world: World, token: Token, arguments: Arguments) -> Document:
    """Complete a run of a function with an error; its token ends.

    https://docs.slack.dev/reference/methods/functions.completeError
    """
    run = _unfinished_run(world, arguments)
    run.error = str(arguments.get("error") or "")
    world.token_book.revoke(run.token)
    return {}


def _unfinished_run(world: World, arguments: Arguments) -> FunctionRun:
    run = world.function_runs.get(str(arguments.get("function_execution_id")))
    if run is None or run.outputs is not None or run.error is not None:
        raise ApiError("function_execution_not_found")
    return run


METHODS: dict[str, Callable[[World, Token, Arguments], Document]] = {
    "auth.test": auth_test,
    "chat.postMessage": chat_post_message,
    "chat.postEphemeral": chat_post_ephemeral,
    "functions.completeSuccess": functions_complete_success,
    "functions.completeError": functions_complete_error,
    **VIEW_METHODS,
    **DIRECTORY_METHODS,
    **CONVERSATION_METHODS,
    **AGENT_METHODS,
}
"""By Slack's names, without those of `token_methods`."""
