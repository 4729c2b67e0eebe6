"""Several servers refresh the same tokens at once: each refresh token is sent once."""

import asyncio
import time
from contextlib import closing
from multiprocessing.synchronize import Event
from pathlib import Path

import pytest

from latchkey.storage import TokenId, WorkspaceKey, open_store
from tests.support.database.postgresql import DatabaseLocation, Postgresql
from tests.support.stores import fork_server
from tests.tokens.issuing import save_pairs
from tests.tokens.refresh_load import use_all
from tests.tokens.rotating import start_slack

pytestmark = pytest.mark.programs("postgres")

SERVERS = 4
KEY = WorkspaceKey("", "T1")
PEOPLE = [f"U{number}" for number in range(199)]
TOKENS = [TokenId(KEY), *(TokenId(KEY, user_id) for user_id in PEOPLE)]
PART = len(TOKENS) // SERVERS


def use_in_parts(
    location: DatabaseLocation, keyring: Path, api_url: str, first: int, ready: Event, begin: Event
) -> None:
    """Use all tokens, a quarter of them at once, beginning with another quarter on each server."""
    for number in range(SERVERS):
        start = (first + number) % SERVERS * PART
        use_all(location, keyring, api_url, TOKENS[start : start + PART], ready, begin)


@pytest.mark.gen_test(timeout=120)
async def test_two_hundred_tokens_are_refreshed_once_by_four_servers(tmp_path: Path, postgresql: Postgresql) -> None:
    database = postgresql.new_database()
    paths = DatabaseLocation(postgresql.url(database)), tmp_path / "keyring"
    slack = start_slack()
    with closing(open_store(*paths)) as store:
        for user_id in PEOPLE:
            save_pairs(slack, store, "T1", user_id, time.time() - 13 * 3600, bot=user_id == PEOPLE[0])
    context = fork_server("tests.tokens.refresh_load")
    begin = context.Event()
    ready = [context.Event() for _ in range(SERVERS)]
    servers = [
        context.Process(target=use_in_parts, args=(*paths, slack.api_url, number, each, begin))
        for number, each in enumerate(ready)
    ]
    for server in servers:
        server.start()
    for each in ready:
        assert await asyncio.to_thread(each.wait, 60)
    begin.set()
    for server in servers:
        await asyncio.to_thread(server.join)
        assert server.exitcode == 0
    await slack.close()
    sent = [refresh.sent for refresh in slack.world.refresh_tokens.values() if refresh.sent]
    assert sent == [1] * len(TOKENS)
    postgresql.give_back(database)
