"""The Web API methods that read and change conversations: history, edits, reactions and direct messages.

Each takes the world, the token and the arguments, and returns the fields of an `ok: true` response or
raises `ApiError` with Slack's error code. https://docs.slack.dev/reference/methods
"""

from __future__ import annotations

from collections.abc import Callable

from latchkey.simulator.model import Message, World, message_document
from latchkey.simulator.tokens import Token
from latchkey.simulator.web_api.api_call import ApiError, Arguments, Document, nested

DEFAULT_LIMIT = 100
"""Messages in a response if the call has no `limit`."""


def conversations_history(world: World, token: Token, arguments: Arguments) -> Document:
    """Return the messages of a conversation, newest first, without replies in threads."""
    found = [message for message in _messages(world, token, arguments) if message.thread_ts in ("", message.ts)]
    return _page([message_document(world, message) for message in reversed(found)], arguments)


def conversations_replies(world: World, token: Token, arguments: Arguments) -> Document:
    """Return a message and its replies, oldest first.

    A thread whose first message this Slack has not seen, because it was only sent as an event, has its replies.
    """
    ts = arguments.get("ts")
    if not ts:
        raise ApiError("thread_not_found")
    found = [message for message in _messages(world, token, arguments) if ts in (message.ts, message.thread_ts)]
    return _page([message_document(world, message) for message in found], arguments)


def conversations_join(world: World, token: Token, arguments: Arguments) -> Document:
    return {"channel": {"id": _channel(arguments)}}


def conversations_open(world: World, token: Token, arguments: Arguments) -> Document:
    """Return the direct message with a person; it is the same one each time."""
    users = str(arguments.get("users") or "")
    if not users:
        raise ApiError("users_list_not_supplied")
    return {"channel": {"id": f"D{users.replace(',', '')[1:]}"}}


def chat_update(world: World, token: Token, arguments: Arguments) -> Document:
    message = find_message(world, token, arguments)
    if message.author != token.user_id:
        raise ApiError("cant_update_message")
    message.text = str(arguments.get("text") or "")
    message.blocks = nested(arguments.get("blocks")) or []
    message.attachments = nested(arguments.get("attachments")) or []
    message.metadata = nested(arguments.get("metadata")) or message.metadata
    message.is_edited = True
    world.changed(message)
    return {
        "channel": message.channel,
        "ts": message.ts,
        "text": message.text,
        "message": {"text": message.text, "user": message.author},
    }


def chat_delete(world: World, token: Token, arguments: Arguments) -> Document:
    """Delete a message of the token's own user; https://docs.slack.dev/reference/methods/chat.delete."""
    message = find_message(world, token, arguments)
    if message.author != token.user_id:
        raise ApiError("cant_delete_message")
    world.delete(message)
    return {"channel": message.channel, "ts": message.ts}


def chat_get_permalink(world: World, token: Token, arguments: Arguments) -> Document:
    """Return a link to a message, as Slack forms it."""
    message = find_message(world, token, {**arguments, "ts": arguments.get("message_ts")})
    link = f"https://{token.workspace.name.lower()}.slack.com/archives/{message.channel}/p{message.ts.replace('.', '')}"
    return {"channel": message.channel, "permalink": link}


def reactions_add(world: World, token: Token, arguments: Arguments) -> Document:
    """Add a reaction. Unlike Slack, accepts messages that this Slack has only sent as an event."""
    channel, timestamp, name = _channel(arguments), arguments.get("timestamp"), arguments.get("name")
    if not timestamp:
        raise ApiError("no_item_specified")
    if not name:
        raise ApiError("invalid_name")
    reaction = (channel, str(timestamp), str(name), token.user_id)
    if reaction in world.reactions:
        raise ApiError("already_reacted")
    world.reactions.add(reaction)
    _show_reactions(world, token, channel, str(timestamp))
    return {}


def reactions_remove(world: World, token: Token, arguments: Arguments) -> Document:
    """Remove a reaction of the token's own user."""
    channel, timestamp, name = _channel(arguments), str(arguments.get("timestamp")), str(arguments.get("name"))
    if (channel, timestamp, name, token.user_id) not in world.reactions:
        raise ApiError("no_reaction")
    world.reactions.remove((channel, timestamp, name, token.user_id))
    _show_reactions(world, token, channel, timestamp)
    return {}


def reactions_get(world: World, token: Token, arguments: Arguments) -> Document:
    """Return a message with its reactions."""
    message = find_message(world, token, {**arguments, "ts": arguments.get("timestamp")})
    return {"type": "message", "channel": message.channel, "message": message_document(world, message)}


def _show_reactions(world: World, token: Token, channel: str, ts: str) -> None:
    message = world.find(token.workspace, channel, ts)
    if message is not None:
        world.changed(message)


CONVERSATION_METHODS: dict[str, Callable[[World, Token, Arguments], Document]] = {
    "chat.delete": chat_delete,
    "chat.getPermalink": chat_get_permalink,
    "chat.update": chat_update,
    "conversations.history": conversations_history,
    "conversations.join": conversations_join,
    "conversations.open": conversations_open,
    "conversations.replies": conversations_replies,
    "reactions.add": reactions_add,
    "reactions.get": reactions_get,
    "reactions.remove": reactions_remove,
}
"""By Slack's names."""


def find_message(world: World, token: Token, arguments: Arguments) -> Message:
    """Return the message that `channel` and `ts` name. Raises ApiError."""
    channel = world.directory.channel(token.workspace, _channel(arguments)).channel_id
    found = world.find(token.workspace, channel, str(arguments.get("ts")))
    if found is None or found.only_for is not None:
        raise ApiError("message_not_found")
    return found


def _messages(world: World, token: Token, arguments: Arguments) -> list[Message]:
    channel = world.directory.channel(token.workspace, _channel(arguments)).channel_id
    return [
        message
        for message in world.messages
        if message.workspace == token.workspace and message.channel == channel and message.only_for is None
    ]


def _channel(arguments: Arguments) -> str:
    channel = arguments.get("channel")
    if not channel:
        raise ApiError("channel_not_found")
    return str(channel)


def _page(messages: list[Document], arguments: Arguments) -> Document:
    limit = int(arguments.get("limit") or DEFAULT_LIMIT)
    return {"messages": messages[:limit], "has_more": len(messages) > limit}
