"""From a payload of each type to the installation that it is for, and to no other."""

import json
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlencode

import pytest

from latchkey.slackapi.requests import Payload, WorkspaceId, parse
from latchkey.storage import Store, open_store
from latchkey.tokens import TokenResolver, record_ids
from tests.support.stores import installation

FORM, JSON = "application/x-www-form-urlencoded", "application/json"
ORG, OTHER_ORG = "E1", "E9"
SINGLE, OWN, COVERED, MOVED, STRANGER = "T1", "T2", "T3", "T4", "T9"
"""A workspace outside of any org; one of the org that has installed the app itself; one that has it through the org; one
that installed it before it joined the org; and the partner in a shared channel, which does not have the app."""
INSTALLED = {"single": (None, SINGLE), "org": (ORG, None), "own": (ORG, OWN), "moved": (None, MOVED)}


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    folder: Path = tmp_path_factory.mktemp("resolver")
    with closing(open_store(folder / "store.sqlite", folder / "keys" / "keyring")) as store:
        for name, (enterprise_id, team_id) in INSTALLED.items():
            ids: dict[str, Any] = {"enterprise_id": enterprise_id, "is_enterprise_install": team_id is None}
            store.installations.save(installation(team_id, bot_token=name, **ids))  # type: ignore[arg-type]
        yield store


class Situation(NamedTuple):
    """Where somebody acts, and whose installation it is; None: the field is absent or null."""

    team: str | None
    enterprise: str | None
    org_wide: bool | None
    acting_team: str | None
    """The workspace of the person, which in a shared channel may be another one."""
    expected: str | None
    """The name of the installation, or None if there is none."""


SITUATIONS = {
    "a workspace": Situation(SINGLE, None, False, SINGLE, "single"),
    "a workspace, without the flag": Situation(SINGLE, None, None, SINGLE, "single"),
    "the org, in one of its workspaces": Situation(COVERED, ORG, True, COVERED, "org"),
    "the org, in no workspace": Situation(None, ORG, True, COVERED, "org"),
    "the org, in a workspace with an installation of its own": Situation(OWN, ORG, True, OWN, "org"),
    "a workspace of the org that has installed the app itself": Situation(OWN, ORG, False, OWN, "own"),
    "a workspace's payload under the org's installation": Situation(COVERED, ORG, False, COVERED, "org"),
    "the same, without the flag": Situation(COVERED, ORG, None, COVERED, "org"),
    "a workspace that has joined the org since": Situation(MOVED, ORG, False, MOVED, "moved"),
    "a shared channel": Situation(SINGLE, None, False, STRANGER, "single"),
    "a shared channel with the org": Situation(COVERED, ORG, True, STRANGER, "org"),
    "a workspace without the app": Situation(STRANGER, None, False, STRANGER, None),
    "a workspace without the app, of another org": Situation(STRANGER, OTHER_ORG, False, STRANGER, None),
    "another org": Situation(STRANGER, OTHER_ORG, True, STRANGER, None),
}

Make = Callable[[Situation, Any], Payload]
"""Makes a payload of one type; the second argument is `is_enterprise_install`, or None to leave it out."""


def flag(value: Any) -> dict[str, Any]:
    return {} if value is None else {"is_enterprise_install": value}


def event(kind: str, **fields: Any) -> Make:
    def make(at: Situation, org_wide: Any) -> Payload:
        authorization = {"enterprise_id": at.enterprise, "team_id": at.team, "user_id": "UBOT", **flag(org_wide)}
        document = {
            # In a shared channel, the workspace on the outside is where the event happened.
            "type": "event_callback", "team_id": at.acting_team if at.acting_team == STRANGER else at.team,
            "context_team_id": at.acting_team, "is_ext_shared_channel": at.acting_team != at.team,
            "authorizations": [authorization], "event_id": "Ev1", "event_time": 1,
            "event": {"type": kind, "user": "U1", "channel": "C1", "user_team": at.acting_team, **fields},
        }  # fmt: skip
        return parse(JSON, json.dumps(document).encode())

    return make


def command(at: Situation, org_wide: Any) -> Payload:
    # A form carries the flag as text.
    org_wide = None if org_wide is None else str(org_wide).lower()
    fields = {"command": "/x", "team_id": at.team, "enterprise_id": at.enterprise, "user_id": "U1", **flag(org_wide)}
    return parse(FORM, urlencode({name: value for name, value in fields.items() if value is not None}).encode())


