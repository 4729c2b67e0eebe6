"""The Web API methods of agents: streamed messages, and the status, title and prompts of a thread.

Each takes the world, the token and the arguments, and returns the fields of an `ok: true` response or
raises `ApiError` with Slack's error code. https://docs.slack.dev/reference/methods
"""

from __future__ import annotations

from collections.abc import Callable

from latchkey.simulator.model import AgentThread, Message, World
from latchkey.simulator.tokens import Token
from latchkey.simulator.web_api.api_call import ApiError, Arguments, Document, nested
from latchkey.simulator.web_api.conversation_methods import find_message
from latchkey.simulator.web_api.triggers import use_trigger

SESSION_STATUSES = frozenset({"active", "processing", "suspended", "closed"})


def chat_start_stream(world: World, token: Token, arguments: Arguments) -> Document:
    """Begin a message in a thread; https://docs.slack.dev/reference/methods/chat.startStream."""
    if not arguments.get("channel"):
        raise ApiError("channel_not_found")
    if not arguments.get("thread_ts"):
        raise ApiError("invalid_arguments")
    message = world.post(
        Message(
            token.workspace,
            str(arguments["channel"]),
            token.user_id,
            _text(arguments),
            thread_ts=str(arguments["thread_ts"]),
            is_streaming=True,
            is_markdown=True,
            tasks=_tasks(arguments),
        )
    )
    return {"channel": message.channel, "ts": message.ts}


def chat_append_stream(world: World, token: Token, arguments: Arguments) -> Document:
    """Add to a message; https://docs.slack.dev/reference/methods/chat.appendStream."""
    if find_message(world, token, arguments).is_stopped:
        raise ApiError("stopped_by_user")
    message = _streaming(world, token, arguments)
    if not (_text(arguments) or _tasks(arguments)):
        raise ApiError("no_text")
    message.text += _text(arguments)
    message.tasks |= _tasks(arguments)
    world.changed(message)
    return {"channel": message.channel, "ts": message.ts}


def chat_stop_stream(world: World, token: Token, arguments: Arguments) -> Document:
    """End a message, to which text and blocks are added, and set the status of the session that it is in.

    https://docs.slack.dev/reference/methods/chat.stopStream
    """
    status = str(arguments.get("session_status") or "active")
    if status not in SESSION_STATUSES:
        raise ApiError("invalid_arguments")
    message = _streaming(world, token, arguments)
    message.text += _text(arguments)
    message.tasks |= _tasks(arguments)
    message.blocks = nested(arguments.get("blocks")) or []
    message.metadata = nested(arguments.get("metadata")) or {}
    message.is_streaming = False
    world.changed(message)
    thread = world.agent_threads.get((message.channel, message.thread_ts))
    if thread is not None and thread.session:
        thread.session = status
        world.show_agent(token.workspace, message.channel, message.thread_ts, thread)
    return {
        "channel": message.channel,
        "ts": message.ts,
        "message": {"text": message.text, "ts": message.ts, "user": message.author, "thread_ts": message.thread_ts},
    }


def assistant_threads_set_status(world: World, token: Token, arguments: Arguments) -> Document:
    if arguments.get("status") is None:
        raise ApiError("invalid_arguments")
    thread = _thread(world, token, arguments)
    thread.status = str(arguments["status"])
    _show(world, token, arguments, thread)
    return {}


def assistant_threads_set_title(world: World, token: Token, arguments: Arguments) -> Document:
    if not arguments.get("title"):
        raise ApiError("invalid_arguments")
    thread = _thread(world, token, arguments)
    thread.title = str(arguments["title"])
    _show(world, token, arguments, thread)
    return {}


def assistant_threads_set_suggested_prompts(world: World, token: Token, arguments: Arguments) -> Document:
    """Set the prompts of a thread or, without `thread_ts`, those at the top of an agent's messages tab."""
    prompts = nested(arguments.get("prompts"))
    if not isinstance(prompts, list) or not prompts:
        raise ApiError("invalid_arguments")
    thread = _thread(world, token, arguments, may_be_whole_channel=True)
    thread.prompts, thread.prompts_title = prompts, str(arguments.get("title") or "")
    _show(world, token, arguments, thread)
    return {}


def agents_sessions_set_status(world: World, token: Token, arguments: Arguments) -> Document:
    """Set the status of an agent's session; https://docs.slack.dev/reference/methods/agents.sessions.setStatus."""
    status = str(arguments.get("status"))
    if status not in SESSION_STATUSES:
        raise ApiError("invalid_arguments")
    thread = _thread(world, token, arguments)
    if not thread.session and arguments.get("title"):
        thread.title = str(arguments["title"])
    thread.session = status
    _show(world, token, arguments, thread)
    return {"status": status, "title": thread.title}


def agents_sessions_rename(world: World, token: Token, arguments: Arguments) -> Document:
    """Rename an agent's session; https://docs.slack.dev/reference/methods/agents.sessions.rename."""
    if not arguments.get("title"):
        raise ApiError("invalid_arguments")
    thread = _thread(world, token, arguments)
    thread.title = str(arguments["title"])
    _show(world, token, arguments, thread)
    return {"title": thread.title}


def entity_present_details(world: World, token: Token, arguments: Arguments) -> Document:
    """Show the details of a Work Object; https://docs.slack.dev/reference/methods/entity.presentDetails."""
    use_trigger(world, arguments)
    return {}


AGENT_METHODS: dict[str, Callable[[World, Token, Arguments], Document]] = {
    "agents.sessions.rename": agents_sessions_rename,
    "agents.sessions.setStatus": agents_sessions_set_status,
    "assistant.threads.setStatus": assistant_threads_set_status,
    "assistant.threads.setSuggestedPrompts": assistant_threads_set_suggested_prompts,
    "assistant.threads.setTitle": assistant_threads_set_title,
    "chat.appendStream": chat_append_stream,
    "chat.startStream": chat_start_stream,
    "chat.stopStream": chat_stop_stream,
    "entity.presentDetails": entity_present_details,
}
"""By Slack's names."""


def _text(arguments: Arguments) -> str:
    """Return the text of a call: `markdown_text`, or that of its chunks."""
    chunks = nested(arguments.get("chunks")) or []
    return str(arguments.get("markdown_text") or "") + "".join(str(chunk.get("text") or "") for chunk in chunks)


def _tasks(arguments: Arguments) -> dict[str, Document]:
    """Return the tasks that a call's chunks report, by their ids."""
    chunks = nested(arguments.get("chunks")) or []
    return {str(chunk.get("id")): chunk for chunk in chunks if chunk.get("type") == "task_update"}


def _streaming(world: World, token: Token, arguments: Arguments) -> Message:
    message = find_message(world, token, arguments)
    if not message.is_streaming:
        raise ApiError("message_not_in_streaming_state")
    return message


def _thread(world: World, token: Token, arguments: Arguments, *, may_be_whole_channel: bool = False) -> AgentThread:
    channel, thread_ts = arguments.get("channel_id"), arguments.get("thread_ts")
    if not channel or not (thread_ts or may_be_whole_channel):
        raise ApiError("invalid_arguments")
    return world.agent_threads.setdefault((str(channel), str(thread_ts or "")), AgentThread())


def _show(world: World, token: Token, arguments: Arguments, thread: AgentThread) -> None:
    world.show_agent(token.workspace, str(arguments["channel_id"]), str(arguments.get("thread_ts") or ""), thread)
