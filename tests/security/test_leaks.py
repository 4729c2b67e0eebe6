"""No file contains a secret: not the database, its -wal file, or a log at debug level."""

from pathlib import Path

import pytest

from latchkey.simulator import StepFailed
from tests.support.running import running


@pytest.mark.gen_test(timeout=60)
async def test_all_steps_at_debug_level_leave_no_secret_in_any_file(tmp_path: Path) -> None:
    async with running(tmp_path, level="debug") as it:
        check = it.check
        for step in (
            check.url_verification,
            check.allow,
            check.replayed_callback,
            check.callback_from_another_browser,
            check.mention,
        ):
            await step()
        for step in (check.open_modal, check.submit, check.forged, check.expired):
            await step()
        wal = it.store.with_name(it.store.name + "-wal")
        assert wal.stat().st_size > 0
        assert it.server.log.stat().st_size > 1000
        check.search_files()
        for step in (check.uninstall, check.not_installed):
            await step()
        check.search_files()
        assert (await it.server.stop()) == 0
        check.search_files()


@pytest.mark.gen_test(timeout=30)
async def test_the_search_finds_planted_secrets(tmp_path: Path) -> None:
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
