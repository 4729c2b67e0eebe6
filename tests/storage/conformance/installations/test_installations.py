"""slack_sdk's installation store: saving and looking up, without the known defects of slack_sdk's own stores."""

import asyncio
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from latchkey.storage import Store
from latchkey.storage.installations import NOT_CACHED, TokenCache, UserToken, WorkspaceKey
from tests.storage.conformance.installations.models import count_records, find, find_bot, installation, user_only
from tests.support.clocks import Clock


def test_returns_every_field_that_was_saved(store: Store) -> None:
    saved = installation(
        enterprise_id="E1",
        enterprise_name="Org",
        team_name="Team",
        bot_refresh_token="xoxe-1-b",
        bot_token_expires_at=1_700_043_200,
        user_token="xoxp-1",
        user_scopes=["search:read"],
        user_refresh_token="xoxe-1-u",
        user_token_expires_at=1_700_043_201,
        incoming_webhook_url="https://hooks.slack.com/services/x",
        incoming_webhook_channel="#general",
        incoming_webhook_channel_id="C1",
        incoming_webhook_configuration_url="https://slack.com/services/x",
        token_type="bot",
        custom_values={"plan": "gold"},
    )
    store.installations.save(saved)
    found = find(store, enterprise_id="E1")
    assert found is not None
    assert found.__dict__ == saved.__dict__
    bot = find_bot(store, enterprise_id="E1")
    assert bot is not None
    assert bot.__dict__ == saved.to_bot().__dict__


def test_returns_none_for_an_absent_workspace(store: Store) -> None:
    assert find(store) is None
    assert find_bot(store) is None
    assert find(store, user_id="U9") is None


def test_returns_the_latest_installation_without_a_user_id(store: Store) -> None:
    store.installations.save(installation(user_id="U1"))
    store.installations.save(installation(user_id="U2", bot_token="xoxb-second"))
    latest, first = find(store), find(store, user_id="U1")
    assert latest is not None
    assert latest.user_id == "U2"
    assert first is not None
    assert first.bot_token == "xoxb-second", "a user's installation comes with the latest bot token"


def test_a_user_only_install_keeps_the_bot(store: Store) -> None:
    store.installations.save(installation())
    store.installations.save(user_only())
    bot, found = find_bot(store), find(store)
    assert bot is not None
    assert bot.bot_token == "xoxb-T1-U1"
    assert found is not None
    assert (found.user_token, found.bot_token, found.bot_scopes) == ("xoxp-U2", "xoxb-T1-U1", ["chat:write"])


def test_a_save_without_a_user_token_keeps_the_earlier_one(store: Store) -> None:
    """Bolt refreshes the bot for user B by saving A's installation with `user_token=None`."""
    store.installations.save(installation(user_token="xoxp-a", user_scopes=["search:read"]))
    store.installations.save(installation(user_token=None, bot_token="xoxb-refreshed"))
    found = find(store, user_id="U1")
    assert found is not None
    assert (found.user_token, found.user_scopes, found.bot_token) == ("xoxp-a", ["search:read"], "xoxb-refreshed")


def test_repeated_saves_add_no_record(store: Store) -> None:
    for number in range(30):
        store.installations.save(installation(bot_token=f"xoxb-{number}"))
        store.installations.save_bot(installation(bot_token=f"xoxb-refreshed-{number}").to_bot())
    assert count_records(store) == 3


@pytest.mark.parametrize("times", [1, 2])
def test_a_workspace_finds_its_installation_without_a_user_id(store: Store, times: int) -> None:
    """slack_sdk's file store does not, if it keeps no history."""
    for _ in range(times):
        store.installations.save(installation())
    assert find(store) is not None
    assert find_bot(store) is not None


def test_an_org_wide_install_is_found_by_its_enterprise_whatever_the_team(store: Store) -> None:
    """slack_sdk's stores cannot find an org install that was saved with a team_id (sdk#1639)."""
    store.installations.save(installation(team_id="T1", enterprise_id="E1", is_enterprise_install=True))
    for team_id in ("T1", "T2", None):
        assert find_bot(store, team_id, enterprise_id="E1", is_enterprise_install=True) is not None
        assert find(store, team_id, enterprise_id="E1", is_enterprise_install=True) is not None
    assert find_bot(store, None, enterprise_id="E1") is not None
    assert find_bot(store, "T1", enterprise_id="E1") is None
    assert find_bot(store, "T1") is None


def test_an_empty_id_equals_none(store: Store) -> None:
    store.installations.save(installation(enterprise_id=""))
    assert find_bot(store, enterprise_id=None) is not None


def test_a_cached_bot_is_never_older_than_a_save(store: Store) -> None:
    store.installations.save(installation())
    assert find_bot(store) is not None
    store.installations.save(installation(bot_token="xoxb-2"))
    bot = find_bot(store)
    assert bot is not None
    assert bot.bot_token == "xoxb-2"
    store.installations.delete_bot(enterprise_id=None, team_id="T1")
    assert store.installations.cached_bot(None, "T1") is NOT_CACHED
    assert find_bot(store) is None
    assert store.installations.cached_bot(None, "T1") is None


