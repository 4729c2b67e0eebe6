"""`latchkey simulator`: a simulated Slack beside any app, which may be written in any language."""

from __future__ import annotations

import asyncio
import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from latchkey.errors import LatchkeyError
from latchkey.simulator.demo import SLACK_PORT, free_port, ssh_instructions, until_signal, usable_port
from latchkey.simulator.model import DescribeScope, redirect_uris_at
from latchkey.simulator.slack import Slack
from latchkey.simulator.tokens import Token

EVENTS_PATH = "/slack/events"
CREDENTIALS = {"SLACK_CLIENT_ID": 10, "SLACK_CLIENT_SECRET": 32, "SLACK_SIGNING_SECRET": 32}
"""The app's credentials, and how long random ones are."""
SCOPES = "app_mentions:read,assistant:write,channels:history,chat:write,commands,im:history,reactions:read,users:read"
"""The scopes of the token that an app without OAuth gets."""
INSTRUCTIONS = """\
A simulated Slack is at {slack}
It sends everything to {events}

Start the app with these variables; they are worth nothing anywhere else:
{variables}
and let its Slack client use the address {slack}/api/, in Python with WebClient(base_url="{slack}/api/").
Nothing leaves this machine, and nothing is kept. Press Ctrl-C to stop.
"""


@dataclass(frozen=True)
class Beside:
    """The app that the simulated Slack runs beside."""

    events_url: str
    redirect_uris: tuple[str, ...]
    manifest: Mapping[str, Any]


def app_at(url: str, manifest: Mapping[str, Any]) -> Beside:
    """Return the app at this address: with a path it is the one for events, without one `/slack/events` is.

    Raises LatchkeyError if the address is not on this machine: the simulator's secrets stay here.
    """
    parts = urlsplit(url if "//" in url else f"http://{url}")
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise LatchkeyError(f"--app {url}: not an address", hint="give one such as http://localhost:3000")
    if parts.hostname not in ("localhost", "127.0.0.1", "::1"):
        raise LatchkeyError(
            f"--app {url}: not on this machine",
            hint="run the simulator where the app runs; ssh -L shows it elsewhere",
        )
    origin = f"{parts.scheme}://{parts.netloc}"
    path = parts.path if parts.path not in ("", "/") else EVENTS_PATH
    return Beside(origin + path, redirect_uris_at(origin, manifest), manifest)


def run_simulator(app: Beside, *, port: int | None, environ: Mapping[str, str], describe_scope: DescribeScope) -> int:
    """Run until Ctrl-C, SIGTERM or the end of the terminal. Returns the exit code.

    The app's credentials are those in `environ`; missing ones are made up. `port` None means 8090 or the next free one.
    Raises LatchkeyError if the port cannot be used.
    """
    taken = free_port(SLACK_PORT) if port is None else usable_port(port)
    try:
        return asyncio.run(until_signal(_serve(app, taken, environ, describe_scope)))
    except (KeyboardInterrupt, asyncio.CancelledError):
        return 0


async def _serve(app: Beside, port: int, environ: Mapping[str, str], describe_scope: DescribeScope) -> int:
    credentials = {name: environ.get(name) or secrets.token_hex(size // 2) for name, size in CREDENTIALS.items()}
    slack = Slack(
        client_id=credentials["SLACK_CLIENT_ID"],
        client_secret=credentials["SLACK_CLIENT_SECRET"],
        signing_secret=credentials["SLACK_SIGNING_SECRET"],
        redirect_uris=app.redirect_uris,
        events_url=app.events_url,
        port=port,
        describe_scope=describe_scope,
        for_people=True,
    )
    slack.describe(app.manifest)
    slack.start()
    try:
        variables = {**credentials, "SLACK_BOT_TOKEN": _bot_token(slack, environ)}
        # Those that are in the environment are known to the person who set them.
        shown = {name: value for name, value in variables.items() if name not in environ}
        lines = "\n".join(f"  {name}={value}" for name, value in shown.items()) or "  (as they are in this terminal)"
        print(INSTRUCTIONS.format(slack=slack.url, events=app.events_url, variables=lines), end="")
        app_port = urlsplit(app.events_url).port or 80
        print(ssh_instructions(os.environ, app_port, slack.port), end="", flush=True)
        await asyncio.Event().wait()
        return 0
    finally:
        await slack.close()


def _bot_token(slack: Slack, environ: Mapping[str, str]) -> str:
    """Install the app into the first workspace, for an app without OAuth, and return its token."""
    workspace = slack.workspace()
    features = (slack.world.manifest.get("oauth_config") or {}).get("scopes") or {}
    scopes = ",".join(features.get("bot") or ()) or SCOPES
    token = Token(workspace, slack.world.bot_user_id(workspace), is_bot=True, org_wide=False, scopes=scopes)
    given = environ.get("SLACK_BOT_TOKEN")
    if not given:
        return slack.world.issue_token("xoxb", token)
    slack.world.token_book.add(given, token)
    return given
