"""Shared by the Python peers: addresses, the secret, and slack_sdk's SQLite store with the workspaces."""

import os
import sqlite3
from pathlib import Path

from slack_sdk.oauth.installation_store import Installation
from slack_sdk.oauth.installation_store.sqlite3 import SQLite3InstallationStore

PORT = int(os.environ["PORT"])
SIGNING_SECRET = os.environ["SIGNING_SECRET"]
API_URL = os.environ["API_URL"]
COMMAND = "/hello-bench"


class SeededStore(SQLite3InstallationStore):
    """slack_sdk's store; uses one connection for all saves while it is filled."""

    def __init__(self, path: Path) -> None:
        super().__init__(database=str(path), client_id="1.2")
        self._shared: sqlite3.Connection | None = None

    def connect(self) -> sqlite3.Connection:
        return self._shared or super().connect()

    def fill(self, teams: int) -> None:
        self.init()
        self._shared = sqlite3.connect(self.database)
        self._shared.execute("PRAGMA synchronous=OFF")
        for number in range(teams):
            self.save(
                Installation(
                    app_id="A0BENCH",
                    team_id=f"T{number:08d}",
                    user_id="U00000000",
                    bot_token=f"xoxb-{number}",
                    bot_id=f"B{number:08d}",
                    bot_user_id=f"UBOT{number:08d}",
                    bot_scopes=["chat:write", "commands"],
                )
            )
        self._shared.commit()
        self._shared.close()
        self._shared = None


def installation_store() -> SeededStore:
    store = SeededStore(Path(os.environ["FOLDER"]) / "installations.sqlite3")
    store.fill(int(os.environ["TEAMS"]))
    return store
