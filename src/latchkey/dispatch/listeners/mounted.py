"""An app of another framework, which finds and runs its own listeners.

It is registered as one listener for each kind of payload. Its own listeners are listed as well, for the manifest, the
commands and the metrics, but it runs them itself.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from latchkey.dispatch.listeners.arguments import CallPlan
from latchkey.slackapi.requests import Kind, Payload

if TYPE_CHECKING:
    from slack_sdk.oauth.installation_store import Installation

    from latchkey.dispatch.listeners.arguments import Call, Reply
    from latchkey.dispatch.listeners.registration import Listener
    from latchkey.metrics import Metrics

MOUNTED_KINDS = (Kind.EVENT, Kind.COMMAND, Kind.ACTION, Kind.SHORTCUT, Kind.VIEW, Kind.OPTIONS)
"""The kinds of payload that such an app receives: all that Slack sends to listeners."""


class InstallSettings(NamedTuple):
    """What such an app says about installs, which the server runs for it."""

    values: Mapping[str, Any] = {}
    """Settings of the server that it gives a value, by "section.key"."""
    pages: frozenset[str] = frozenset()
    """The ends of an install for which it has its own page: "success", "failure"."""
    client_id: str = ""
    redirect_uri: str = ""
    unused: tuple[str, ...] = ()
    """What the server does not use of it, as ends of sentences about the app."""


class InstallRequest(NamedTuple):
    """A browser's request at the end of an install."""

    query: str
    headers: Mapping[str, Sequence[str]]


class InstallFailure(NamedTuple):
    """Why the app was not installed."""

    reason: str
    status: int
    """The status of the server's own page."""
    error: Exception | None


class InstallPages(Protocol):
    """The app's own responses at the end of an install; None if it has none. They raise what the author's code does."""

    async def success(self, request: InstallRequest, installation: Installation) -> Reply | None: ...

    async def failure(self, request: InstallRequest, failure: InstallFailure) -> Reply | None: ...


class MountedApp(Protocol):
    """What the dispatch needs of such an app."""

    @property
    def name(self) -> str:
        """The module and the name of the app; stored events refer to it by them."""

    @property
    def listeners(self) -> Sequence[Listener]:
        """Its listeners, described; they are never run from here."""

    @property
    def brings_tokens(self) -> bool:
        """Whether it may have tokens of workspaces that are not in the store."""

    @property
    def warning(self) -> str:
        """What an operator should know about the tokens that it brings; empty if there is nothing."""

    @property
    def install_settings(self) -> InstallSettings:
        """What the app says about installs."""

    @property
    def install_pages(self) -> InstallPages:
        """The app's own responses at the end of an install."""

    @property
    def needs_user(self) -> bool:
        """Whether the acting person's token must be looked up for it."""

    def start(self, metrics: Metrics, *, api_url: str) -> None:
        """Prepare for payloads; the app's clients call Slack at `api_url` unless its author has chosen another URL."""

    def close(self) -> None:
        """Start no further listeners."""

    def accepts(self, payload: Payload) -> bool:
        """Whether the payload must be handed to the app. False only if certainly nothing in it would run."""

    async def handle(self, call: Call) -> None:
        """Run the app's listeners to their end, and pass the app's response to `call.on_ack` as soon as it is known.

        Raises what a listener raised, or UnexpectedStatus for an event that the app refuses.
        """


class MountedPlan(CallPlan):
    """Passes the whole call to a function, or only describes a function that the app runs itself."""

    def __init__(
        self, function: Callable[..., Any], *, module: str, name: str, is_async: bool = True, needs_user: bool = False
    ) -> None:
        self.function = function
        self.module = module
        self.name = name
        self.is_async = is_async
        self.needs_user = needs_user
        self.calls_slack = False  # it makes its own clients

    def arguments(self, call: Any) -> dict[str, Any]:
        return {"call": call}


def mounted_only(listeners: Sequence[Listener]) -> list[Listener]:
    """Return the mounted apps among them, which decide for themselves about events that the app has caused."""
    return [listener for listener in listeners if listener.mounted is not None]


def with_own_tokens(listeners: Sequence[Listener]) -> list[Listener]:
    """Return those that can run although the store has no token of the workspace."""
    return [listener for listener in listeners if listener.mounted is not None and listener.mounted.brings_tokens]
