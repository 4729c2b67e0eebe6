"""Payloads: every shape that Slack sends is recognized, and anything else is a PayloadError."""

import json
from typing import Any
from urllib.parse import quote_plus, urlencode

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from latchkey.errors import PayloadError
from latchkey.slackapi.requests.identity import WorkspaceId
from latchkey.slackapi.requests.payload import Kind, Payload, parse
from latchkey.slackapi.requests.revocation import Revocation, revocation

FORM = "application/x-www-form-urlencoded"
JSON = "application/json"

USER = {"id": "U1", "username": "alice", "team_id": "T1"}
COMMAND = {"command": "/hi", "team_id": "T1", "user_id": "U1", "channel_id": "C1", "is_enterprise_install": "false"}


def event(inner: dict[str, Any] | None = None, **wrapper: Any) -> bytes:
    document = {
        "type": "event_callback", "team_id": "T1", "api_app_id": "A1", "event_id": "Ev1", "event_time": 1_700_000_000,
        "event": inner or {"type": "app_mention", "user": "U1", "channel": "C1"}, **wrapper,
    }  # fmt: skip
    return json.dumps(document).encode()


def authorized(enterprise_id: str | None, team_id: str | None, org_wide: bool = False) -> dict[str, Any]:
    return {
        "authorizations": [
            {"enterprise_id": enterprise_id, "team_id": team_id, "user_id": "UBOT", "is_enterprise_install": org_wide}
        ]
    }


def form(**fields: str) -> bytes:
    return urlencode(fields).encode()


def interaction(kind: str, **fields: Any) -> bytes:
    return form(payload=json.dumps({"type": kind, "team": {"id": "T1"}, "user": USER, "enterprise": None, **fields}))


SHAPES: list[tuple[str, bytes, Kind, str, tuple[str | None, str | None, bool], str | None, str | None]] = [
    (JSON, event(), Kind.EVENT, "app_mention", (None, "T1", False), "U1", "C1"),
    (JSON, event(**authorized(None, "T2")), Kind.EVENT, "app_mention", (None, "T2", False), "U1", "C1"),
    (JSON, event(**authorized("E1", "T1", True)), Kind.EVENT, "app_mention", ("E1", "T1", True), "U1", "C1"),
    (JSON, event(**authorized("E1", None, True)), Kind.EVENT, "app_mention", ("E1", "T1", True), "U1", "C1"),
    (JSON, event(authorizations=[], enterprise_id="E1"), Kind.EVENT, "app_mention", ("E1", "T1", False), "U1", "C1"),
    (JSON, event({"type": "user_change", "user": {"id": "U9"}}), Kind.EVENT, "user_change", (None, "T1", False), "U9", None),
    (JSON, event({"type": "channel_created", "channel": {"id": "C9"}}), Kind.EVENT, "channel_created", (None, "T1", False), None, "C9"),
    (JSON, event({"type": "reaction_added", "user": "U1", "item": {"channel": "C7"}}), Kind.EVENT, "reaction_added", (None, "T1", False), "U1", "C7"),
    (JSON, b'{"type":"app_rate_limited","team_id":"T1"}', Kind.RATE_LIMITED, "app_rate_limited", (None, "T1", False), None, None),
    (FORM, form(**COMMAND), Kind.COMMAND, "/hi", (None, "T1", False), "U1", "C1"),
    (FORM, form(**{**COMMAND, "enterprise_id": "E1", "is_enterprise_install": "true"}), Kind.COMMAND, "/hi", ("E1", "T1", True), "U1", "C1"),
    (FORM, interaction("block_actions", actions=[], channel={"id": "C1"}), Kind.ACTION, "block_actions", (None, "T1", False), "U1", "C1"),
    (FORM, interaction("block_actions", actions=[], view={}, container={"type": "view"}), Kind.ACTION, "block_actions", (None, "T1", False), "U1", None),
    (FORM, interaction("block_actions", team=None, enterprise={"id": "E1"}, is_enterprise_install=True), Kind.ACTION, "block_actions", ("E1", "T1", True), "U1", None),
    (FORM, interaction("interactive_message", callback_id="c"), Kind.ACTION, "interactive_message", (None, "T1", False), "U1", None),
    (FORM, interaction("dialog_submission", callback_id="c"), Kind.ACTION, "dialog_submission", (None, "T1", False), "U1", None),
    (FORM, interaction("shortcut", callback_id="c"), Kind.SHORTCUT, "shortcut", (None, "T1", False), "U1", None),
    (FORM, interaction("message_action", callback_id="c"), Kind.SHORTCUT, "message_action", (None, "T1", False), "U1", None),
    (FORM, interaction("view_submission", view={"callback_id": "c"}), Kind.VIEW, "view_submission", (None, "T1", False), "U1", None),
    (FORM, interaction("view_submission", view={"app_installed_team_id": "T5"}), Kind.VIEW, "view_submission", (None, "T5", False), "U1", None),
    (FORM, interaction("view_closed", team={"id": "T1", "enterprise_id": "E2"}), Kind.VIEW, "view_closed", ("E2", "T1", False), "U1", None),
    (FORM, interaction("view_closed", team=None, user={"id": "U1"}, view={"team_id": "T6"}), Kind.VIEW, "view_closed", (None, "T6", False), "U1", None),
    (FORM, interaction("block_suggestion", action_id="a"), Kind.OPTIONS, "block_suggestion", (None, "T1", False), "U1", None),
    (FORM, b"ssl_check=1&token=x", Kind.SSL_CHECK, "ssl_check", (None, None, False), None, None),
    (JSON + "; charset=utf-8", b'{"type":"url_verification","challenge":"c"}', Kind.URL_VERIFICATION, "url_verification", (None, None, False), None, None),
]  # fmt: skip


