"""What slack_sdk's installation store promises, kept; and its known defects, absent."""

import asyncio
import threading
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from slack_sdk.oauth.installation_store import Bot, Installation

from latchkey.storage import Store
from latchkey.storage.installations.workspace_key import WorkspaceKey


def installation(team_id: str | None = "T1", user_id: str = "U1", **values: Any) -> Installation:
    defaults: dict[str, Any] = {
        "app_id": "A1",
        "team_id": team_id,
        "user_id": user_id,
        "bot_token": f"xoxb-{team_id}-{user_id}",
        "bot_id": "B1",
        "bot_user_id": "UB1",
        "bot_scopes": ["chat:write"],
        "installed_at": 1_700_000_000.5,
    }
    return Installation(**{**defaults, **values})


def user_only(user_id: str = "U2", **values: Any) -> Installation:
    return installation(
        user_id=user_id,
        bot_token=None,
        bot_id=None,
        bot_user_id=None,
        bot_scopes=[],
        **{"user_token": f"xoxp-{user_id}", **values},
    )


def find(store: Store, team_id: str | None = "T1", **ids: Any) -> Installation | None:
    return store.installations.find_installation(enterprise_id=ids.pop("enterprise_id", None), team_id=team_id, **ids)


def find_bot(store: Store, team_id: str | None = "T1", **ids: Any) -> Bot | None:
    return store.installations.find_bot(enterprise_id=ids.pop("enterprise_id", None), team_id=team_id, **ids)


def rows(store: Store) -> int:
    return sum(len(store._records.page(table)) for table in ("installations", "bots", "workspaces"))


def test_every_field_comes_back(store: Store) -> None:
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


def test_an_absent_workspace_is_none(store: Store) -> None:
    assert find(store) is None
    assert find_bot(store) is None
    assert find(store, user_id="U9") is None


def test_no_user_means_the_latest_installation(store: Store) -> None:
    store.installations.save(installation(user_id="U1"))
    store.installations.save(installation(user_id="U2", bot_token="xoxb-second"))
    latest, first = find(store), find(store, user_id="U1")
    assert latest is not None
    assert latest.user_id == "U2"
    assert first is not None
    assert first.bot_token == "xoxb-second", "a user's installation comes with the latest bot token"


def test_a_user_only_install_leaves_the_bot_alone(store: Store) -> None:
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


def test_saving_again_and_again_adds_no_record(store: Store) -> None:
    for number in range(30):
        store.installations.save(installation(bot_token=f"xoxb-{number}"))
        store.installations.save_bot(installation(bot_token=f"xoxb-refreshed-{number}").to_bot())
    assert rows(store) == 3


def test_an_org_wide_install_is_found_by_its_enterprise_whatever_the_team(store: Store) -> None:
    """slack_sdk's stores cannot find an org install that was saved with a team_id (sdk#1639)."""
    store.installations.save(installation(team_id="T1", enterprise_id="E1", is_enterprise_install=True))
    for team_id in ("T1", "T2", None):
        assert find_bot(store, team_id, enterprise_id="E1", is_enterprise_install=True) is not None
        assert find(store, team_id, enterprise_id="E1", is_enterprise_install=True) is not None
    assert find_bot(store, None, enterprise_id="E1") is not None
    assert find_bot(store, "T1", enterprise_id="E1") is None
    assert find_bot(store, "T1") is None


def test_empty_and_none_are_the_same_id(store: Store) -> None:
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
    assert store.installations.cached_bot(None, "T1") is None
    assert find_bot(store) is None


def test_a_changed_bot_does_not_change_the_cached_one(store: Store) -> None:
    store.installations.save(installation())
    first = find_bot(store)
    assert first is not None
    first.bot_token = "changed"
    again = find_bot(store)
    assert again is not None
    assert again.bot_token == "xoxb-T1-U1"


