"""Uses the simulator's page as its scripts do: reads its state and messages, and acts."""

import json
from typing import Any
from urllib.parse import urlencode

from tornado.httpclient import HTTPResponse

from latchkey.simulator import Browser
from tests.simulator.simulation import Simulation

JSON = {"Content-Type": "application/json"}
ALICE = {"team": "T0ACME", "user": "U0ALICE", "channel": "C0GENERAL"}


async def act(it: Simulation, action: str, /, **fields: Any) -> dict[str, Any]:
    """Do something as Alice in #general, unless the fields say otherwise."""
    response = await it.browser.post(f"{it.slack.url}/page/act", json.dumps({**ALICE, "do": action, **fields}), JSON)
    return {"status": response.code, **json.loads(response.body)}


async def read(it: Simulation, path: str, **query: str) -> Any:
    response = await it.browser.get(f"{it.slack.url}/page/{path}?{urlencode({**ALICE, **query})}")
    assert response.code == 200, response.body
    return json.loads(response.body)


async def texts(it: Simulation, **query: str) -> list[str]:
    """Return the texts of a conversation, oldest first."""
    return [message["text"] for message in (await read(it, "messages", **query))["messages"]]


async def get(it: Simulation, path: str, **headers: str) -> HTTPResponse:
    browser = Browser()
    try:
        return await browser.get(it.slack.url + path, **headers)
    finally:
        browser.close()


async def install(it: Simulation, **changes: Any) -> str:
    """Install the app and return its token."""
    scope = "chat:write,commands,app_mentions:read"
    return str((await it.exchange(it.code(scope=scope, **changes)))["access_token"])