def test_a_changed_bot_does_not_change_the_cached_one(store: Store) -> None:
    store.installations.save(installation())
    first = find_bot(store)
    assert first is not None
    first.bot_token = "changed"
    again = find_bot(store)
    assert again is not None
    assert again.bot_token == "xoxb-T1-U1"


def test_does_not_cache_a_read_that_a_write_overtook(clock: Clock) -> None:
    cache, key = TokenCache(clock), WorkspaceKey("", "T1")
    generation = cache.generation
    cache.forget(key)
    cache.put_bot(key, installation(bot_token="xoxb-stale").to_bot(), generation)
    cache.put_user(key, "U1", UserToken("U1", "xoxp-stale", None), generation)
    assert cache.bot(key) is NOT_CACHED
    assert cache.user(key, "U1") is NOT_CACHED


def test_enrich_changes_only_the_installation_it_was_read_from(store: Store) -> None:
    saved = installation(bot_id=None)
    store.installations.save(saved)
    saved.bot_id = "B9"
    store.installations.enrich(saved)
    bot = find_bot(store)
    assert bot is not None
    assert bot.bot_id == "B9"
    store.installations.save(installation(bot_token="xoxb-newer", installed_at=1_700_000_900.0))
    saved.bot_id = "B-late"
    store.installations.enrich(saved)
    bot = find_bot(store)
    assert bot is not None
    assert (bot.bot_token, bot.bot_id) == ("xoxb-newer", "B1")


def test_pages_list_every_installation_once(store: Store) -> None:
    for team in range(7):
        store.installations.save(installation(team_id=f"T{team}"))
        store.installations.save(installation(team_id=f"T{team}", user_id="U2", bot_token=None, user_token="x"))
    listed, after, pages = [], "", 0
    while True:
        page = store.installations.page(after=after, limit=4)
        listed += [(item.team_id, item.user_id, item.bot_token) for item in page.installations]
        pages += 1
        if page.after is None:
            break
        after = page.after
    assert listed == [(f"T{team}", user, f"xoxb-T{team}-U1") for team in range(7) for user in ("U1", "U2")]
    assert pages == 4


def test_concurrent_saves_and_removals_leave_complete_installations(store: Store) -> None:
    errors: list[BaseException] = []

    def work(number: int) -> None:
        try:
            for turn in range(20):
                store.installations.save(installation(user_id=f"U{number}", user_token=f"xoxp-{turn}"))
                if turn % 5 == number:
                    store.installations.delete_all(enterprise_id=None, team_id="T1")
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors
    latest = find(store)
    assert latest is not None
    assert latest.bot_token is not None


ids = st.none() | st.text(max_size=12)


@given(st.lists(st.tuples(ids, ids, ids), min_size=2, max_size=2, unique=True))
def test_record_ids_are_unique_and_prefixes_match_one_workspace(pairs: list[tuple[str | None, ...]]) -> None:
    (e1, t1, u1), (e2, t2, u2) = pairs
    one, other = WorkspaceKey.of(e1, t1), WorkspaceKey.of(e2, t2)
    same_user = one == other and (u1 or "") == (u2 or "")
    assert (one.user_record_id(u1) == other.user_record_id(u2)) is same_user
    assert other.user_record_id(u2).startswith(one.user_prefix) is (one == other)
    assert one.record_id.encode()


@pytest.mark.parametrize("value", ["T/1", "T%2F1", "../../x", "\0", "T\n", "É", "T1' OR 1=1 --", "\ud800"])
def test_any_text_is_a_valid_id(store: Store, value: str) -> None:
    store.installations.save(installation(team_id="T1"))
    assert find_bot(store, value) is None
    if "\ud800" not in value:
        store.installations.save(installation(team_id=value, bot_token="xoxb-odd"))
        bot = find_bot(store, value)
        assert bot is not None
        assert bot.bot_token == "xoxb-odd"


async def _use_every_async_method(store: Store) -> None:
    installations = store.installations
    await installations.async_save(installation(user_token="x"))
    await installations.async_save_bot(installation(bot_token="xoxb-2").to_bot())
    bot = await installations.async_find_bot(enterprise_id=None, team_id="T1")
    found = await installations.async_find_installation(enterprise_id=None, team_id="T1", user_id="U1")
    assert bot is not None
    assert found is not None
    assert bot.bot_token == found.bot_token == "xoxb-2"
    assert len((await installations.async_page()).installations) == 1
    await installations.async_enrich(found)
    await installations.async_delete_installation(enterprise_id=None, team_id="T1", user_id="U1")
    await installations.async_delete_bot(enterprise_id=None, team_id="T1")
    await installations.async_save(installation())
    assert await installations.async_remove_revoked(None, "T1", everything=True) == 3
    await installations.async_save(installation())
    await installations.async_delete_all(enterprise_id=None, team_id="T1")
    assert count_records(store) == 0


def test_async_methods_do_the_same_as_the_blocking_ones(store: Store) -> None:
    asyncio.run(_use_every_async_method(store))
