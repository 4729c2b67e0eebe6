"""This server under the bench: a store with the workspaces installed, then the server as it ships.

Usage: python -m bench.ours FOLDER; everything is kept in FOLDER, PORT and the rest come from the environment.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from slack_sdk.oauth.installation_store import Installation

from bench.traffic import APP_ID, COMMAND, SIGNING_SECRET, team_id
from storage import open_store

ROOT = Path(__file__).resolve().parent.parent

_LISTENERS = f"""\
def register(app):
    @app.event("app_mention")
    async def mention(event, context):
        pass

    @app.command("{COMMAND}")
    async def hello(ack, command):
        await ack("hello " + command["text"])
"""


def main(folder: Path) -> None:
    """Fill the store and become the server; its log goes to a file, as under systemd it goes to a pipe."""
    store = open_store(folder / "data" / "store.sqlite", folder / "keys" / "keyring")
    for number in range(int(os.environ["TEAMS"])):
        store.installations.save(
            Installation(
                app_id=APP_ID,
                team_id=team_id(number),
                user_id="U00000000",
                bot_token=f"xoxb-{number}",
                bot_id=f"B{number:08d}",
                bot_user_id=f"UBOT{number:08d}",
                bot_scopes=["chat:write", "commands"],
            )
        )
    store.close()
    (folder / "bench_listeners.py").write_text(_LISTENERS, encoding="utf-8")
    config = folder / "config.toml"
    config.write_text(
        f'[slack]\napi_url = "{os.environ["API_URL"]}"\n[listeners]\nmodules = ["bench_listeners"]\n', encoding="utf-8"
    )
    log = os.open(folder / "server.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(log, 2)
    secrets = {
        "SLACK_CLIENT_ID": "1.2",
        "SLACK_CLIENT_SECRET": "bench-client-secret",
        "SLACK_SIGNING_SECRET": SIGNING_SECRET,
    }
    listen = f"127.0.0.1:{os.environ['PORT']}"
    command = [sys.executable, str(ROOT / "server.py"), "--config", str(config), "--listen", listen]
    os.execve(sys.executable, command, {**os.environ, **secrets})


if __name__ == "__main__":
    main(Path(sys.argv[1]))
