"""Granted scopes are kept for each token; installs add to them, and only a revocation takes them away."""

from typing import Any

import pytest

from latchkey.storage import Store
from latchkey.storage.engine import Change
from tests.storage.conformance.installations.models import find, find_bot, installation


def scopes(store: Store, user_id: str | None = None) -> tuple[list[str], list[str]]:
    """Return the scopes of the bot and of this user."""
    found = find(store, user_id=user_id)
    assert found is not None
    return list(found.bot_scopes), list(found.user_scopes)


def test_a_reinstall_adds_scopes_and_loses_none(store: Store) -> None:
    store.installations.save(
        installation(bot_scopes=["chat:write", "commands"], user_token="xoxp-1", user_scopes=["a"])
    )
    store.installations.save(installation(bot_scopes=["files:read"], user_token="xoxp-2", user_scopes=["b"]))
    assert scopes(store) == (["files:read", "chat:write", "commands"], ["b", "a"])
    bot = find_bot(store)
    assert bot is not None
    assert bot.bot_scopes == ["files:read", "chat:write", "commands"]


def test_each_users_token_has_scopes_of_its_own(store: Store) -> None:
    store.installations.save(installation(user_id="U1", user_token="xoxp-1", user_scopes=["a"]))
    store.installations.save(installation(user_id="U2", user_token="xoxp-2", user_scopes=["b"]))
    assert scopes(store, "U1")[1] == ["a"]
    assert scopes(store, "U2")[1] == ["b"]


def test_enriching_and_saving_the_bot_lose_none_either(store: Store) -> None:
    store.installations.save(installation(bot_scopes=["chat:write"]))
    again = installation(bot_scopes=["commands"])
    store.installations.save(again)
    store.installations.enrich(again)
    assert scopes(store)[0] == ["commands", "chat:write"]
    store.installations.save_bot(installation(bot_scopes=["commands"]).to_bot())
    assert scopes(store)[0] == ["commands", "chat:write"]


@pytest.mark.parametrize("revoked", [{"everything": True}, {"bot": True, "user_ids": ["U1"]}])
def test_scopes_end_with_the_revocation_of_their_token(store: Store, revoked: dict[str, Any]) -> None:
    store.installations.save(installation(bot_scopes=["chat:write"], user_token="xoxp-1", user_scopes=["a"]))
    store.installations.remove_revoked(None, "T1", **revoked)
    store.installations.save(installation(bot_scopes=["commands"], user_token="xoxp-2", user_scopes=["b"]))
    assert scopes(store) == (["commands"], ["b"])


def test_another_apps_scopes_are_not_added(store: Store) -> None:
    store.installations.save(installation(app_id="A1", bot_scopes=["chat:write"]))
    store.installations.save(installation(app_id="A2", bot_scopes=["commands"]))
    assert scopes(store)[0] == ["commands"]


def test_a_reinstall_replaces_a_bot_that_cannot_be_decrypted(store: Store) -> None:
    store.installations.save(installation(bot_scopes=["chat:write"]))
    [bot] = store._engine.scan("bots")
    store._engine.commit([Change("bots", bot.record_id, bot.value[:60])])
    store.installations.save(installation(bot_scopes=["commands"], user_id="U2"))
    assert scopes(store)[0] == ["commands"]
