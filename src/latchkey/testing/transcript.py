"""What has happened in a test, as text: what people did and what the app did then. It contains no secrets."""

from __future__ import annotations

from collections.abc import Iterator

from latchkey.logs import without_tokens
from latchkey.testing.outcome import Outcome
from latchkey.testing.running_app import RunningApp
from latchkey.testing.surfaces import PostedMessage

MAX_SHOWN = 300
"""Characters of a message."""
_QUIET = frozenset(
    {"auth.test", "oauth.v2.access", "chat.postMessage", "chat.postEphemeral", "views.open", "views.push"}
)
"""Methods whose effect is shown instead, or that the server calls itself."""


def transcript(running: RunningApp) -> str:
    """Return one line for each thing that a person did, and below it what the app did."""
    lines = [line for outcome in running.outcomes for line in _lines(running, outcome)]
    return without_tokens("\n".join(lines))


def _lines(running: RunningApp, outcome: Outcome) -> Iterator[str]:
    yield f"{running.names.place(outcome.workspace)}: {outcome.what}"
    if outcome.note:
        yield f"    Slack sent the app nothing: {outcome.note}"
    for message in outcome.messages:
        yield from (f"    {line}" for line in _shown(message))
    yield from (f"    {line}" for line in _others(outcome))


def _shown(message: PostedMessage) -> Iterator[str]:
    where = " in a thread" if message.thread_ts not in ("", message.ts) else ""
    only = " (only for this person)" if message.is_ephemeral else ""
    shown = message.text or message.shown_text
    yield f"{message.author} in {message.channel}{where}{only}: {shown[:MAX_SHOWN]}"
    if message.buttons:
        yield f"    buttons: {', '.join(message.buttons)}"


def _others(outcome: Outcome) -> Iterator[str]:
    """Yield what has happened outside of conversations."""
    for modal in outcome.modals:
        yield f"the app opened the form {modal.title!r} with the fields: {', '.join(modal.fields) or 'none'}"
    for call in outcome.calls:
        if "error" in call.response:
            yield f"{call.method} failed: {call.response['error']}"
        elif call.method not in _QUIET:
            yield f"the app called {call.method}"
    for response in outcome.responses:
        if response.error:
            yield f"the app responded to {response.what!r} with status {response.status}: {response.error}"
        elif response.document.get("response_action"):
            yield f"the app responded: {response.body[:MAX_SHOWN]}"
    for error in outcome.errors:
        yield f"a listener raised {type(error).__name__}: {str(error)[:MAX_SHOWN]}"
