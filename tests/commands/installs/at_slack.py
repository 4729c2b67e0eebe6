"""Runs `latchkey installs` with a simulated Slack."""

import asyncio
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from latchkey.simulator import Slack, Token
from tests.support.command_line import CLIENT_ID, CLIENT_SECRET, SECRET_MARK, run
from tests.support.stores import SENTINELS

CREDENTIALS = {"SLACK_CLIENT_ID": CLIENT_ID, "SLACK_CLIENT_SECRET": CLIENT_SECRET}


class AtSlack:
    """A simulated Slack that knows the tokens in the store."""

    def __init__(self, slack: Slack, folder: Path) -> None:
        self.slack = slack
        self.folder = folder

    def knows(self, team_id: str, *tokens: str) -> None:
        for token in tokens:
            owner = Token(self.slack.workspace(team_id), "UBOT", token.startswith("xoxb"), False, "chat:write")
            self.slack.world.token_book.add(token, owner)

    async def run(self, *arguments: str, typed: str = "", **settings: str) -> "subprocess.CompletedProcess[str]":
        environ = {**CREDENTIALS, "LATCHKEY_SLACK_API_URL": self.slack.api_url, **settings}
        done = await asyncio.to_thread(run, self.folder, "installs", *arguments, typed=typed, **environ)
        assert not [word for word in (*SENTINELS, SECRET_MARK) if word in done.stdout + done.stderr]
        return done


@asynccontextmanager
async def at_slack(folder: Path) -> AsyncIterator[AtSlack]:
    slack = Slack(client_id=CLIENT_ID, client_secret=CLIENT_SECRET, signing_secret="s", redirect_uris=[], events_url="")
    slack.start()
    try:
        yield AtSlack(slack, folder)
    finally:
        await slack.close()
