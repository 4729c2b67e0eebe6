"""A mounted Bolt app loses no acknowledged event by SIGKILL either."""

from pathlib import Path

import pytest

from tests.durability.events.test_event_kills import kill_often
from tests.support.load.event_load import ASYNC_APP, SYNC_APP, JournalApp

both = pytest.mark.parametrize("app", [ASYNC_APP, SYNC_APP], ids=["AsyncApp", "App"])


@both
@pytest.mark.gen_test(timeout=60)
async def test_a_kill_under_load_loses_no_acknowledged_event_of_a_mounted_app(tmp_path: Path, app: JournalApp) -> None:
    await kill_often(tmp_path, 1, app)


@both
@pytest.mark.long
@pytest.mark.gen_test(timeout=1200)
async def test_fifty_kills_under_load_lose_no_acknowledged_event_of_a_mounted_app(
    tmp_path: Path, app: JournalApp
) -> None:
    load = await kill_often(tmp_path, 50, app)
    assert load.duplicates