@pytest.mark.parametrize(("content_type", "body", "kind", "name", "workspace", "user", "channel"), SHAPES)
def test_every_shape_is_recognized_and_its_workspace_found(
    content_type: str, body: bytes, kind: Kind, name: str, workspace: tuple[str, str, bool], user: str, channel: str
) -> None:
    payload = parse(content_type, body)
    assert (payload.kind, payload.type, payload.workspace) == (kind, name, workspace)
    assert (payload.user_id, payload.channel_id) == (user, channel)


def test_an_events_id_and_time_are_read() -> None:
    payload = parse(JSON, event())
    assert (payload.event_id, payload.event_time, payload.retry_num) == ("Ev1", 1_700_000_000, None)


@pytest.mark.parametrize("time", [None, "1700000000", 1.5, -1, 2**63, True])
def test_an_invalid_event_time_is_none(time: object) -> None:
    assert parse(JSON, event(event_time=time)).event_time is None


@given(
    st.dictionaries(
        st.text(alphabet=st.characters(exclude_categories=["Cs"])),
        st.text(alphabet=st.characters(exclude_categories=["Cs"])),
        max_size=5,
    )
)
def test_a_forms_fields_are_those_that_urllib_encodes(fields: dict[str, str]) -> None:
    for quote in (quote_plus, percent_encode):
        body = urlencode({**fields, "command": "/x"}, quote_via=quote).encode()
        assert parse(FORM, body).body == {**fields, "command": "/x"}


def percent_encode(text: str, *_: object) -> str:
    """Return a text with every byte percent-encoded, in lower case."""
    return "".join(f"%{byte:02x}" for byte in text.encode())


@pytest.mark.parametrize("body", [b"command=%ED%A0%BD", b"command=%ff", b"command=\xff"])
def test_bytes_in_a_form_that_are_not_utf_8_are_replaced(body: bytes) -> None:
    assert set(parse(FORM, body).type) == {"\ufffd"}