def test_a_read_that_a_write_overtook_is_not_cached(store: Store) -> None:
    cache = store.installations._cache
    generation = cache.generation
    store.installations.save(installation())
    cache.put(WorkspaceKey("", "T1"), installation(bot_token="xoxb-stale").to_bot(), generation)
    assert store.installations.cached_bot(None, "T1") is None


def test_delete_all_leaves_nothing_of_the_workspace_and_all_of_the_others(store: Store) -> None:
    for user_id in ("U1", "U2"):
        store.installations.save(installation(user_id=user_id, user_token="xoxp"))
    store.installations.save(installation(team_id="T10"))
    store.installations.save(installation(team_id="T1", enterprise_id="E1"))
    store.installations.delete_all(enterprise_id=None, team_id="T1")
    assert find(store) is None
    assert find_bot(store) is None
    assert find(store, user_id="U2") is None
    assert find(store, "T10") is not None
    assert find(store, enterprise_id="E1") is not None
    assert rows(store) == 6


def test_delete_all_of_a_workspace_that_the_org_installed_removes_the_orgs_install(store: Store) -> None:
    """slack_sdk leaves the org's row, and so its token, in use."""
    store.installations.save(installation(team_id=None, enterprise_id="E1", is_enterprise_install=True))
    store.installations.delete_all(enterprise_id="E1", team_id="T7")
    assert find_bot(store, None, enterprise_id="E1", is_enterprise_install=True) is None
    assert rows(store) == 0


def test_delete_all_of_a_workspace_with_its_own_install_leaves_the_orgs(store: Store) -> None:
    store.installations.save(installation(team_id=None, enterprise_id="E1", is_enterprise_install=True))
    store.installations.save(installation(team_id="T7", enterprise_id="E1"))
    store.installations.delete_all(enterprise_id="E1", team_id="T7")
    assert find_bot(store, "T7", enterprise_id="E1") is None
    assert find_bot(store, None, enterprise_id="E1", is_enterprise_install=True) is not None


def test_a_workspace_whose_id_begins_like_anothers_is_not_that_one(store: Store) -> None:
    store.installations.save(installation(team_id=None, enterprise_id="E1", is_enterprise_install=True))
    store.installations.save_bot(installation(team_id="T70", enterprise_id="E1").to_bot())
    store.installations.delete_all(enterprise_id="E1", team_id="T7")
    assert find_bot(store, None, enterprise_id="E1", is_enterprise_install=True) is None
    assert find_bot(store, "T70", enterprise_id="E1") is not None


def test_deleting_the_latest_user_makes_the_one_before_the_latest(store: Store) -> None:
    for second, user_id in enumerate(("U1", "U2", "U3")):
        store.installations.save(installation(user_id=user_id, user_token="x", installed_at=1_700_000_000.0 + second))
    store.installations.delete_installation(enterprise_id=None, team_id="T1", user_id="U3")
    latest = find(store)
    assert latest is not None
    assert latest.user_id == "U2"
    assert find_bot(store) is not None


def test_deleting_all_users_leaves_the_bot(store: Store) -> None:
    store.installations.save(installation(user_token="x"))
    store.installations.delete_installation(enterprise_id=None, team_id="T1")
    assert find(store) is None
    assert find_bot(store) is not None


def test_deleting_what_is_not_there_is_fine(store: Store) -> None:
    store.installations.delete_all(enterprise_id="E", team_id="T")
    store.installations.delete_bot(enterprise_id=None, team_id="T")
    store.installations.delete_installation(enterprise_id=None, team_id="T", user_id="U")


def test_an_uninstall_removes_everything_once_and_again(store: Store) -> None:
    store.installations.save(installation(user_token="x"))
    store.installations.save(user_only())
    removed = store.installations.remove_revoked(None, "T1", everything=True, event_time=1_700_000_000)
    assert removed == 4
    assert rows(store) == 0
    assert store.installations.remove_revoked(None, "T1", everything=True, event_time=1_700_000_000) == 0


