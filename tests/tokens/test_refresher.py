"""Tokens are refreshed once each, stored before they are used, and never lost to a failure of the other half."""

import asyncio
from contextlib import closing
from pathlib import Path

import pytest

from latchkey.errors import MustReinstall, StoreUnavailable, TokenUnavailable
from latchkey.storage import Attempt, TokenId, WorkspaceKey, open_store
from tests.tokens.rotating import HOUR, rotating


def paths(folder: Path) -> tuple[Path, Path]:
    return folder / "data" / "store.sqlite", folder / "keys" / "keyring"


@pytest.mark.gen_test
async def test_a_token_that_lives_long_enough_is_used_as_it_is(tmp_path: Path) -> None:
    async with rotating(tmp_path) as it:
        installed = it.install()
        it.clock.now += 11 * HOUR
        assert await it.refresher.fresh(it.bot) == installed.bot_token
        assert it.sent() == []


@pytest.mark.gen_test
async def test_an_expiring_token_is_replaced_by_a_stored_new_pair(tmp_path: Path) -> None:
    async with rotating(tmp_path) as it:
        installed = it.install()
        it.clock.now += 12 * HOUR
        token = await it.refresher.fresh(it.bot)
        assert token != installed.bot_token
        assert it.is_valid(token)
        pair = it.pair(it.bot)
        assert (pair.access_token, pair.expires_at) == (token, it.clock.now + 12 * HOUR)
        found = it.store.installations.find_bot(enterprise_id=None, team_id="T1")
        assert found is not None
        assert (found.bot_token, found.bot_refresh_token) == (token, pair.refresh_token)


@pytest.mark.gen_test
async def test_an_unknown_token_is_none_and_a_long_lived_one_is_never_refreshed(tmp_path: Path) -> None:
    async with rotating(tmp_path) as it:
        assert await it.refresher.fresh(it.bot) is None
        installed = it.install()
        installed.bot_token, installed.bot_refresh_token, installed.bot_token_expires_at = "xoxb-long", None, None
        it.store.installations.save(installed)
        it.clock.now += 1000 * HOUR
        assert await it.refresher.fresh(it.bot) == "xoxb-long"


@pytest.mark.gen_test
async def test_a_refresh_token_is_sent_once_for_many_callers_and_processes(tmp_path: Path) -> None:
    async with rotating(tmp_path) as it:
        it.install()
        it.clock.now += 12 * HOUR
        with closing(open_store(*paths(tmp_path), clock=it.clock)) as other_store:
            other = it.refresher_for(other_store)
            callers = [refresher.fresh(it.bot) for refresher in (it.refresher, other) for _ in range(100)]
            tokens = set(await asyncio.gather(*callers))
        assert len(tokens) == 1
        assert it.is_valid(tokens.pop())
        assert it.sent() == [1]


@pytest.mark.parametrize("failing", ["bot", "user"])
@pytest.mark.gen_test
async def test_a_failing_half_leaves_the_other_half_refreshed(tmp_path: Path, failing: str) -> None:
    """slack_sdk's TokenRotator throws the new bot pair away if the user's refresh fails."""
    async with rotating(tmp_path) as it:
        installed = it.install()
        it.slack.world.token_book.revoke(str(getattr(installed, f"{failing}_refresh_token")))
        it.clock.now += 12 * HOUR
        halves = (it.bot, it.user) if failing == "user" else (it.user, it.bot)
        good, failed = await asyncio.gather(*map(it.refresher.fresh, halves), return_exceptions=True)
        assert isinstance(good, str)
        assert it.is_valid(good)
        assert isinstance(failed, MustReinstall)
        assert it.pair(halves[0]).access_token == good