def test_an_ssl_check_drops_all_other_fields() -> None:
    assert parse(FORM, b"ssl_check=1&token=x&team_id=T1&user_id=U1").body == {}


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
known = st.sampled_from(
    ["type", "event", "team", "team_id", "user", "view", "authorizations", "enterprise", "channel", "item", "container",
     "event_id", "event_time", "is_enterprise_install", "challenge", "tokens", "actions", "command", "payload"]
)  # fmt: skip
types = st.sampled_from(["event_callback", "block_actions", "view_submission", "url_verification", "app_rate_limited"])


def parsed_or_refused(content_type: str, body: bytes) -> None:
    try:
        payload = parse(content_type, body)
        revocation(payload)
    except PayloadError:
        return
    assert isinstance(payload, Payload)


@given(content_type=st.sampled_from([JSON, FORM, "", "text/html"]), body=st.binary(max_size=300))
def test_arbitrary_bytes_are_parsed_or_refused(content_type: str, body: bytes) -> None:
    parsed_or_refused(content_type, body)


# The first dictionaries take a second to make on a cold start; that says nothing about the parser.
@settings(suppress_health_check=[HealthCheck.too_slow])
@given(kind=types, fields=st.dictionaries(known, json_values))
def test_arbitrary_fields_are_parsed_or_refused(kind: str, fields: dict[str, Any]) -> None:
    document = json.dumps({**fields, "type": kind})
    parsed_or_refused(JSON, document.encode())
    parsed_or_refused(FORM, urlencode({"payload": document}).encode())


@given(shape=st.sampled_from(SHAPES), position=st.integers(0, 400), byte=st.integers(0, 255))
def test_a_real_payload_with_a_changed_byte_is_parsed_or_refused(
    shape: tuple[Any, ...], position: int, byte: int
) -> None:
    body = bytearray(shape[1])
    body[position % len(body)] = byte
    parsed_or_refused(shape[0], bytes(body))


@given(st.text(max_size=200))
def test_an_error_shows_nothing_of_the_body(text: str) -> None:
    marked = "sentinel" + text
    for body in (json.dumps({"type": marked}).encode(), marked.encode("utf-8", "replace")):
        with pytest.raises(PayloadError) as caught:
            parse(JSON, body)
        assert "sentinel" not in str(caught.value)


ACME = WorkspaceId(None, "T1", False)


def revoked(inner: dict[str, Any]) -> Revocation | None:
    return revocation(parse(JSON, event(inner)))


class TestRevocation:
    def test_app_uninstalled_revokes_everything(self) -> None:
        assert revoked({"type": "app_uninstalled"}) == Revocation(ACME, True, True, (), (), 1_700_000_000)

    def test_tokens_revoked_names_users_and_the_bot(self) -> None:
        tokens = {"type": "tokens_revoked", "tokens": {"oauth": ["U1", "U2"], "bot": ["UBOT"]}}
        assert revoked(tokens) == Revocation(ACME, False, True, ("U1", "U2"), (), 1_700_000_000)
        tokens = {"type": "tokens_revoked", "tokens": {"oauth": ["U1"]}}
        assert revoked(tokens) == Revocation(ACME, False, False, ("U1",), (), 1_700_000_000)

    def test_team_access_revoked_names_workspaces(self) -> None:
        ended = {"type": "team_access_revoked", "team_ids": ["T1", "T2"]}
        assert revoked(ended) == Revocation(ACME, False, False, (), ("T1", "T2"), 1_700_000_000)

    @pytest.mark.parametrize(
        ("event_ts", "found"), [("12.5", 12.5), ("nan", None), ("inf", None), ("x", None), (None, None)]
    )
    def test_uses_event_ts_without_an_event_time(self, event_ts: object, found: float | None) -> None:
        gone = revocation(parse(JSON, event({"type": "app_uninstalled", "event_ts": event_ts}, event_time=None)))
        assert gone is not None
        assert gone.event_time == found

    def test_other_payloads_revoke_nothing(self) -> None:
        assert revocation(parse(JSON, event())) is None
        assert revocation(parse(FORM, form(**COMMAND))) is None
