"""What the handlers work with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from latchkey.dispatch import EventPipeline, InstallHooks, Interactions
from latchkey.handlers.pages import ICON_PATH, AppProfile, Pages
from latchkey.handlers.receipts import Receipts
from latchkey.handlers.transport import AccessLog, ClientAddresses, Clients, InFlight
from latchkey.metrics import Metrics
from latchkey.slackapi.oauth import OAuthClient
from latchkey.slackapi.paths import BOLT_CALLBACK_PATH, CALLBACK_PATH, EVENTS_PATH, INSTALL_PATH, INSTALLED_PATH
from latchkey.slackapi.requests import SeenSignatures, SignatureVerifier
from latchkey.storage import Store
from latchkey.tokens import AllowedWorkspaces, Undoer

HEALTH_PATH = "/healthz"
READY_PATH = "/readyz"
FAVICON_PATH = "/favicon.ico"

EVENTS = "events"
_ENDPOINTS = {
    "/": "home",
    INSTALL_PATH: "install",
    CALLBACK_PATH: "callback",
    BOLT_CALLBACK_PATH: "callback",
    INSTALLED_PATH: "installed",
    EVENTS_PATH: EVENTS,
    HEALTH_PATH: "healthz",
    READY_PATH: "readyz",
    ICON_PATH: "icon",
    FAVICON_PATH: "icon",
}


@dataclass(frozen=True)
class Services:
    """The objects that handlers use."""

    store: Store
    interactions: Interactions
    events: EventPipeline
    install_hooks: InstallHooks
    metrics: Metrics
    oauth: OAuthClient
    undoer: Undoer
    verifier: SignatureVerifier
    public_url: str
    """Scheme and host, without a trailing slash."""
    pages: Pages = field(default_factory=lambda: Pages(AppProfile()))
    receipts: Receipts = field(default_factory=Receipts)
    allowed_workspaces: AllowedWorkspaces = field(default_factory=AllowedWorkspaces)
    unsigned_metadata: Sequence[str] = ()
    """Query parameters of the install page that are stored with the installation."""
    install_path: str = INSTALL_PATH
    """The path of the install page in addition to INSTALL_PATH, unless it is the same."""
    callback_path: str = CALLBACK_PATH
    """The path of the redirect URL; CALLBACK_PATH and BOLT_CALLBACK_PATH work too."""
    state_seconds: int = 600
    """How long an install may take."""
    show_install_page: bool = True
    success_url: str = ""
    failure_url: str = ""
    access_log: AccessLog = field(default_factory=AccessLog)
    client_addresses: ClientAddresses = field(default_factory=ClientAddresses)
    seen_signatures: SeenSignatures = field(default_factory=SeenSignatures)
    clients: Clients = field(default_factory=Clients)
    in_flight: InFlight = field(default_factory=InFlight)

    @property
    def install_url(self) -> str:
        return self.public_url + self.install_path

    @cached_property
    def endpoints(self) -> Mapping[str, str]:
        """The label of requests in the metrics, by path; those to other paths are counted as "other"."""
        return {**_ENDPOINTS, self.install_path: "install", self.callback_path: "callback"}

    @property
    def is_https(self) -> bool:
        return self.public_url.startswith("https://")
