"""A request for each listener that `latchkey listeners --json` names, for apps that have no steps of their own."""

from collections.abc import Iterable
from typing import Any

from latchkey.simulator import Slack
from tests.outside.apps.steps import Send, Step, click, command, event, posted, step

MATCHING = {"/hello-bolt-.+": "/hello-bolt-python", "(me_message)|(file_share)": "me_message"}
"""A text for each pattern that does not match itself."""
THREAD = {"user_id": "U0ALICE", "channel_id": "D0ALICE", "thread_ts": "1.1", "context": {}}
PREVIOUS = {"type": "message", "user": "U0ALICE", "text": "gone", "ts": "1.1"}
ADDED: dict[str, dict[str, object]] = {
    "assistant_thread_started": {"assistant_thread": THREAD},
    "assistant_thread_context_changed": {"assistant_thread": THREAD},
    "team_access_granted": {"team_ids": ["T0OTHER"]},
    "team_access_revoked": {"team_ids": ["T0OTHER"]},
    "message": {"channel_type": "channel", "previous_message": PREVIOUS},
}
"""What events of a type have besides a person, a channel and a text."""
VALUES = {"num": {"input": {"type": "static_select", "selected_option": {"value": "5"}}}}
METADATA = '{"channel_id": "D0ALICE", "thread_ts": "1.1"}'
"""What a form of Bolt's examples for assistants contains."""
DIRECT = {"channel_type": "im", "channel": "D0ALICE", "thread_ts": "1.1"}


def steps_for(listeners: Iterable[dict[str, Any]]) -> tuple[Step, ...]:
    sends = (_request(listener["kind"], listener["matches"]) for listener in listeners)
    return (step(posted("A message with a button")), *map(step, filter(None, sends)))


def _request(kind: str, matches: Any) -> Send | None:
    fields = _fields(matches)
    name = str(fields.get("action_id") or fields.get("callback_id") or fields.get("type") or "")
    if kind == "message":
        return event(type="message", channel_type="channel", text=name)
    if kind == "event":
        return _event(fields) if name else None
    if kind == "command":
        return command(name)
    if kind == "action":
        return click(name)
    return _view(name, fields) if kind == "view" else _interaction(kind, name)


def _fields(matches: Any) -> dict[str, str]:
    """Return what a payload must contain; a text is its name or type."""
    given = matches if isinstance(matches, dict) and "pattern" not in matches else {"type": matches}
    return {key: _text(value) for key, value in given.items() if value is not None}


def _text(value: Any) -> str:
    pattern = str(value["pattern"] if isinstance(value, dict) else value)
    return MATCHING.get(pattern, pattern)


def _event(fields: dict[str, str]) -> Send:
    is_direct = fields.get("channel_type") == "im"
    return event(
        text="<@UBOTACME> hello", **{**ADDED.get(fields["type"], {}), **(DIRECT if is_direct else {}), **fields}
    )


def _view(name: str, fields: dict[str, str]) -> Send:
    async def send(slack: Slack) -> object:
        acme = slack.workspace()
        form = {"type": "modal", "callback_id": name, "private_metadata": METADATA, "blocks": []}
        opened = slack.world.open_view(acme, acme.user_id, form)
        if fields["type"] == "view_closed":
            return await slack.sender.closed(opened)
        return await slack.sender.submission(opened, VALUES)

    return send


def _interaction(kind: str, name: str) -> Send:
    type_ = {"options": "block_suggestion"}.get(kind, kind)
    named = {"callback_id": name, "action_id": name, "block_id": "b", "value": "x"}
    return lambda slack: slack.sender.interaction(slack.workspace(), type_, named)
