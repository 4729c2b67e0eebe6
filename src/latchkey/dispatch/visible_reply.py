"""Replies to interactive requests that Slack shows to the person, if no listener has replied."""

from __future__ import annotations

from latchkey.dispatch.listeners import Reply, json_reply, text_reply, view_of
from latchkey.slackapi.requests import Kind, Payload


def visible_reply(payload: Payload, text: str, *, otherwise: Reply) -> Reply:
    """Return a reply in which Slack shows `text` to the person, or `otherwise` if this kind of request has none."""
    if payload.kind is Kind.COMMAND:
        return text_reply(text)
    if payload.kind is Kind.OPTIONS:
        return json_reply({"options": []})
    # A form stays open with what was typed, and the text is shown under its first field.
    if payload.type == "view_submission" and (block_id := _first_input(payload)) is not None:
        return json_reply({"response_action": "errors", "errors": {block_id: text}})
    if payload.type == "dialog_submission" and (name := _first_element(payload)) is not None:
        return json_reply({"errors": [{"name": name, "error": text}]})
    return otherwise


def _first_input(payload: Payload) -> str | None:
    blocks = view_of(payload).get("blocks")
    for block in blocks if isinstance(blocks, list) else ():
        if isinstance(block, dict) and block.get("type") == "input" and isinstance(block.get("block_id"), str):
            return str(block["block_id"])
    return None


def _first_element(payload: Payload) -> str | None:
    submission = payload.body.get("submission")
    return next(iter(submission), None) if isinstance(submission, dict) else None
