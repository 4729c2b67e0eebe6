"""What the handlers work with, handed over when the application is made."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from latchkey.dispatch import EventPipeline, Interactions
from latchkey.handlers.transport import AccessLog, Clients
from latchkey.metrics import Metrics
from latchkey.slackapi.oauth import OAuthClient
from latchkey.slackapi.paths import BOLT_CALLBACK_PATH, CALLBACK_PATH, EVENTS_PATH, INSTALL_PATH
from latchkey.slackapi.requests import SignatureVerifier
from latchkey.storage import Store

HEALTH_PATH = "/healthz"
READY_PATH = "/readyz"

EVENTS = "events"
ENDPOINTS = {
    "/": "home",
    INSTALL_PATH: "install",
    CALLBACK_PATH: "callback",
    BOLT_CALLBACK_PATH: "callback",
    EVENTS_PATH: EVENTS,
    HEALTH_PATH: "healthz",
    READY_PATH: "readyz",
}
"""What requests are counted as; a path that is not here is counted as "other", whatever a stranger thinks of."""


class InFlight:
    """Counts the requests being answered, so that a stop can wait for them."""

    def __init__(self) -> None:
        self._count = 0
        self._idle = asyncio.Event()
        self._idle.set()
        self.stopping = False
        """Once true, every response asks its client to close the connection."""

    def begin(self) -> None:
        self._count += 1
        self._idle.clear()

    def end(self) -> None:
        self._count -= 1
        if not self._count:
            self._idle.set()

    async def wait(self, seconds: float) -> int:
        """Return when nothing is being answered, or after so long; how many requests are left."""
        try:
            async with asyncio.timeout(seconds):
                await self._idle.wait()
        except TimeoutError:
            pass
        return self._count


@dataclass(frozen=True)
class Services:
    """Everything behind the handlers."""

    store: Store
    interactions: Interactions
    events: EventPipeline
    metrics: Metrics
    oauth: OAuthClient
    verifier: SignatureVerifier
    public_url: str
    """Scheme and host, without a slash at the end."""
    show_install_page: bool = True
    success_url: str = ""
    failure_url: str = ""
    access_log: AccessLog = field(default_factory=AccessLog)
    clients: Clients = field(default_factory=Clients)
    in_flight: InFlight = field(default_factory=InFlight)

    @property
    def install_url(self) -> str:
        return self.public_url + INSTALL_PATH

    @property
    def is_https(self) -> bool:
        return self.public_url.startswith("https://")
