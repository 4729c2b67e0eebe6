"""Whose workspace, user, bot and channel a payload is about; whatever is not an id counts as absent."""

import json
from typing import Any
from urllib.parse import urlencode

import pytest

from latchkey.slackapi.requests import Payload, WorkspaceId, assistant_thread_of, parse

ACME = WorkspaceId(None, "T1", False)
FOREST = WorkspaceId("E1", "T2", True)

# Slack's samples: docs.slack.dev/reference/events/message, message_changed, message_deleted and message_replied.
OWN = {"user": "UBOT", "bot_id": "B1", "ts": "1.1"}
ALICES = {"user": "U1", "ts": "1.1"}


def event(inner: object, **wrapper: Any) -> Payload:
    document = {"type": "event_callback", "team_id": "T1", "event_id": "Ev1", "event": inner, **wrapper}
    return parse("application/json", json.dumps(document).encode())


def interaction(kind: str, **fields: Any) -> Payload:
    document = {"type": kind, "team": {"id": "T1"}, "user": {"id": "U1", "team_id": "T1"}, **fields}
    return parse("application/x-www-form-urlencoded", urlencode({"payload": json.dumps(document)}).encode())


def changed(subtype: str, **fields: Any) -> Payload:
    return event({"type": "message", "subtype": subtype, "hidden": True, "channel": "C1", "ts": "2.1", **fields})


@pytest.mark.parametrize(
    ("payload", "user_id", "bot_id"),
    [
        (changed("message_changed", message=ALICES, previous_message=ALICES), "U1", None),
        (changed("message_changed", message=OWN, previous_message=OWN), "UBOT", "B1"),
        (changed("message_changed", message={"bot_id": "B1", "subtype": "bot_message"}), None, "B1"),
        (changed("message_changed", message={**OWN, "subtype": "thread_broadcast", "root": ALICES}), "UBOT", "B1"),
        (changed("message_changed", message={**OWN, "attachments": [{"from_url": "https://x"}]}), "UBOT", "B1"),
        (changed("message_changed", message={**ALICES, "bot_id": "B1"}), "U1", "B1"),
        (changed("message_deleted", deleted_ts="1.1", previous_message=ALICES), "U1", None),
        (changed("message_deleted", deleted_ts="1.1", previous_message=OWN), "UBOT", "B1"),
        (
            changed("message_changed", message={"subtype": "tombstone", "user": "USLACKBOT"}, previous_message=OWN),
            "UBOT",
            "B1",
        ),
        (changed("message_replied", message={**OWN, "replies": [{"user": "U1", "ts": "1.2"}]}), "U1", None),
        (changed("message_replied", message={**ALICES, "replies": [{"user": "UBOT", "ts": "1.2"}]}), "UBOT", None),
        (changed("message_replied", message={**OWN, "replies": []}), "UBOT", "B1"),
        (event({"type": "message", "subtype": "bot_message", "bot_id": "B2", "channel": "C1"}), None, "B2"),
        (event({"type": "link_shared", "user": "UBOT", "channel": "C1", "links": []}), "UBOT", None),
        (event({"type": "reaction_added", "user": "UBOT", "item_user": "U1", "item": {"channel": "C1"}}), "UBOT", None),
        (event({"type": "reaction_added", "user": "U1", "item_user": "UBOT", "item": {"channel": "C1"}}), "U1", None),
        (event({"type": "message", **ALICES, "message": OWN}), "U1", None),
        (changed("message_changed", message=7, previous_message=["x"]), None, None),
    ],
)
def test_an_edit_or_deletion_is_its_authors(payload: Payload, user_id: str | None, bot_id: str | None) -> None:
    assert (payload.user_id, payload.bot_id) == (user_id, bot_id)


@pytest.mark.parametrize("kind", ["assistant_thread_started", "assistant_thread_context_changed"])
def test_an_assistant_threads_user_channel_and_thread_are_found(kind: str) -> None:
    thread = {"user_id": "U1", "context": {"channel_id": "C9", "team_id": "T1"}, "channel_id": "D1", "thread_ts": "1.1"}
    payload = event({"type": kind, "assistant_thread": thread, "event_ts": "2.1"})
    assert (payload.user_id, payload.channel_id, assistant_thread_of(payload)) == ("U1", "D1", "1.1")


