"""The Web API methods that apps of this kind call.

Each takes the world, the token and the arguments, and returns the fields of an `ok: true` response or
raises `ApiError` with Slack's error code. https://docs.slack.dev/reference/methods
"""

from __future__ import annotations

from collections.abc import Callable

from latchkey.simulator.model import FunctionRun, Message, OpenView, World
from latchkey.simulator.tokens import Token
from latchkey.simulator.web_api.agent_methods import AGENT_METHODS
from latchkey.simulator.web_api.api_call import ApiError, Arguments, Document, nested
from latchkey.simulator.web_api.conversation_methods import CONVERSATION_METHODS
from latchkey.simulator.web_api.triggers import use_trigger


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
    return {"channel": message.channel, "ts": message.ts, "message": {"text": message.text, "ts": message.ts}}


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
    if not (arguments.get("text") or arguments.get("markdown_text") or blocks):
        raise ApiError("no_text")
    return Message(
        token.workspace,
        str(arguments["channel"]),
        token.user_id,
        str(arguments.get("text") or arguments.get("markdown_text") or ""),
        blocks=blocks,
        thread_ts=str(arguments.get("thread_ts") or ""),
        metadata=nested(arguments.get("metadata")) or {},
    )


def views_open(world: World, token: Token, arguments: Arguments) -> Document:
    trigger = use_trigger(world, arguments)
    view_id = f"V{world.number():08d}"
    opened = OpenView(view_id, trigger.workspace, trigger.user_id, _view(arguments))
    world.views[view_id] = opened
    return {"view": _view_document(world, opened)}


def views_update(world: World, token: Token, arguments: Arguments) -> Document:
    opened = world.views.get(str(arguments.get("view_id")))
    if opened is None:
        raise ApiError("not_found")
    opened.view, opened.errors = _view(arguments), {}
    return {"view": _view_document(world, opened)}


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
        raise ApiError("access_denied")
    return run


METHODS: dict[str, Callable[[World, Token, Arguments], Document]] = {
    "auth.test": auth_test,
    "chat.postMessage": chat_post_message,
    "chat.postEphemeral": chat_post_ephemeral,
    "functions.completeSuccess": functions_complete_success,
    "functions.completeError": functions_complete_error,
    "views.open": views_open,
    "views.push": views_open,
    "views.update": views_update,
    **CONVERSATION_METHODS,
    **AGENT_METHODS,
}
"""By Slack's names, without those of `token_methods`."""


def _view(arguments: Arguments) -> Document:
    view = nested(arguments.get("view"))
    if not isinstance(view, dict) or view.get("type") != "modal" or not view.get("title") or not view.get("blocks"):
        raise ApiError("invalid_arguments")
    return view


def _view_document(world: World, opened: OpenView) -> Document:
    return {**opened.view, "id": opened.view_id, "team_id": opened.workspace.team_id, "app_id": world.app.app_id}
