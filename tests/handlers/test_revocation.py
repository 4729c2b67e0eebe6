"""`app_uninstalled` and `tokens_revoked`: which installation an event removes is decided only from the event."""

import json
from typing import Any, NamedTuple

import pytest
from slack_sdk.oauth.installation_store import Installation

from latchkey.simulator import JSON, Slack
from latchkey.storage import Store

ORG, TEAM = "E0FOREST", "T0CEDAR"
TOKENS_REVOKED = {"type": "tokens_revoked", "tokens": {"bot": ["UBOT"], "oauth": ["U1"]}}
ABSENT: Any = object()


def authorized(flag: Any = ABSENT, enterprise_id: str | None = ORG, team_id: str | None = TEAM) -> list[dict[str, Any]]:
    first = {"enterprise_id": enterprise_id, "team_id": team_id, "user_id": "UBOT", "is_bot": True}
    return [first if flag is ABSENT else {**first, "is_enterprise_install": flag}]


class Case(NamedTuple):
    fields: dict[str, Any]
    """Fields of the event's wrapper, in addition to those that Slack documents for these events."""
    removes: str
    """"org", "team", or "" if it removes neither."""


CASES = {
    # Neither flag: only an org's id in the place of the team's names the org.
    "as documented, with the enterprise": Case({"team_id": TEAM, "enterprise_id": ORG}, "team"),
    "as documented, without it": Case({"team_id": TEAM}, "team"),
    "no authorization": Case({"team_id": TEAM, "enterprise_id": ORG, "authorizations": []}, "team"),
    "authorizations null": Case({"team_id": TEAM, "enterprise_id": ORG, "authorizations": None}, "team"),
    "an empty authorization": Case({"team_id": TEAM, "enterprise_id": ORG, "authorizations": [{}]}, "team"),
    "an authorization without a flag": Case({"team_id": TEAM, "authorizations": authorized()}, "team"),
    "the org's id as team_id": Case({"team_id": ORG}, "org"),
    "the org's id as both": Case({"team_id": ORG, "enterprise_id": ORG}, "org"),
    "the org's id as an authorization's team_id": Case({"authorizations": authorized(team_id=ORG)}, "org"),
    "another org's id as team_id": Case({"team_id": "E0OTHER"}, ""),
    "only an enterprise_id": Case({"enterprise_id": ORG}, ""),
    "an enterprise_id and an empty team_id": Case({"enterprise_id": ORG, "team_id": ""}, ""),
    "no id at all": Case({}, ""),
    # The flag of the authorization decides first.
    "authorized for the org": Case({"team_id": TEAM, "authorizations": authorized(True)}, "org"),
    "authorized for the org, as text": Case({"team_id": TEAM, "authorizations": authorized("true")}, "org"),
    "authorized for the org, no team": Case({"authorizations": authorized(True, team_id=None)}, "org"),
    "authorized for the org, none named": Case({"team_id": TEAM, "authorizations": authorized(True, None)}, ""),
    "authorized for another org": Case({"team_id": TEAM, "authorizations": authorized(True, "E0OTHER")}, ""),
    "authorized for the team": Case({"team_id": TEAM, "authorizations": authorized(False)}, "team"),
    "authorized for the team, as text": Case({"team_id": TEAM, "authorizations": authorized("false")}, "team"),
    "authorized for the team, no team": Case({"authorizations": authorized(False, team_id=None)}, ""),
    "authorized for the team, with the org's id": Case({"authorizations": authorized(False, team_id=ORG)}, ""),
    "authorized for the org, outside for the team": Case(
        {"team_id": TEAM, "authorizations": authorized(True), "is_enterprise_install": False}, "org"
    ),
    "authorized for the team, outside for the org": Case(
        {"team_id": TEAM, "authorizations": authorized(False), "is_enterprise_install": True}, "team"
    ),
    "the second authorization does not count": Case(
        {"team_id": TEAM, "authorizations": authorized(False) + authorized(True)}, "team"
    ),
    # Then the flag of the wrapper.
    "outside for the org": Case({"team_id": TEAM, "enterprise_id": ORG, "is_enterprise_install": True}, "org"),
    "outside for the org, as text": Case(
        {"team_id": TEAM, "enterprise_id": ORG, "is_enterprise_install": "true"}, "org"
    ),
    "outside for the org, no authorization": Case(
        {"team_id": TEAM, "enterprise_id": ORG, "authorizations": [], "is_enterprise_install": True}, "org"
    ),
    "outside for the org, none named": Case({"team_id": TEAM, "is_enterprise_install": True}, ""),
    "outside for the org, authorized without a flag": Case(
        {"team_id": TEAM, "authorizations": authorized(), "is_enterprise_install": True}, "org"
    ),
    "outside for the team": Case({"team_id": TEAM, "enterprise_id": ORG, "is_enterprise_install": False}, "team"),
    "outside for the team, as text": Case(
        {"team_id": TEAM, "enterprise_id": ORG, "is_enterprise_install": "false"}, "team"
    ),
    "outside for the team, with the org's id": Case({"team_id": ORG, "is_enterprise_install": False}, ""),
    # A flag that is neither true nor false is no flag.
    **{
        f"{where} flag {value!r}": Case({"team_id": TEAM, "enterprise_id": ORG, **fields}, "team")
        for value in ("TRUE", "True", 1, None, "", [True], {"true": True})
        for where, fields in (
            ("outside", {"is_enterprise_install": value}),
            ("authorized", {"authorizations": authorized(value)}),
        )
    },
}
MALFORMED = {
    "authorizations an object": {"team_id": TEAM, "authorizations": {"is_enterprise_install": True}},
    "authorizations text": {"team_id": TEAM, "authorizations": "true"},
    "authorizations of text": {"team_id": TEAM, "authorizations": ["true"]},
    "authorizations of null": {"team_id": TEAM, "authorizations": [None]},
    "team_id a list": {"team_id": [ORG]},
    "team_id with a slash": {"team_id": f"{ORG}/{TEAM}"},
    "enterprise_id an object": {"team_id": TEAM, "enterprise_id": {"id": ORG}},
}


