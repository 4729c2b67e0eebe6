"""A Bolt app, mounted: it gets what Slack sends after this server has verified and stored it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from slack_bolt.app.app import App
from slack_bolt.app.async_app import AsyncApp
from slack_bolt.response import BoltResponse

from latchkey.bolt.async_side import AsyncSide
from latchkey.bolt.install_pages import InstallPages
from latchkey.bolt.introspection import Found, describe, listeners_of
from latchkey.bolt.oauth import install_settings_of
from latchkey.bolt.own_tokens import OwnTokens
from latchkey.bolt.responses import has_no_listener, reply_from
from latchkey.bolt.sync_side import SyncSide
from latchkey.bolt.tracker import Tracker
from latchkey.dispatch import RAISED, Call, Listener, as_error
from latchkey.errors import UnexpectedStatus
from latchkey.metrics import Metrics
from latchkey.slackapi.requests import Kind, Payload

_SLACK_API = "https://slack.com/api/"
_JSON = {"content-type": "application/json"}
_FORM = {"content-type": "application/x-www-form-urlencoded"}


class BoltApp:
    """Runs a Bolt app's listeners; implements `MountedApp`."""

    def __init__(self, name: str, app: App | AsyncApp, *, is_ours: bool = False) -> None:
        """`name` is "module:attribute". `is_ours`: Latchkey has made the app, so that it has no tokens of its own."""
        self.name = name
        self.app = app
        self.is_async = isinstance(app, AsyncApp)
        found = listeners_of(app)
        self.listeners: list[Listener] = describe(found)
        self._event_types = _event_types(app, found)
        self._side = AsyncSide(app, is_ours=is_ours) if isinstance(app, AsyncApp) else SyncSide(app, is_ours=is_ours)
        self._metrics: Metrics | None = None
        self._api_url: str | None = None
        """What `start` has set."""
        self.needs_user = not _is_bot_only(app)
        self.install_settings = install_settings_of(app)
        self.install_pages = InstallPages(app, self._side.call)

    @property
    def own_tokens(self) -> OwnTokens:
        """The tokens that the app has besides those in the store."""
        return self._side.own_tokens

    @property
    def brings_tokens(self) -> bool:
        """Whether it may have tokens of workspaces that are not in the store."""
        return self.own_tokens is not OwnTokens.NONE

    @property
    def warning(self) -> str:
        """What an operator should know about the app's own tokens; empty if there is nothing."""
        return self.own_tokens.warning

    def start(self, metrics: Metrics, *, api_url: str) -> None:
        """Prepare for requests; the app's clients call `api_url` unless its author has chosen another URL."""
        self._metrics = metrics
        self._side.start()
        if self.app.client.base_url == _SLACK_API:
            self.app.client.base_url = self._api_url = api_url

    def close(self) -> None:
        """Start no further listeners; `start` makes it run again, for another server in this process."""
        self._side.close()
        if self.app.client.base_url == self._api_url:
            self.app.client.base_url = _SLACK_API

    def accepts(self, payload: Payload) -> bool:
        """Whether the payload must be handed to the app. False only if certainly nothing in it would run."""
        return payload.kind is not Kind.EVENT or self._event_types is None or payload.type in self._event_types

    async def handle(self, call: Call) -> None:
        """Run the app's listeners to their end; the app's response is the reply to an interactive request.

        Raises what a listener or a middleware raised first, or UnexpectedStatus for an event that the app refuses.
        """
        assert self._metrics is not None  # the server calls `start` before it accepts requests
        tracker = Tracker(call, self._metrics)
        self._metrics.listeners_running += 1
        try:
            response = await self._dispatch(tracker)
            if response is not None and call.on_ack is not None:
                call.on_ack(reply_from(response))
            await tracker.ended()
        finally:
            self._metrics.listeners_running -= 1
        if tracker.error is not None:
            raise tracker.error
        if response is not None and call.on_ack is None and not tracker.is_unhandled and not _is_success(response):
            raise UnexpectedStatus(response.status)

    async def _dispatch(self, tracker: Tracker) -> BoltResponse | None:
        """Return the app's response; None if it has none, which the tracker then knows."""
        call, payload = tracker.call, tracker.call.payload
        try:
            response: object = await self._side.dispatch(
                tracker,
                payload.raw.decode("utf-8", "replace"),
                _JSON if payload.kind is Kind.EVENT else _FORM,
                {"request_id": call.request_id, "attempt": call.attempt},
            )
        except RAISED as raised:
            tracker.fail(as_error(raised), self.name)
            return None
        if isinstance(response, BoltResponse):
            return response
        what = type(response).__name__
        tracker.fail(TypeError(f"a middleware returned an object of type {what} instead of a BoltResponse"), self.name)
        return None


def _is_success(response: BoltResponse) -> bool:
    return 200 <= response.status < 300 or has_no_listener(response)


def _is_bot_only(app: App | AsyncApp) -> bool:
    """Whether the app's OAuth settings say that it uses no tokens of people."""
    return app.oauth_flow is not None and bool(app.oauth_flow.settings.installation_store_bot_only)


def _event_types(app: App | AsyncApp, found: list[Found]) -> frozenset[str] | None:
    """Return the types of all events that anything in the app may be for; None if that cannot be known.

    A middleware of the author's sees every request.
    """
    middleware = app._async_middleware_list if isinstance(app, AsyncApp) else app._middleware_list
    if any(not type(each).__module__.startswith("slack_bolt.middleware.") or _is_custom(each) for each in middleware):
        return None
    types: set[str] = set()
    for kind, constraint, _ in (each.registration for each in found):
        if kind is None:
            return None
        demanded = constraint.get("type") if isinstance(constraint, Mapping) else constraint
        if kind is Kind.EVENT and isinstance(demanded, re.Pattern | type(None)):
            return None
        if kind is Kind.EVENT:
            types.add(str(demanded))
    return frozenset(types)


def _is_custom(middleware: Any) -> bool:
    return "custom_middleware" in type(middleware).__module__
