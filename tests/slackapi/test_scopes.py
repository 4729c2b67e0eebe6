"""Each scope has a sentence that says what it lets the app do."""

import re

import pytest

from latchkey.slackapi.manifest.event_scopes import EVENT_SCOPES, MESSAGE_SUBSCRIPTIONS, USER_EVENTS
from latchkey.slackapi.scopes import BOT_SCOPES, USER_SCOPES, bot_permissions, user_permissions


def test_every_scope_that_a_manifest_can_contain_has_a_sentence() -> None:
    bot = {"commands", *MESSAGE_SUBSCRIPTIONS.values()}
    user: set[str] = set()
    for event, scopes in EVENT_SCOPES.items():
        (user if event in USER_EVENTS else bot).update(scopes)
    assert not bot - BOT_SCOPES.keys()
    assert not user - USER_SCOPES.keys()


@pytest.mark.parametrize("scopes", [BOT_SCOPES, USER_SCOPES], ids=["bot", "user"])
def test_sentences_complete_it_can(scopes: dict[str, str]) -> None:
    assert list(scopes) == sorted(scopes)
    for sentence in scopes.values():
        assert re.fullmatch(r"[a-z][^.!?\n]{5,100}", sentence), sentence


def test_unknown_scopes_are_kept_by_name_and_repeated_ones_only_once() -> None:
    assert bot_permissions(["new:scope", "commands", "commands"]) == [
        ("new:scope", "", False),
        ("commands", BOT_SCOPES["commands"], False),
    ]
    assert user_permissions(["chat:write"]) == [("chat:write", USER_SCOPES["chat:write"], False)]
    assert BOT_SCOPES["chat:write"] != USER_SCOPES["chat:write"]