@pytest.mark.gen_test
async def test_a_refresh_by_one_user_keeps_the_tokens_of_the_others(tmp_path: Path) -> None:
    async with rotating(tmp_path) as it:
        first = it.install(user_id="U1")
        it.install(user_id="U2", bot=False)
        it.clock.now += 12 * HOUR
        await it.refresher.fresh(TokenId(WorkspaceKey("", "T1"), "U2"))
        await it.refresher.fresh(it.bot)
        assert it.pair(it.user).refresh_token == first.user_refresh_token
        assert it.is_valid(await it.refresher.fresh(it.user))
        assert sorted(it.sent()) == [1, 1, 1]


@pytest.mark.parametrize("status", [429, 500])
@pytest.mark.gen_test
async def test_a_token_that_has_not_expired_is_used_when_its_refresh_fails(tmp_path: Path, status: int) -> None:
    async with rotating(tmp_path) as it:
        installed = it.install()
        it.clock.now += 12 * HOUR - 60
        it.slack.fail("oauth.v2.access", times=1 if status == 429 else 2, status=status)
        assert await it.refresher.fresh(it.bot) == installed.bot_token
        state = it.store.tokens.refresh_state(it.bot)
        assert (state.failures, state.reason, state.owner) == (1, f"status {status}", None)
        it.clock.now += 59
        assert it.is_valid(await it.refresher.fresh(it.bot))


@pytest.mark.gen_test
async def test_an_expired_token_whose_refresh_fails_is_not_used(tmp_path: Path) -> None:
    async with rotating(tmp_path) as it:
        it.install()
        it.clock.now += 12 * HOUR
        it.slack.fail("oauth.v2.access", times=2, status=500)
        with pytest.raises(TokenUnavailable, match="the bot token of workspace T1 has expired .*status 500"):
            await it.refresher.fresh(it.bot)
        assert it.is_valid(await it.refresher.fresh(it.bot))


@pytest.mark.gen_test
async def test_while_slack_limits_the_rate_nothing_is_sent_even_for_an_expired_token(tmp_path: Path) -> None:
    async with rotating(tmp_path) as it:
        it.install()
        it.clock.now += 12 * HOUR
        it.slack.fail("oauth.v2.access", status=429, retry_after=10**9)
        for _ in range(3):
            with pytest.raises(TokenUnavailable, match="status 429"):
                await it.refresher.fresh(it.bot)
        assert it.sent() == [1]
        it.clock.now += 600
        assert it.is_valid(await it.refresher.fresh(it.bot))


@pytest.mark.gen_test
async def test_a_refused_refresh_token_stops_attempts_until_a_reinstall(tmp_path: Path) -> None:
    async with rotating(tmp_path) as it:
        installed = it.install()
        it.slack.world.token_book.revoke(str(installed.bot_refresh_token))
        it.clock.now += 12 * HOUR - 60
        assert await it.refresher.fresh(it.bot) == installed.bot_token, "it has not expired"
        assert it.store.tokens.refresh_state(it.bot).reinstall_since == it.clock.now
        it.clock.now += 60
        for _ in range(3):
            with pytest.raises(MustReinstall) as caught:
                await it.refresher.fresh(it.bot)
        assert caught.value.reason == "invalid_refresh_token"
        assert it.sent() == [1]
        it.install()
        assert it.store.tokens.refresh_state(it.bot).reinstall_since is None
        assert it.is_valid(await it.refresher.fresh(it.bot))


@pytest.mark.gen_test
async def test_a_pair_that_was_installed_meanwhile_is_neither_overwritten_nor_marked(tmp_path: Path) -> None:
    async with rotating(tmp_path) as it:
        for revoked in (False, True):
            installed = it.install()
            it.clock.now += 12 * HOUR
            if revoked:
                it.slack.world.token_book.revoke(str(installed.bot_refresh_token))
            it.slack.fail("oauth.v2.access", seconds=0.05)
            task = asyncio.create_task(it.refresher.fresh(it.bot))
            while not it.store.tokens.refresh_state(it.bot).owner:
                await asyncio.sleep(0.001)
            again = it.install()
            assert await task == again.bot_token
            assert it.pair(it.bot).refresh_token == again.bot_refresh_token
            assert it.store.tokens.refresh_state(it.bot).reinstall_since is None


