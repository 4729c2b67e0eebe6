"""Recognizes the events that the app itself has caused."""

from __future__ import annotations

from latchkey.slackapi.requests import Payload
from latchkey.tokens import Access

# Events about the app's own bot user that are useful to it; Bolt delivers the same two.
_DELIVERED_OWN_EVENTS = frozenset({"member_joined_channel", "member_left_channel"})

_MESSAGES = frozenset({"message", "app_mention"})


def is_own(payload: Payload, access: Access) -> bool:
    """Whether the app itself caused this event: its messages, edits and deletions.

    A bot that responds to those never stops.
    """
    if payload.type in _DELIVERED_OWN_EVENTS:
        return False
    # A message that the app has posted with a person's token has that person's user id.
    app_id = payload.event.get("app_id")
    if app_id is not None and payload.type in _MESSAGES and app_id == payload.body.get("api_app_id"):
        return True
    bot = access.bot
    if bot is None:
        return False
    return (payload.user_id is not None and payload.user_id == bot.bot_user_id) or (
        payload.bot_id is not None and payload.bot_id == bot.bot_id
    )