@pytest.fixture
def both(store: Store) -> Store:
    """A store with an org-wide installation, and one of a workspace of that org."""
    values: dict[str, Any] = {"enterprise_id": ORG, "user_id": "U1", "installed_at": 1_700_000_000.0}
    store.installations.save(
        Installation(team_id=None, bot_token="xoxb-org", user_token="xoxp-org", is_enterprise_install=True, **values)
    )
    store.installations.save(Installation(team_id=TEAM, bot_token="xoxb-team", user_token="xoxp-team", **values))
    return store


def installed(store: Store) -> dict[str, tuple[str | None, str | None] | None]:
    """Return the (bot, user) tokens of the org and of the workspace."""
    org = store.installations.find_installation(enterprise_id=ORG, team_id=None, is_enterprise_install=True)
    team = store.installations.find_installation(enterprise_id=ORG, team_id=TEAM)
    return {
        "org": (org.bot_token, org.user_token) if org else None,
        "team": (team.bot_token, team.user_token) if team else None,
    }


async def send(slack: Slack, event: dict[str, Any], fields: dict[str, Any]) -> int:
    wrapper = {"type": "event_callback", "api_app_id": "A0LATCHKEY", "event_id": "Ev1", "event_time": 1_800_000_000}
    body = json.dumps({**wrapper, "event": event, **fields}).encode()
    return (await slack.sender.send("revocation", body, JSON)).status


@pytest.mark.gen_test
@pytest.mark.parametrize("event", [{"type": "app_uninstalled"}, TOKENS_REVOKED], ids=lambda event: event["type"])
@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
async def test_event_removes_exactly_the_installation_that_it_names(
    http_server: object, slack: Slack, both: Store, case: Case, event: dict[str, Any]
) -> None:
    before = installed(both)
    assert await send(slack, event, case.fields) == 200
    assert installed(both) == {name: None if name == case.removes else tokens for name, tokens in before.items()}


@pytest.mark.gen_test
@pytest.mark.parametrize("event", [{"type": "app_uninstalled"}, TOKENS_REVOKED], ids=lambda event: event["type"])
@pytest.mark.parametrize("fields", MALFORMED.values(), ids=MALFORMED)
async def test_malformed_event_removes_nothing(
    http_server: object, slack: Slack, both: Store, fields: dict[str, Any], event: dict[str, Any]
) -> None:
    before = installed(both)
    assert await send(slack, event, fields) == 400
    assert installed(both) == before


@pytest.mark.gen_test
@pytest.mark.parametrize("event", [{"type": "app_uninstalled"}, TOKENS_REVOKED], ids=lambda event: event["type"])
@pytest.mark.parametrize("case", [case for case in CASES.values() if case.removes == "team"])
async def test_workspace_event_keeps_the_org_wide_installation_and_logs_it(
    http_server: object,
    slack: Slack,
    both: Store,
    all_logs: pytest.LogCaptureFixture,
    case: Case,
    event: dict[str, Any],
) -> None:
    both.installations.delete_all(enterprise_id=ORG, team_id=TEAM)
    assert await send(slack, event, case.fields) == 200
    assert installed(both) == {"org": ("xoxb-org", "xoxp-org"), "team": None}
    [warning] = [record.getMessage() for record in all_logs.records if record.name == "latchkey.storage"]
    assert f"team {TEAM}" in warning
    assert f"org-wide installations are kept: {ORG};" in warning
    assert "xox" not in warning


@pytest.mark.gen_test
async def test_revoking_a_users_workspace_token_keeps_their_org_token(
    http_server: object, slack: Slack, both: Store
) -> None:
    event = {"type": "tokens_revoked", "tokens": {"oauth": ["U1"]}}
    assert await send(slack, event, {"team_id": TEAM, "enterprise_id": ORG}) == 200
    assert installed(both) == {"org": ("xoxb-org", "xoxp-org"), "team": ("xoxb-team", None)}


@pytest.mark.gen_test
@pytest.mark.parametrize("event", [{"type": "app_uninstalled"}, TOKENS_REVOKED], ids=lambda event: event["type"])
async def test_a_workspace_that_installed_the_app_before_it_joined_the_org_is_removed(
    http_server: object, slack: Slack, both: Store, event: dict[str, Any]
) -> None:
    both.installations.delete_all(enterprise_id=ORG, team_id=TEAM)
    both.installations.save(
        Installation(team_id=TEAM, user_id="U1", bot_token="xoxb-earlier", user_token="xoxp-earlier", installed_at=1.0)
    )
    assert await send(slack, event, {"authorizations": authorized(False)}) == 200
    assert both.installations.find_installation(enterprise_id=None, team_id=TEAM) is None
    assert installed(both) == {"org": ("xoxb-org", "xoxp-org"), "team": None}
