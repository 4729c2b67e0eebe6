"""Runs this server for the bench: fills a store with installed workspaces, then becomes the server as shipped.

Usage: python -m bench.ours FOLDER; all files are in FOLDER, PORT and TEAMS come from the environment. Optional:
REMEMBERED, the number of remembered event ids; INSTALLS, a number of complete installations to use in place of TEAMS;
EXPIRING, which makes their tokens expire soon; TROUBLE, which makes the listeners of three kinds of events sleep,
raise, or block a thread; REFRESHING, a file of installations, whose listener calls Slack with the bot's token and the
acting person's; BOLT, "AsyncApp" or "App", which mounts such an app with the same listeners.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path

from slack_sdk.oauth.installation_store import Installation

from bench.ours.installs import fill
from bench.traffic import APP_ID, COMMAND, SIGNING_SECRET, team_id
from latchkey.storage import Outcome, Store, StoredEvent, open_store

ROOT = Path(__file__).resolve().parent.parent.parent
REMEMBERED_SECONDS = 25 * 3600

_LISTENERS = f"""\
def register(app):
    @app.event("app_mention")
    async def mention(event, context):
        pass

    @app.command("{COMMAND}")
    async def hello(ack, command):
        await ack("hello " + command["text"])
"""

_CALM = """
    async def other(event):
        pass

    for kind in ("reaction_added", "pin_added", "channel_created"):
        app.event(kind)(other)
"""
_TROUBLE = """
    import asyncio, time

    @app.event("reaction_added")
    async def sleeps(event):
        await asyncio.sleep(60)

    @app.event("pin_added")
    async def raises(event):
        raise ValueError

    @app.event("channel_created")
    def blocks(event):
        time.sleep(60)
"""

_REFRESHING_LISTENER = """\
def register(app):
    @app.event("app_mention")
    async def mention(event, client, user_client, context):
        if context.user_token:
            await user_client.auth_test()
        await client.chat_postMessage(channel=event["channel"], text=f"{event['user']} {bool(context.user_token)}")
"""


_BOLT_APPS = {
    "AsyncApp": f"""\
from slack_bolt.async_app import AsyncApp
app = AsyncApp(token="xoxb-unused", signing_secret="unused")

@app.event("app_mention")
async def mention(event, context):
    pass

@app.command("{COMMAND}")
async def hello(ack, command):
    await ack("hello " + command["text"])
""",
    "App": f"""\
from slack_bolt import App
app = App(token="xoxb-unused", signing_secret="unused")

@app.event("app_mention")
def mention(event, context):
    pass

@app.command("{COMMAND}")
def hello(ack, command):
    ack("hello " + command["text"])
""",
}
"""The apps of the peers, without their stores."""


def main(folder: Path) -> None:
    """Fill the store and become the server; the log goes to a file."""
    paths = folder / "data" / "store.sqlite", folder / "keys" / "keyring"
    fill(*paths, int(os.environ.get("INSTALLS", "0")), expiring="EXPIRING" in os.environ)
    store = open_store(*paths)
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
    refreshing = os.environ.get("REFRESHING")
    for fields in json.loads(Path(refreshing).read_text()) if refreshing else ():
        store.installations.save(Installation(**fields))
    _remember(store, int(os.environ.get("REMEMBERED", "0")))
    store.close()
    listeners = _LISTENERS + (_TROUBLE if os.environ.get("TROUBLE") else _CALM)
    if refreshing:
        listeners = _REFRESHING_LISTENER
    (folder / "bench_listeners.py").write_text(listeners, encoding="utf-8")
    section = '[listeners]\nmodules = ["bench_listeners"]\n'
    if bolt := os.environ.get("BOLT"):
        (folder / "bench_bolt.py").write_text(_BOLT_APPS[bolt], encoding="utf-8")
        section = '[bolt]\napp = "bench_bolt:app"\n'
    config = folder / "config.toml"
    config.write_text(
        f'[slack]\napi_url = "{os.environ["API_URL"]}"\n{section}[metrics]\nlisten = "127.0.0.1:0"\n',
        encoding="utf-8",
    )
    log = os.open(folder / "server.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(log, 2)
    secrets = {
        "SLACK_CLIENT_ID": "1.2",
        "SLACK_CLIENT_SECRET": "bench-client-secret",
        "SLACK_SIGNING_SECRET": SIGNING_SECRET,
    }
    listen = f"127.0.0.1:{os.environ['PORT']}"
    command = [sys.executable, "-m", "latchkey", "serve", "--config", str(config), "--listen", listen]
    os.execve(sys.executable, command, {**os.environ, **secrets})


def _remember(store: Store, count: int) -> None:
    """Accept and finish this many events, evenly over the last 25 hours."""
    now = time.time()
    for first in range(0, count, 10_000):
        received_at = now - REMEMBERED_SECONDS * (count - first) / count
        events = [
            StoredEvent(f"EvBEFORE{number:08d}", received_at, "", None, b"", int(received_at))
            for number in range(first, min(first + 10_000, count))
        ]
        store.inbox.commit(events)
        store.inbox.commit(outcomes=[Outcome.done(event) for event in events])


if __name__ == "__main__":
    main(Path(sys.argv[1]))
