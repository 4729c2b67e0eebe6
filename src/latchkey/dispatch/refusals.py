"""What Slack, and so a person, is told where no listener answers.

Rule: each kind of request gets what Slack can show for it, and no reason that
would help a stranger.
"""

from __future__ import annotations

from latchkey.dispatch.listeners import EMPTY, Reply, json_reply, text_reply, view_of
from latchkey.slackapi.requests import Kind, Payload

NO_LISTENER = text_reply("no listener is registered for this", 404)
"""Slack shows its own error, which is how an author finds a misspelt name."""


def not_installed(payload: Payload, install_url: str) -> Reply:
    return _tell(payload, f"Please install this app first! {install_url}", otherwise=EMPTY)


def failed(payload: Payload, request_id: str) -> Reply:
    text = f"Sorry, that did not work. The app's administrator finds the reason in the log under {request_id}."
    return _tell(payload, text, otherwise=text_reply("the listener failed", 500))


def too_late(payload: Payload) -> Reply:
    """For a command or an action silence is right: its listener goes on, and may answer by `respond`."""
    if payload.kind is Kind.COMMAND:
        return EMPTY
    return _tell(payload, "The app is slow to answer just now. Please try again.", otherwise=EMPTY)


def _tell(payload: Payload, text: str, *, otherwise: Reply) -> Reply:
    if payload.kind is Kind.COMMAND:
        return text_reply(text)
    if payload.kind is Kind.OPTIONS:
        return json_reply({"options": []})
    block_id = _first_input(payload) if payload.type == "view_submission" else None
    if block_id is None:
        return otherwise
    # The form stays open with what was typed, and the text stands under its first field.
    return json_reply({"response_action": "errors", "errors": {block_id: text}})


def _first_input(payload: Payload) -> str | None:
    blocks = view_of(payload).get("blocks")
    for block in blocks if isinstance(blocks, list) else ():
        if isinstance(block, dict) and block.get("type") == "input" and isinstance(block.get("block_id"), str):
            return str(block["block_id"])
    return None