def test_what_was_installed_after_the_event_stays(store: Store) -> None:
    store.installations.save(installation(installed_at=1_700_000_100.2))
    for values in ({"everything": True}, {"bot": True}, {"user_ids": ("U1",)}):
        assert store.installations.remove_revoked(None, "T1", event_time=1_700_000_099, **values) == 0
    assert find(store) is not None
    assert store.installations.remove_revoked(None, "T1", everything=True, event_time=1_700_000_100) == 3


def test_a_late_uninstall_leaves_only_what_is_newer(store: Store) -> None:
    store.installations.save(installation(user_id="U1", user_token="old", installed_at=1_700_000_000.0))
    store.installations.save(installation(user_id="U2", bot_token="xoxb-new", installed_at=1_700_000_500.0))
    store.installations.remove_revoked(None, "T1", everything=True, event_time=1_700_000_400)
    found = find(store)
    assert found is not None
    assert (found.user_id, found.bot_token) == ("U2", "xoxb-new")
    assert find(store, user_id="U1") is None


def test_a_revoked_user_token_leaves_the_bot_and_its_installer(store: Store) -> None:
    store.installations.save(installation(user_token="xoxp-1"))
    store.installations.remove_revoked(None, "T1", user_ids=("U1",), event_time=1_700_000_001)
    found = find(store)
    assert found is not None
    assert (found.user_token, found.bot_token) == (None, "xoxb-T1-U1")


def test_tokens_revoked_in_either_order_leaves_nothing(store: Store) -> None:
    for order in ({"bot": True}, {"user_ids": ("U1",)}), ({"user_ids": ("U1",)}, {"bot": True}):
        store.installations.save(installation(user_token="xoxp-1"))
        for values in order:
            store.installations.remove_revoked(None, "T1", event_time=1_700_000_001, **values)
        assert rows(store) == 0


def test_a_revoked_bot_leaves_users_with_tokens_of_their_own(store: Store) -> None:
    store.installations.save(installation(user_id="U1"))
    store.installations.save(user_only("U2"))
    store.installations.remove_revoked(None, "T1", bot=True, event_time=1_700_000_001)
    found = find(store)
    assert found is not None
    assert (found.user_id, found.bot_token, found.user_token) == ("U2", None, "xoxp-U2")
    assert find(store, user_id="U1") is None


def test_enriching_adds_to_the_same_install_only(store: Store) -> None:
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


def test_all_installations_are_listed_in_pages(store: Store) -> None:
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


def test_concurrent_saves_and_uninstalls_leave_whole_installations(store: Store) -> None:
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
def test_no_two_users_share_a_record_and_no_workspace_sees_anothers(pairs: list[tuple[str | None, ...]]) -> None:
    (e1, t1, u1), (e2, t2, u2) = pairs
    one, other = WorkspaceKey.of(e1, t1), WorkspaceKey.of(e2, t2)
    same_user = one == other and (u1 or "") == (u2 or "")
    assert (one.user_record_id(u1) == other.user_record_id(u2)) is same_user
    assert other.user_record_id(u2).startswith(one.user_prefix) is (one == other)
    assert one.record_id.encode()


@pytest.mark.parametrize("value", ["T/1", "T%2F1", "../../x", "\0", "T\n", "É", "T1' OR 1=1 --", "\ud800"])
def test_odd_ids_are_just_ids(store: Store, value: str) -> None:
    store.installations.save(installation(team_id="T1"))
    assert find_bot(store, value) is None
    if "\ud800" not in value:
        store.installations.save(installation(team_id=value, bot_token="xoxb-odd"))
        bot = find_bot(store, value)
        assert bot is not None
        assert bot.bot_token == "xoxb-odd"


async def _walk_the_twins(store: Store) -> None:
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
    assert rows(store) == 0


def test_the_async_twins_do_what_their_sisters_do(store: Store) -> None:
    asyncio.run(_walk_the_twins(store))
