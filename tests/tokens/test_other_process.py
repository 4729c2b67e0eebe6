"""Many callers in one process, and a script in another, use the same expired tokens at once."""

import asyncio
import time
from collections import Counter
from contextlib import closing
from pathlib import Path

import pytest

from latchkey.slackapi.client import WebClients
from latchkey.slackapi.token_calls import TokenCalls
from latchkey.storage import TokenId, WorkspaceKey, open_store
from latchkey.tokens import Refresher
from tests.support.stores import fork_server
from tests.tokens.issuing import save_pairs
from tests.tokens.refresh_load import use_all
from tests.tokens.rotating import start_slack

KEY = WorkspaceKey("", "T1")
PEOPLE = [f"U{number}" for number in range(20)]
TOKENS = [TokenId(KEY), *(TokenId(KEY, user_id) for user_id in PEOPLE)]
CALLS_PER_TOKEN = 10


@pytest.mark.gen_test(timeout=60)
async def test_each_refresh_token_is_sent_once_by_many_callers_and_a_script(tmp_path: Path) -> None:
    paths = tmp_path / "data" / "store.sqlite", tmp_path / "keys" / "keyring"
    slack = start_slack()
    with closing(open_store(*paths)) as store:
        for user_id in PEOPLE:
            save_pairs(slack, store, "T1", user_id, time.time() - 13 * 3600, bot=user_id == PEOPLE[0])
        context = fork_server("tests.tokens.refresh_load")
        ready, begin = context.Event(), context.Event()
        script = context.Process(target=use_all, args=(*paths, slack.api_url, TOKENS, ready, begin))
        script.start()
        assert await asyncio.to_thread(ready.wait, 30)
        async with WebClients(api_url=slack.api_url) as web:
            calls = TokenCalls(web, client_id="1.2", client_secret=lambda: "sentinel-secret")
            refresher = Refresher(store.tokens, calls)
            begin.set()
            used = await asyncio.gather(
                *(refresher.fresh(token_id) for _ in range(CALLS_PER_TOKEN) for token_id in TOKENS)
            )
        await asyncio.to_thread(script.join)
        assert script.exitcode == 0
    await slack.close()
    sent = [refresh.sent for refresh in slack.world.refresh_tokens.values() if refresh.sent]
    assert sent == [1] * len(TOKENS)
    assert set(Counter(used).values()) == {CALLS_PER_TOKEN}
    assert all(token and slack.world.tokens[token].is_live(time.time()) for token in used)
