"""Runs the product's server in this process, on a loop of the caller's, with the settings of a config.toml.

The pytest of another project loads this module from its folder, because that project has a package `tests` too.
"""

import asyncio
import json
import logging
import os
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import AsyncExitStack, closing
from pathlib import Path
from types import ModuleType
from typing import Any
from urllib.parse import quote

import aiohttp
from slack_sdk.oauth.installation_store import Installation
from slack_sdk.signature import SignatureVerifier
from tornado.netutil import bind_sockets

from latchkey.handlers import LatchkeyServer, make_application
from latchkey.server.startup import prepare
from latchkey.server.wiring import services_for
from latchkey.storage import EventStatus, open_store

SETTLE_SECONDS = 2.0
"""Time for the listeners of an event to end before the test goes on."""
REQUEST_TIMEOUT = aiohttp.ClientTimeout(total=8)
ENVIRONMENT = {"SLACK_CLIENT_ID": "111.222", "SLACK_CLIENT_SECRET": "sentinel-client-secret"}
CONFIG = """
[server]
listen = "127.0.0.1:0"
public_url = "http://localhost"
[slack]
api_url = "{api_url}/"
[metrics]
listen = ""
[events]
max_attempts = 1
[log]
level = "error"
{mode}
"""


class Served:
    """The server with one app."""

    def __init__(self, *, mode: str, module: ModuleType, api_url: str, signing_secret: str) -> None:
        """`mode` is the part of config.toml that names `module`, which holds the app."""
        self._mode, self._module, self._api_url = mode, module, api_url
        self.signing_secret = signing_secret
        self._stack = AsyncExitStack()
        self._event_ids: set[str] = set()
        self._signed: set[tuple[str, str]] = set()
        self.url = ""

    async def start(self) -> None:
        import sys

        folder = Path(self._stack.enter_context(tempfile.TemporaryDirectory()))
        (folder / "config.toml").write_text(CONFIG.format(api_url=self._api_url.rstrip("/"), mode=self._mode))
        sys.modules[self._module.__name__] = self._module
        before, root = dict(os.environ), logging.getLogger()
        handlers, level = root.handlers[:], root.level
        os.environ.update(ENVIRONMENT, SLACK_SIGNING_SECRET=self.signing_secret)
        try:
            startup = prepare(folder / "config.toml", None, new_store=True)
        finally:
            os.environ.clear()
            os.environ.update(before)
            root.handlers[:] = handlers  # the other project's tests read the log
            root.setLevel(level)
        settings = startup.settings
        self.store = self._stack.enter_context(
            closing(open_store(settings.store_path, settings.keyring_path, new_store=True))
        )
        self.services = await self._stack.enter_async_context(services_for(startup, self.store, "http://localhost"))
        server = LatchkeyServer(make_application(self.services), clients=self.services.clients, max_clients=100)
        sockets = bind_sockets(0, "127.0.0.1")
        server.add_sockets(sockets)
        self.url = f"http://127.0.0.1:{sockets[0].getsockname()[1]}"
        self._stack.push_async_callback(self._drain, server)

    async def _drain(self, server: LatchkeyServer) -> None:
        server.stop()
        await server.close_all_connections()
        await self.services.interactions.drain(0.2)
        await self.services.events.drain(0.2)

    async def stop(self) -> None:
        await self._stack.aclose()

    def install(self, installation: Installation) -> None:
        self.store.installations.save(installation)

    async def send(self, body: str, headers: dict[str, str]) -> tuple[int, dict[str, str], str]:
        """Send a request as it is, and wait until the listeners of an event have ended."""
        async with (
            aiohttp.ClientSession(timeout=REQUEST_TIMEOUT) as session,
            session.post(f"{self.url}/slack/events", data=body.encode(), headers=headers) as response,
        ):
            answered = {name: value.replace("; ", ";") for name, value in response.headers.items()}  # as Bolt writes it
            answer = response.status, answered, await response.text()
        await self._settle()
        return answer

    async def _settle(self) -> None:
        until = time.monotonic() + SETTLE_SECONDS
        while time.monotonic() < until:
            waiting = await asyncio.to_thread(list, self.store.event_admin.all([EventStatus.WAITING]))
            if not waiting:
                return
            await asyncio.sleep(0.01)

    def signed(self, body: str, headers: dict[str, list[str]]) -> tuple[str, dict[str, str]]:
        """Return the body and headers to send.

        A request without a signature is signed: its test has turned the check off, or uses Socket Mode. If an event's
        id was sent before, it gets another one, and a request that was sent before is signed at a later time: Slack
        never sends the same twice for two acts of people, and the product drops copies.
        """
        flat = {name: values[0] if isinstance(values, list) else values for name, values in headers.items()}
        verifier = SignatureVerifier(self.signing_secret)
        is_signed = "x-slack-signature" in flat
        is_valid = not is_signed or verifier.is_valid_request(body, flat)
        if is_valid and (event_id := _event_id(body)) is not None:
            if event_id in self._event_ids:
                document = json.loads(body)
                body = json.dumps({**document, "event_id": f"{event_id}{len(self._event_ids)}"})
            self._event_ids.add(_event_id(body) or "")
        if is_valid:
            body = _as_slack_sends(body)
            timestamp = flat.get("x-slack-request-timestamp", str(int(time.time())))
            while (timestamp, body) in self._signed:
                timestamp = str(int(timestamp) + 1)
            self._signed.add((timestamp, body))
            flat["x-slack-request-timestamp"] = timestamp
            flat["x-slack-signature"] = str(verifier.generate_signature(body=body, timestamp=timestamp))
            kind = "application/json" if body.startswith("{") else "application/x-www-form-urlencoded"
            flat["content-type"] = kind
        flat.pop("content-length", None)
        return body, flat


def _as_slack_sends(body: str) -> str:
    """Return an interaction as the form that Slack sends; some tests of Bolt send it as JSON."""
    document = json.loads(body) if body.startswith("{") else {}
    is_interaction = document and document.get("type") not in ("event_callback", "url_verification")
    return f"payload={quote(body)}" if is_interaction else body


def _event_id(body: str) -> str | None:
    try:
        document = json.loads(body)
    except ValueError:
        return None
    return document.get("event_id") if isinstance(document, dict) else None


class Background:
    """A loop in a thread of its own, for tests that are not async."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        threading.Thread(target=self.loop.run_forever, daemon=True, name="served").start()

    def run(self, call: Callable[[], Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(call(), self.loop).result(20)