@pytest.mark.parametrize("thread", [None, 7, [], {}, {"thread_ts": 1.1, "channel_id": ["D1"], "user_id": None}])
def test_a_malformed_assistant_thread_counts_as_absent(thread: object) -> None:
    payload = event({"type": "assistant_thread_started", "assistant_thread": thread})
    assert (payload.user_id, payload.channel_id, assistant_thread_of(payload)) == (None, None, None)


ORG_VIEW = {"id": "V1", "team_id": "T2", "app_installed_team_id": "E1"}


@pytest.mark.parametrize(
    ("payload", "workspace"),
    [
        (interaction("view_submission", team=None, enterprise={"id": "E1"}, is_enterprise_install=True, view=ORG_VIEW), FOREST),
        (interaction("view_submission", team=None, view=ORG_VIEW), FOREST),
        (interaction("view_submission", team=None, user={"id": "U1"}, view=ORG_VIEW), FOREST),
        (interaction("view_closed", team=None, enterprise={"id": "E1"}, is_enterprise_install="true", view=ORG_VIEW), FOREST),
        (interaction("block_actions", team={"id": "T2"}, actions=[], view=ORG_VIEW), FOREST),
        (interaction("block_actions", team={"id": "E1"}, user={"id": "U1", "team_id": "T2"}, actions=[]), FOREST),
        (interaction("block_actions", team={"id": "E1"}, user={"id": "U1"}, actions=[]), WorkspaceId("E1", None, True)),
        (interaction("view_submission", view={"team_id": "T9", "app_installed_team_id": "T1"}), ACME),
        (event({"type": "app_uninstalled"}, team_id="E1"), WorkspaceId("E1", None, True)),
        (event({"type": "x"}, team_id="T2", enterprise_id="E1", is_enterprise_install=True), FOREST),
        (
            event({"type": "x"}, team_id="T2", authorizations=[{"enterprise_id": "E1", "team_id": "E1", "is_enterprise_install": True}]),
            FOREST,
        ),
    ],
)  # fmt: skip
def test_an_orgs_id_is_never_taken_for_a_workspaces(payload: Payload, workspace: WorkspaceId) -> None:
    assert payload.workspace == workspace


NOT_IDS = [None, "", ["U1"], {"a": 1}, {"id": ["U1"]}, {"id": {}}, 12, 1e308, True, "x" * 65, "x" * 100_000, "a/b",
           "../x", "T1\n", "é", "T 1", "\ud800", "U1\ud83d"]  # fmt: skip


@pytest.mark.parametrize("value", NOT_IDS)
def test_what_is_not_an_id_counts_as_absent(value: object) -> None:
    assert event({"type": "new", "user": value, "channel": value, "bot_id": value}).user_id is None
    assert event({"type": "new", "user": value, "user_id": "U2"}).user_id == "U2"
    payload = event(
        {"type": "new", "user": value, "channel": value, "channel_id": "C2", "item": value, "message": value}
    )
    assert (payload.user_id, payload.channel_id, payload.bot_id) == (None, "C2", None)
    assert event({"type": "new"}, team_id=value).workspace == (None, None, False)
    assert event({"type": "new"}, enterprise_id=value).workspace == ACME
    assert event({"type": "new"}, event_id=value).event_id is None
    submitted = interaction("block_actions", team=value, user=value, channel=value, view=value, enterprise=value)
    assert (submitted.workspace, submitted.user_id, submitted.channel_id) == ((None, None, False), None, None)


@pytest.mark.parametrize("authorizations", [7, "x", {}, [], [7], [None], [[]], [{"team_id": 7, "enterprise_id": []}]])
def test_malformed_authorizations_count_as_absent(authorizations: object) -> None:
    assert event({"type": "new"}, authorizations=authorizations).workspace == ACME


@pytest.mark.parametrize(
    "inner", [None, 7, "app_mention", ["app_mention"], {}, {"type": 7}, {"type": None}, {"type": ["x"]}]
)
def test_an_event_without_a_type_is_accepted_and_has_none(inner: object) -> None:
    assert event(inner).type == ""