def interaction(kind: str, *, in_view: bool = False, **fields: Any) -> Make:
    def make(at: Situation, org_wide: Any) -> Payload:
        team = {"id": at.team, "domain": "x", **({"enterprise_id": at.enterprise} if at.enterprise else {})}
        document = {
            "type": kind,
            "team": None if at.team is None else team,
            "enterprise": {"id": at.enterprise, "name": "Forest"} if at.enterprise else None,
            "user": {"id": "U1", "team_id": at.acting_team},
            **flag(org_wide),
            **fields,
        }
        if in_view:
            # `team` is the person's then; the view names the workspace, or the org, that has installed the app.
            installed = at.enterprise if at.org_wide else at.team
            document["view"] = {"id": "V1", "team_id": at.acting_team, "app_installed_team_id": installed}
            if at.acting_team == STRANGER:
                document["team"] = {"id": STRANGER, "domain": "x"}
        return parse(FORM, urlencode({"payload": json.dumps(document)}).encode())

    return make


PAYLOADS: dict[str, Make] = {
    "event": event("app_mention"),
    "function": event("function_executed", bot_access_token="xwfp-1", function={"callback_id": "f"}),
    "command": command,
    "block_actions": interaction("block_actions", actions=[]),
    "block_actions in a view": interaction("block_actions", in_view=True, actions=[]),
    "block_actions of a function": interaction(
        "block_actions", actions=[], function_data={}, bot_access_token="xwfp-1"
    ),
    "interactive_message": interaction("interactive_message", callback_id="c"),
    "shortcut": interaction("shortcut", callback_id="c"),
    "message_action": interaction("message_action", callback_id="c"),
    "view_submission": interaction("view_submission", in_view=True),
    "view_closed": interaction("view_closed", in_view=True),
    "block_suggestion": interaction("block_suggestion", action_id="a"),
    "block_suggestion in a view": interaction("block_suggestion", in_view=True, action_id="a"),
    "dialog_submission": interaction("dialog_submission", callback_id="c"),
}


@pytest.mark.gen_test
@pytest.mark.parametrize("make", PAYLOADS.values(), ids=PAYLOADS)
@pytest.mark.parametrize("at", SITUATIONS.values(), ids=SITUATIONS)
async def test_every_payload_finds_the_installation_that_it_is_for(store: Store, at: Situation, make: Make) -> None:
    resolver = TokenResolver(store.installations, None)
    spellings = [None] if at.org_wide is None else [at.org_wide, str(at.org_wide).lower()]
    for spelling in spellings:
        payload = make(at, spelling)
        found = await resolver.find(payload.workspace, payload.user_id, with_user=False)
        assert found.token == at.expected, (spelling, payload.workspace)
        cached = resolver.cached(payload.workspace, payload.user_id, with_user=False)
        assert cached is not None
        assert cached.token == at.expected
        # The calls of an org's token must name the team; those of a workspace's must not.
        assert at.expected is None or found.workspace.is_enterprise_install is (at.expected == "org")


@pytest.mark.gen_test
async def test_the_bot_and_the_person_of_an_event_are_read_in_one_call_of_a_thread(store: Store) -> None:
    store.installations.save(installation(OWN, enterprise_id=ORG, bot_token="own", user_token="person"))
    calls: list[str] = []
    store.observe(lambda call, _seconds, _error: calls.append(call))
    resolver = TokenResolver(store.installations, None)
    access = await resolver.find(WorkspaceId(ORG, OWN, False), "U1", with_user=True)
    assert (access.token, access.user_token) == ("own", "person")
    assert calls == ["find_tokens"]


@pytest.mark.parametrize(
    ("at", "tried"),
    [
        ("a workspace without the app", [f"/{STRANGER}"]),
        ("a workspace without the app, of another org", [f"{OTHER_ORG}/{STRANGER}", f"/{STRANGER}", f"{OTHER_ORG}/"]),
        ("another org", [f"{OTHER_ORG}/"]),
    ],
)
def test_the_ids_of_all_records_that_were_tried_are_named(at: str, tried: list[str]) -> None:
    situation = SITUATIONS[at]
    assert record_ids(PAYLOADS["event"](situation, situation.org_wide).workspace) == tried