@pytest.mark.gen_test
async def test_a_lost_response_is_asked_for_again_within_the_grace_period(tmp_path: Path) -> None:
    async with rotating(tmp_path) as it:
        it.install()
        it.clock.now += 12 * HOUR
        it.slack.fail("oauth.v2.access", status=502, acts=True)
        assert it.is_valid(await it.refresher.fresh(it.bot))
        assert it.sent() == [2]
        it.clock.now += 12 * HOUR
        assert it.is_valid(await it.refresher.fresh(it.bot))


@pytest.mark.gen_test
async def test_a_caller_that_gives_up_does_not_end_the_refresh(tmp_path: Path) -> None:
    async with rotating(tmp_path) as it:
        installed = it.install()
        it.clock.now += 12 * HOUR
        it.slack.fail("oauth.v2.access", seconds=0.05)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(it.refresher.fresh(it.bot), 0.01)
        assert await it.refresher.drain(5) == 0
        assert it.pair(it.bot).access_token != installed.bot_token
        assert it.sent() == [1]


@pytest.mark.gen_test
async def test_a_token_that_is_removed_while_it_is_refreshed_stays_removed(tmp_path: Path) -> None:
    async with rotating(tmp_path) as it:
        it.install()
        it.clock.now += 12 * HOUR
        it.slack.fail("oauth.v2.access", seconds=0.05)
        task = asyncio.create_task(it.refresher.fresh(it.bot))
        while not it.store.tokens.refresh_state(it.bot).owner:
            await asyncio.sleep(0.001)
        it.store.installations.delete_all(enterprise_id=None, team_id="T1")
        assert await task is None
        assert it.store.tokens.pair(it.bot) is None
        assert it.store.tokens.refresh_state(it.bot).owner is None


@pytest.mark.gen_test
async def test_a_token_that_has_not_expired_is_used_while_the_store_or_slack_does_not_respond(tmp_path: Path) -> None:
    async with rotating(tmp_path) as it:
        installed = it.install()
        it.clock.now += 12 * HOUR - 60

        def unavailable(*_: object, **__: object) -> Attempt:
            raise StoreUnavailable("full", "the disk is full")

        it.store.tokens.begin = unavailable  # type: ignore[method-assign]
        assert await it.refresher.fresh(it.bot) == installed.bot_token
        del it.store.tokens.begin  # type: ignore[method-assign]
        it.slack.fail("oauth.v2.access", seconds=1.2)
        assert await it.refresher.fresh(it.bot) == installed.bot_token
        assert await it.refresher.drain(5) == 0
        assert await it.refresher.fresh(it.bot) != installed.bot_token
        assert it.sent() == [1]


@pytest.mark.gen_test
async def test_a_cached_token_is_replaced_when_it_is_refreshed(tmp_path: Path) -> None:
    async with rotating(tmp_path) as it:
        it.install()
        ids = {"enterprise_id": None, "team_id": "T1"}
        it.store.installations.find_bot(**ids)
        it.clock.now += 12 * HOUR
        token = await it.refresher.fresh(it.bot)
        found = it.store.installations.find_bot(**ids)
        assert found is not None
        assert found.bot_token == token


@pytest.mark.gen_test
async def test_what_an_install_adds_later_does_not_bring_an_old_token_back(tmp_path: Path) -> None:
    async with rotating(tmp_path) as it:
        installed = it.install()
        it.clock.now += 12 * HOUR
        bot, user = await it.refresher.fresh(it.bot), await it.refresher.fresh(it.user)
        installed.bot_id = "B1"
        it.store.installations.enrich(installed)
        assert (it.pair(it.bot).access_token, it.pair(it.user).access_token) == (bot, user)
