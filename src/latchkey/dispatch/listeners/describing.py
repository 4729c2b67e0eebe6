"""Describes failed listeners and missing installations, for the log and the store."""

from __future__ import annotations

import traceback
from pathlib import Path

from slack_sdk.errors import SlackApiError

from latchkey.dispatch.listeners.author_line import author_line
from latchkey.dispatch.listeners.registration import Listener
from latchkey.slackapi.client import error_code
from latchkey.slackapi.requests import Payload
from latchkey.tokens import record_ids


def describe_workspace(payload: Payload) -> str:
    """Return the ids of the records that an installation was looked for in, and the person if their token counts."""
    records = " or ".join(map(repr, record_ids(payload.workspace)))
    return f"{records} with a bot, or a token of {payload.user_id or 'the person who acts'}"


def describe(error: Exception, listener: Listener | None) -> str:
    """Return what may be stored about an error: its type, Slack's error code, and the author's line.

    If no line of the author's is known, it is the line that raised the error. `listener` is the one that raised it,
    if one did.
    """
    text = type(error).__name__
    if isinstance(error, SlackApiError):
        code = error_code(error)
        text += f" ({code})" if code else ""
    frames = traceback.extract_tb(error.__traceback__)[-1:]
    line = author_line(error, listener.plan.module if listener else "") or (frames[0] if frames else None)
    return f"{text} at {Path(line.filename).name}:{line.lineno} in {line.name}" if line else text
