"""Nothing secret lies in a file: not in the database, its -wal, or a log at its most talkative."""

from pathlib import Path

import pytest

from latchkey.simulator import StepFailed
from tests.support.running import running


@pytest.mark.gen_test(timeout=60)
async def test_the_whole_way_at_debug_level_leaves_no_secret_in_any_file(tmp_path: Path) -> None:
    async with running(tmp_path, level="debug") as it:
        walk = it.check
        for step in (
            walk.url_verification,
            walk.allow,
            walk.replayed_callback,
            walk.callback_from_another_browser,
            walk.mention,
        ):
            await step()
        for step in (walk.open_modal, walk.submit, walk.forged, walk.expired):
            await step()
        wal = it.store.with_name(it.store.name + "-wal")
        assert wal.stat().st_size > 0
        assert it.server.log.stat().st_size > 1000
        walk.search_files()
        for step in (walk.uninstall, walk.not_installed):
            await step()
        walk.search_files()
        assert (await it.server.stop()) == 0
        walk.search_files()


@pytest.mark.gen_test(timeout=30)
async def test_the_search_finds_what_it_looks_for(tmp_path: Path) -> None:
    async with running(tmp_path) as it:
        await it.check.allow()
        token = next(iter(it.slack.world.tokens))
        grant = next(iter(it.slack.world.grants))
        for secret in (token, grant, it.server.credentials["SLACK_CLIENT_SECRET"], "xoxe.xoxb-1-planted"):
            planted = tmp_path / "planted"
            planted.write_text(f"one line with {secret} in it")
            with pytest.raises(StepFailed, match="planted contains one"):
                it.check.search_files()
            planted.unlink()
        it.check.search_files()
