"""The cache of decrypted tokens: whose they are, how old and how many, and what other processes change."""

import subprocess
import sys
from contextlib import closing

from latchkey.storage import Store, open_store
from latchkey.storage.installations import NOT_CACHED, TokenCache, UserToken, WorkspaceKey
from latchkey.storage.installations.blocking_store import MAX_INSTALLERS
from tests.storage.conformance.conftest import Paths
from tests.storage.conformance.installations.models import find_bot, installation, user_only
from tests.support.clocks import Clock
from tests.support.stores import ROOT
from tests.support.waiting import until_blocking

KEY = WorkspaceKey("", "T1")
SAVE_IN_ANOTHER_PROCESS = """
import sys
from latchkey.storage import open_store
from tests.storage.conformance.installations.models import installation
from tests.support.database.postgresql import location_of
open_store(location_of(sys.argv[1]), sys.argv[2]).installations.save(installation(bot_token="xoxb-other", user_token="xoxp-other"))
"""


def user_token(store: Store, user_id: str | None) -> str | None:
    found = store.installations.find_user_token(None, "T1", user_id=user_id)
    return found.token if found else None


def test_a_person_gets_only_their_own_token(store: Store) -> None:
    store.installations.save(installation(user_id="U1", user_token="xoxp-U1"))
    store.installations.save(user_only("U2"))
    store.installations.save(user_only("U3", user_token=None))
    for _ in range(2):  # from the store, and from the cache
        found = [user_token(store, user_id) for user_id in ("U1", "U2", "U3", "U4", "")]
        assert found == ["xoxp-U1", "xoxp-U2", None, None, None]


def test_the_latest_installer_is_named_by_none_and_by_no_user_id(store: Store) -> None:
    store.installations.save(installation(user_id="U1", user_token="xoxp-U1"))
    assert user_token(store, None) == "xoxp-U1"
    assert user_token(store, "") is None
    store.installations.save(user_only("U2"))
    assert user_token(store, None) == "xoxp-U2"


def test_a_save_leaves_no_stale_entry_of_its_workspace(store: Store) -> None:
    """slack_sdk's CacheableInstallationStore keeps the workspace's entry when a person's installation is saved."""
    store.installations.save(installation(user_id="U1", user_token="xoxp-U1"))
    assert user_token(store, None) == user_token(store, "U1") == "xoxp-U1"
    assert find_bot(store) is not None
    store.installations.save(installation(user_id="U2", bot_token="xoxb-2", user_token="xoxp-U2"))
    assert store.installations.cached_user_token(None, "T1", False, "U1") is NOT_CACHED
    bot = find_bot(store)
    assert bot is not None
    assert bot.bot_token == "xoxb-2"
    assert user_token(store, None) == "xoxp-U2"
    store.installations.delete_installation(enterprise_id=None, team_id="T1", user_id="U2")
    assert user_token(store, "U2") is None
    assert user_token(store, None) == "xoxp-U1"


def test_absence_is_remembered_until_an_install(store: Store) -> None:
    assert find_bot(store) is None
    assert user_token(store, "U1") is None
    assert store.installations.cached_bot(None, "T1") is None
    assert store.installations.cached_user_token(None, "T1", False, "U1") is None
    store.installations.save(installation(user_token="xoxp-U1"))
    assert find_bot(store) is not None
    assert user_token(store, "U1") == "xoxp-U1"


def test_one_look_up_shows_who_has_no_token(store: Store) -> None:
    """Most people have none, and a look-up for each of them would cost more than their event."""
    store.installations.save(installation(user_id="U1", user_token="xoxp-U1"))

    def cached(user_id: str) -> object:
        return store.installations.cached_user_token(None, "T1", False, user_id)

    assert user_token(store, "U7") is None
    assert (cached("U8"), cached("U9"), cached("U1")) == (None, None, NOT_CACHED)
    store.installations.save(user_only("U8"))
    assert cached("U9") is NOT_CACHED
    assert user_token(store, "U9") is None
    assert (cached("U8"), user_token(store, "U8")) == (NOT_CACHED, "xoxp-U8")


def test_a_workspace_with_many_installers_needs_a_look_up_for_each_person(store: Store) -> None:
    for number in range(MAX_INSTALLERS + 1):
        store.installations.save(user_only(f"U{number}"))
    assert user_token(store, "other") is None
    assert store.installations.cached_user_token(None, "T1", False, "another") is NOT_CACHED
    assert user_token(store, "U50") == "xoxp-U50"


def test_a_persons_token_is_not_printed() -> None:
    assert "xoxp" not in f"{UserToken('U1', 'xoxp-sentinel', None)}{[UserToken('U1', 'xoxp-sentinel', None)]}"


def test_entries_expire(clock: Clock) -> None:
    cache = TokenCache(clock, max_age=30)
    cache.put_bot(KEY, installation().to_bot(), cache.generation)
    cache.put_user(KEY, "U1", UserToken("U1", "xoxp", None), cache.generation)
    clock.now += 29.9
    assert cache.bot(KEY) is not NOT_CACHED
    assert cache.user(KEY, "U1") is not NOT_CACHED
    clock.now += 0.1
    assert cache.bot(KEY) is NOT_CACHED
    assert cache.user(KEY, "U1") is NOT_CACHED


def test_the_oldest_entries_go_if_there_are_too_many(clock: Clock) -> None:
    cache = TokenCache(clock, max_entries=100)
    for number in range(1000):
        key = WorkspaceKey("", f"T{number % 300}")
        cache.put_bot(key, None, cache.generation)
        cache.put_user(key, f"U{number}", None, cache.generation)
    kept = [number for number in range(1000) if cache.user(WorkspaceKey("", f"T{number % 300}"), f"U{number}") is None]
    assert kept == list(range(900, 1000))
    assert sum(cache.bot(WorkspaceKey("", f"T{team}")) is None for team in range(300)) == 100
    cache.forget(WorkspaceKey("", f"T{950 % 300}"))
    assert cache.user(WorkspaceKey("", f"T{950 % 300}"), "U950") is NOT_CACHED


def test_a_server_sees_within_a_second_what_another_process_saves(paths: Paths) -> None:
    with closing(open_store(*paths)) as store:
        store.installations.save(installation(user_token="xoxp-U1"))
        assert find_bot(store) is not None
        assert user_token(store, "U1") == "xoxp-U1"
        subprocess.run([sys.executable, "-c", SAVE_IN_ANOTHER_PROCESS, *map(str, paths)], check=True, cwd=ROOT)
        until_blocking(lambda: store.installations.cached_bot(None, "T1") is NOT_CACHED, seconds=10)
        bot = find_bot(store)
        assert bot is not None
        assert bot.bot_token == "xoxb-other"
        assert user_token(store, "U1") == "xoxp-other"


def test_the_servers_own_writes_to_other_tables_leave_the_cache_alone(store: Store) -> None:
    store.installations.save(installation())
    store._token_watch.check()
    assert find_bot(store) is not None
    for _ in range(3):
        store.states.issue()
    store._token_watch.check()
    assert store.installations.cached_bot(None, "T1") is not NOT_CACHED
