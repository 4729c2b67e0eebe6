"""Who acted, and in which thread, compared with the installed Bolt."""

import itertools
import json
from typing import Any

import pytest
from slack_bolt.request import internals

from latchkey.slackapi.requests import actor_of, parse, thread_ts_of

TEAMS = [None, "T1", "T2", "E1", "E2", "E3"]


def body_of(kind: str, shared: bool, user_team: str | None, team: str | None) -> dict[str, Any]:
    inner = {"type": kind, "user": "U1", "user_team": user_team, "team": team}
    return {
        "type": "event_callback",
        "team_id": "T1",
        "enterprise_id": "E1",
        "context_team_id": "T2",
        "context_enterprise_id": "E2",
        "is_ext_shared_channel": shared,
        "event": {name: value for name, value in inner.items() if value is not None},
        "authorizations": [{"team_id": "T1", "enterprise_id": "E1", "is_enterprise_install": False}],
    }


@pytest.mark.parametrize("kind", ["app_mention", "message"])
@pytest.mark.parametrize("shared", [True, False])
def test_the_actor_is_bolts(kind: str, shared: bool) -> None:
    for user_team, team in itertools.product(TEAMS, TEAMS):
        body = body_of(kind, shared, user_team, team)
        payload = parse("application/json", json.dumps(body).encode())
        bolts = (
            internals.extract_actor_enterprise_id(body),
            internals.extract_actor_team_id(body),
            internals.extract_actor_user_id(body),
        )
        assert actor_of(payload) == bolts, (user_team, team)


@pytest.mark.parametrize(
    "event",
    [
        {"thread_ts": "1.1"},
        {"ts": "1.2"},
        {"assistant_thread": {"thread_ts": "1.1"}},
        {"message": {"thread_ts": "1.1"}, "previous_message": {"thread_ts": "2.1"}},
        {"message": {}, "previous_message": {"thread_ts": "2.1"}},
        {"previous_message": {"thread_ts": "2.1"}},
    ],
)
def test_the_thread_is_bolts(event: dict[str, Any]) -> None:
    for body in ({"event": event}, event):
        assert thread_ts_of(body) == internals.extract_thread_ts(body)


@pytest.mark.parametrize("thread_ts", [7, ["1.1"], {}])
def test_a_malformed_thread_counts_as_absent(thread_ts: object) -> None:
    assert thread_ts_of({"event": {"thread_ts": thread_ts}}) is None
