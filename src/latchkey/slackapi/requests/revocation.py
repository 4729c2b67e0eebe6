"""Reads the events app_uninstalled and tokens_revoked.

Invariant: each event is applied on its own, independent of earlier ones: they
arrive in any order, late, twice, and without `authorizations`.
https://docs.slack.dev/reference/events/tokens_revoked
"""

from __future__ import annotations

import math
from typing import NamedTuple

from latchkey.errors import PayloadError
from latchkey.slackapi.requests.identity import as_object, malformed_workspace_field
from latchkey.slackapi.requests.payload import Kind, Payload


class Revocation(NamedTuple):
    """What Slack revoked in one workspace."""

    everything: bool
    bot: bool
    user_ids: tuple[str, ...]
    event_time: float | None
    """Unix seconds; later installations are not revoked. None: Slack sent no time."""


def revocation(payload: Payload) -> Revocation | None:
    """Return what this event revokes, or None for any other payload; raises PayloadError."""
    if payload.kind is not Kind.EVENT or payload.type not in ("app_uninstalled", "tokens_revoked"):
        return None
    if (malformed := malformed_workspace_field(payload.body)) is not None:
        raise PayloadError(malformed)
    if payload.type == "app_uninstalled":
        return Revocation(True, True, (), _time(payload))
    tokens = as_object(payload.event.get("tokens"))
    if tokens is None:
        raise PayloadError("tokens")
    return Revocation(False, bool(_user_ids(tokens.get("bot"))), _user_ids(tokens.get("oauth")), _time(payload))


def _user_ids(value: object) -> tuple[str, ...]:
    if value is None:
        return ()
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise PayloadError("tokens")
    return tuple(value)


def _time(payload: Payload) -> float | None:
    if payload.event_time is not None:
        return payload.event_time
    try:
        time = float(payload.event["event_ts"])
    except (KeyError, TypeError, ValueError):
        return None
    return time if math.isfinite(time) else None
