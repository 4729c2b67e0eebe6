"""The sweep refreshes what expires soon, idle workspaces included, evenly and in bounded memory."""

import asyncio
from contextlib import closing
from pathlib import Path

import pytest

from latchkey.errors import StoreUnavailable
from latchkey.metrics import Metrics
from latchkey.storage import EXPIRIES, Attempt, Expiry, TokenId, WorkspaceKey, open_store
from latchkey.tokens import Pace, Sweep, count_refresh
from tests.support.counts import count
from tests.support.stores import rows
from tests.support.waiting import until
from tests.tokens.rotating import HOUR, Rotating, rotating, short_sleep


class PaceClock:
    """A clock that a sleep moves."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.now += seconds
        await asyncio.sleep(0)


def gauge(metrics: Metrics, name: str) -> float | None:
    return metrics.registry.get_sample_value(f"latchkey_{name}")


def sweep_of(it: Rotating, per_second: float = 20, clock: PaceClock | None = None) -> tuple[Sweep, Pace, Metrics]:
    clock = clock or PaceClock()
    pace, metrics = Pace(per_second, clock=clock, sleep=clock.sleep), Metrics()
    return Sweep(it.store.tokens, it.refresher, pace, metrics, clock=it.clock, sleep=short_sleep), pace, metrics


@pytest.mark.gen_test
async def test_tokens_of_idle_workspaces_are_refreshed_two_hours_before_they_expire(tmp_path: Path) -> None:
    async with rotating(tmp_path) as it:
        sweep, _, _ = sweep_of(it)
        installed = it.install()
        it.clock.now += 10 * HOUR - 1
        await sweep.make_pass()
        assert it.sent() == []
        it.clock.now += 1
        await sweep.make_pass()
        assert it.sent() == [1, 1]
        for token_id, old in ((it.bot, installed.bot_token), (it.user, installed.user_token)):
            pair = it.pair(token_id)
            assert pair.access_token != old
            assert it.is_valid(pair.access_token)
            assert pair.expires_at == it.clock.now + 12 * HOUR


@pytest.mark.gen_test
async def test_a_hundred_refreshes_leave_one_record_for_each_token(tmp_path: Path) -> None:
    async with rotating(tmp_path) as it:
        sweep, _, _ = sweep_of(it)
        it.install()
        path = tmp_path / "data" / "store.sqlite"
        tables = ("bots", "installations", "workspaces", "refreshes", "expiries")
        await sweep.make_pass()
        before = [rows(path, table) for table in tables]
        for _ in range(50):
            it.clock.now += 10 * HOUR
            await sweep.make_pass()
        assert it.sent() == [1] * 100
        assert [rows(path, table) for table in tables] == before == [1, 1, 1, 0, 3]


@pytest.mark.gen_test
async def test_the_soonest_expire_first_and_calls_are_evenly_spaced(tmp_path: Path) -> None:
    async with rotating(tmp_path) as it:
        clock = PaceClock()
        sweep, _, _ = sweep_of(it, 5, clock)
        for number in (3, 1, 2):
            it.clock.now += number
            it.install(f"T{number}", user=False)
            it.clock.now -= number
        sent: list[tuple[str, float]] = []
        refresh = it.refresher.refresh

        async def recorded(token_id: TokenId, *, margin: float) -> object:
            sent.append((token_id.key.team_id, clock.now))
            return await refresh(token_id, margin=margin)

        it.refresher.refresh = recorded  # type: ignore[method-assign, assignment]
        it.clock.now += 11 * HOUR
        await sweep.make_pass()
        assert [team for team, _ in sent] == ["T1", "T2", "T3"]
        assert clock.now == pytest.approx(0.4)


@pytest.mark.gen_test
async def test_a_long_pass_ends_and_the_next_one_begins_with_the_soonest(tmp_path: Path) -> None:
    async with rotating(tmp_path) as it:

        async def sleep(seconds: float) -> None:
            it.clock.now += seconds

        pace = Pace(1 / 1000, clock=it.clock, sleep=sleep)
        sweep = Sweep(it.store.tokens, it.refresher, pace, Metrics(), clock=it.clock)
        first, *_ = [it.install(f"T{number}", user=False) for number in range(4)]
        it.clock.now += 10.1 * HOUR
        it.slack.fail(
            "oauth.v2.access",
            times=2,
            status=500,
            matches=lambda arguments: arguments["refresh_token"] == first.bot_refresh_token,
        )

        def left() -> list[str]:
            return [row.token_id.key.team_id for row in it.store.tokens.due(it.clock.now + 2 * HOUR)]

        await sweep.make_pass()
        assert left() == ["T0", "T3"], "the first one has failed, and for the last one there was no time"
        await sweep.make_pass()
        assert left() == []


@pytest.mark.gen_test
async def test_a_429_halves_the_rate_which_then_rises_slowly(tmp_path: Path) -> None:
    async with rotating(tmp_path) as it:
        clock = PaceClock()
        sweep, pace, metrics = sweep_of(it, 20, clock)
        it.install(user=False)
        it.clock.now += 11 * HOUR
        it.slack.fail("oauth.v2.access", status=429, retry_after=30)
        await sweep.make_pass()
        assert pace.per_second == 10
        pace.limit(30)
        assert pace.per_second == 10, "the same limit counts once"
        await pace.wait()
        assert clock.now >= 30
        clock.now += 75
        await pace.wait()
        assert pace.per_second == pytest.approx(15)
        clock.now += 1000
        await pace.wait()
        assert pace.per_second == 20
        it.clock.now += 30
        await sweep.make_pass()
        assert it.is_valid(it.pair(it.bot).access_token)
        assert it.pair(it.bot).is_valid_at(it.clock.now + 11 * HOUR)


@pytest.mark.gen_test
async def test_an_outdated_row_of_the_index_is_deleted_and_sends_nothing(tmp_path: Path) -> None:
    async with rotating(tmp_path) as it:
        sweep, _, _ = sweep_of(it)
        it.install(user=False)
        it.clock.now += 5 * HOUR
        it.install(user=False)
        it.install("T2", user=False)
        it.store.installations.delete_all(enterprise_id=None, team_id="T2")
        await sweep.make_pass()
        assert rows(tmp_path / "data" / "store.sqlite", EXPIRIES) == 4, "one of them says that the index is complete"
        it.clock.now += 6 * HOUR
        await sweep.make_pass()
        it.clock.now += 6 * HOUR
        await sweep.make_pass()
        assert it.sent() == [1]
        assert rows(tmp_path / "data" / "store.sqlite", EXPIRIES) == 2


@pytest.mark.gen_test
async def test_a_store_without_the_index_gets_it(tmp_path: Path) -> None:
    async with rotating(tmp_path) as it:
        it.install()
        it.install("T2", user=False)
        for row in it.store.tokens.due(1e12):
            it.store._engine.commit([it.store._records.discard(EXPIRIES, row.row_id)])
        assert it.store.tokens.due(1e12) == []
        sweep, _, _ = sweep_of(it)
        it.clock.now += 11 * HOUR
        await sweep.make_pass()
        assert it.sent() == [1, 1, 1]


@pytest.mark.gen_test
async def test_a_refused_token_is_counted_and_not_tried_again_until_a_reinstall(tmp_path: Path) -> None:
    async with rotating(tmp_path) as it:
        sweep, _, metrics = sweep_of(it)
        it.refresher._on_refresh = lambda token_id, refreshed: count_refresh(metrics, token_id, refreshed)
        installed = it.install()
        it.slack.world.token_book.revoke(str(installed.bot_refresh_token))
        it.clock.now += 11 * HOUR
        for _ in range(3):
            await sweep.make_pass()
        await sweep.follow_attempts()
        assert gauge(metrics, "tokens_must_reinstall") == 1
        assert count(metrics, "token_refreshes", outcome="must_reinstall") == 1
        assert count(metrics, "token_refreshes", outcome="refreshed") == 1
        assert it.sent() == [1, 1], "the user's half is refreshed all the same"
        it.install()
        await sweep.follow_attempts()
        assert gauge(metrics, "tokens_must_reinstall") == 0


@pytest.mark.gen_test
async def test_an_attempt_that_a_crash_cut_off_is_repeated_within_the_grace_period(tmp_path: Path) -> None:
    async with rotating(tmp_path) as it:
        it.install()
        it.clock.now += 11 * HOUR
        crashed = open_store(tmp_path / "data" / "store.sqlite", tmp_path / "keys" / "keyring", clock=it.clock)
        pair = it.pair(it.bot)
        assert isinstance(crashed.tokens.begin(it.bot, pair, it.clock.now), Attempt)
        await it.calls.refresh(str(pair.refresh_token))
        sweep, _, _ = sweep_of(it)
        crashed.close()  # as the kernel does when a process dies
        it.clock.now += 5
        await sweep.follow_attempts()
        await sweep.make_pass()
        new = it.pair(it.bot)
        assert it.is_valid(new.access_token)
        assert sorted(it.sent()) == [1, 2]
        it.clock.now += 11 * HOUR
        await sweep.make_pass()
        assert it.pair(it.bot) != new, "the pair that was stored is the one that Slack issued last"


@pytest.mark.gen_test
async def test_a_cut_off_attempt_without_anything_to_refresh_is_forgotten(tmp_path: Path) -> None:
    async with rotating(tmp_path) as it:
        it.install(user=False)
        with closing(
            open_store(tmp_path / "data" / "store.sqlite", tmp_path / "keys" / "keyring", clock=it.clock)
        ) as crashed:
            assert isinstance(crashed.tokens.begin(it.bot, it.pair(it.bot), it.clock.now), Attempt)
            sweep, _, _ = sweep_of(it)
            await sweep.follow_attempts()
            await sweep.make_pass()
            assert it.store.tokens.refresh_state(it.bot).owner, "its process is still alive"
        await sweep.follow_attempts()
        await sweep.make_pass()
        assert it.store.tokens.refresh_state(it.bot).owner is None
        assert it.sent() == []


@pytest.mark.gen_test
async def test_a_lease_of_a_living_process_is_waited_for(tmp_path: Path) -> None:
    async with rotating(tmp_path) as it:
        it.install()
        it.clock.now += 11 * HOUR
        with closing(
            open_store(tmp_path / "data" / "store.sqlite", tmp_path / "keys" / "keyring", clock=it.clock)
        ) as other:
            attempt = other.tokens.begin(it.bot, it.pair(it.bot), it.clock.now)
            assert isinstance(attempt, Attempt)
            task = asyncio.create_task(it.refresher.refresh(it.bot, margin=2 * HOUR))
            await until(lambda: len(it.slept) > 3)
            assert it.sent() == []
            it.clock.now += 31
            await task
        assert it.sent() == [1]


@pytest.mark.gen_test
async def test_the_sweep_runs_in_the_background_until_its_block_ends_whatever_fails(tmp_path: Path) -> None:
    async with rotating(tmp_path) as it:
        sweep, _, metrics = sweep_of(it)
        it.install()
        it.clock.now += 11 * HOUR
        due, failures = it.store.tokens.async_due, iter([StoreUnavailable("locked", "locked"), ValueError("bad")])

        async def failing(until: float, *, after: str = "") -> list[Expiry]:
            if failure := next(failures, None):
                raise failure
            return await due(until, after=after)

        it.store.tokens.async_due = failing  # type: ignore[method-assign]
        async with sweep.running():
            await until(lambda: it.sent() == [1, 1] and it.pair(it.user).is_valid_at(it.clock.now + 3 * HOUR))
        assert gauge(metrics, "token_refresh_limit") == 20


@pytest.mark.gen_test
async def test_a_day_of_the_sweep_leaves_no_moment_with_an_expired_token(tmp_path: Path) -> None:
    async with rotating(tmp_path) as it:
        sweep, _, _ = sweep_of(it)
        for number in range(3):
            it.install(f"T{number}")
            it.clock.now += HOUR
        for _ in range(48):
            await sweep.make_pass()
            it.clock.now += HOUR / 2
            for number in range(3):
                assert it.is_valid(it.pair(TokenId(WorkspaceKey("", f"T{number}"))).access_token)
