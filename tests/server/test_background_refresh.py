"""The server refreshes tokens in the background, also those of workspaces that send nothing."""

import time
from contextlib import closing
from pathlib import Path

import pytest

from latchkey.simulator import ServerProcess
from latchkey.storage import TokenId, WorkspaceKey, open_store
from tests.support.waiting import until
from tests.tokens.issuing import save_pairs

HOUR = 3600


@pytest.mark.gen_test(timeout=60)
async def test_an_idle_workspaces_token_is_refreshed_and_an_expired_one_is_not_lost(tmp_path: Path) -> None:
    server = ServerProcess(tmp_path)
    slack = server.make_slack(token_rotation=True)
    slack.start()
    with closing(open_store(tmp_path / "data" / "store.sqlite", tmp_path / "keys" / "keyring")) as store:
        saved = {
            hours: save_pairs(slack, store, f"T{hours}", "U1", time.time() - hours * HOUR, user=False)
            for hours in (1, 11, 30)
        }
        try:
            await server.start(slack)
            await until(lambda: sum(refresh.sent for refresh in slack.world.refresh_tokens.values()) == 2)
            assert await server.stop() == 0
        finally:
            if server.is_running():
                server.kill()
            await slack.close()
        for hours, installed in saved.items():
            pair = store.tokens.pair(TokenId(WorkspaceKey("", f"T{hours}")))
            assert pair is not None
            assert (pair.access_token == installed.bot_token) == (hours == 1)
            assert hours == 1 or pair.is_valid_at(time.time() + 11 * HOUR)
