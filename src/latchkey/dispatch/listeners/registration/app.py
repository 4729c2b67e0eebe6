"""The object that a listener module registers with; its decorators are Bolt's (mirrors `slack_bolt.app.async_app`).

An App only lists listeners and does no I/O, so a module's `register(app)` can be tested without a server.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

from latchkey.dispatch.listeners import matching
from latchkey.dispatch.listeners.arguments import CallPlan
from latchkey.dispatch.listeners.matching import Constraint, Predicate, Text
from latchkey.slackapi.requests import Kind, Payload
from latchkey.tokens import ClientFor

if TYPE_CHECKING:
    from slack_sdk.web.async_client import AsyncWebClient

Function: TypeAlias = Callable[..., Any]
F = TypeVar("F", bound=Function)
Decorator: TypeAlias = Callable[[F], F]

MAX_TYPES = 1000
"""Maximum types of payload whose listeners are remembered; Slack has about 150."""


class Listener:
    """A function, the payloads it is for, and the arguments it names."""

    def __init__(
        self,
        function: Function,
        kind: Kind | None,
        matches: Predicate,
        keyword: Text | None = None,
        constraint: Constraint | None = None,
    ) -> None:
        """Raises TypeError if the function names an argument that does not exist."""
        self.kind = kind
        self.matches = matches
        self.constraint = constraint
        """As it was registered; the manifest is derived from it."""
        self.keyword = keyword
        """For `message` listeners: the pattern whose groups become `context["matches"]`."""
        self.plan = CallPlan(function)
        self.module = ""
        """The listener module that registered it; empty if no module is being loaded."""
        self.id = self.plan.name
        """Its name, numbered if several listeners share it. Stored events refer to their listeners by it."""

    @property
    def name(self) -> str:
        return self.plan.name

    def may_match(self, payload_type: str) -> bool:
        """Whether a payload of this type may match; false only if the constraint demands another type."""
        if self.kind not in (Kind.EVENT, Kind.COMMAND):
            return True  # their constraints are on ids inside the payload
        demanded = self.constraint.get("type") if isinstance(self.constraint, Mapping) else self.constraint
        return not isinstance(demanded, str) or demanded == payload_type


class App:
    """Registers listeners: `@app.event("app_mention")`, or `app.event("app_mention")(function)`."""

    def __init__(self) -> None:
        self._listeners: dict[Kind, list[Listener]] = {}
        self._by_type: dict[tuple[Kind, str], list[Listener]] = {}
        """For each type of payload seen, the listeners that may match; the others need not be asked each time."""
        self._count_by_name: dict[str, int] = {}
        self.error_handlers: list[Listener] = []
        self.error_handlers_need_user = False
        """Whether one of them needs the acting person's token."""
        self._client_for: ClientFor | None = None

    async def client_for(
        self, enterprise_id: str | None, team_id: str | None, user_id: str | None = None
    ) -> AsyncWebClient:
        """Return a client with the token of this workspace's bot (`team_id` None: the org's), or of this person.

        For tasks on the server's event loop; listeners have an argument of the same name. Raises NotInstalled if there
        is no such token, and RuntimeError before the server has started.
        """
        if self._client_for is None:
            raise RuntimeError("client_for() works only while the server runs, not while listeners are registered")
        return await self._client_for(enterprise_id, team_id, user_id)

    def use_client_for(self, client_for: ClientFor) -> None:
        """Make `client_for` work; the server calls this when it starts."""
        self._client_for = client_for

    def event(self, event: Constraint) -> Decorator[F]:
        return self._decorator(Kind.EVENT, matching.for_event(event), event)

    def message(self, keyword: Text = "") -> Decorator[F]:
        return self._decorator(Kind.EVENT, matching.for_message(keyword), "message", keyword)

    def command(self, command: Text) -> Decorator[F]:
        return self._decorator(Kind.COMMAND, matching.for_command(command), command)

    def action(self, constraint: Constraint) -> Decorator[F]:
        return self._decorator(Kind.ACTION, matching.for_action(constraint), constraint)

    def block_action(self, constraint: Constraint) -> Decorator[F]:
        fields = {"action_id": constraint} if not isinstance(constraint, dict) else constraint
        return self.action({"type": "block_actions", **fields})

    def shortcut(self, constraint: Constraint) -> Decorator[F]:
        return self._decorator(Kind.SHORTCUT, matching.for_shortcut(constraint), constraint)

    def global_shortcut(self, callback_id: Text) -> Decorator[F]:
        return self.shortcut({"type": "shortcut", "callback_id": callback_id})

    def message_shortcut(self, callback_id: Text) -> Decorator[F]:
        return self.shortcut({"type": "message_action", "callback_id": callback_id})

    def view(self, constraint: Constraint) -> Decorator[F]:
        return self._decorator(Kind.VIEW, matching.for_view(constraint), constraint)

    def view_submission(self, callback_id: Text) -> Decorator[F]:
        return self.view({"type": "view_submission", "callback_id": callback_id})

    def view_closed(self, callback_id: Text) -> Decorator[F]:
        return self.view({"type": "view_closed", "callback_id": callback_id})

    def options(self, constraint: Constraint) -> Decorator[F]:
        return self._decorator(Kind.OPTIONS, matching.for_options(constraint), constraint)

    def before_install(self, function: F) -> F:
        """Register a function that is called before an installation is saved, and may `refuse` it with a reason."""
        register: Decorator[F] = self._decorator(Kind.BEFORE_INSTALL, matching.any_payload, None)
        return register(function)

    def installed(self, function: F) -> F:
        """Register a function that is called after an install, like an event: durably, and again if it fails."""
        register: Decorator[F] = self._decorator(Kind.INSTALLED, matching.any_payload, None)
        return register(function)

    def uninstalled(self, function: F) -> F:
        """Register a function for Slack's event `app_uninstalled`; the app has no token there any longer."""
        register: Decorator[F] = self.event("app_uninstalled")
        return register(function)

    def error(self, function: F) -> F:
        """Register a function that is called with `error` (and the usual arguments) when a listener raises."""
        handler = Listener(function, None, lambda _: True)
        self.error_handlers.append(handler)
        self.error_handlers_need_user |= handler.plan.needs_user
        return function

    @property
    def listeners(self) -> list[Listener]:
        """All listeners, grouped by kind; error handlers are not included."""
        return [listener for registered in self._listeners.values() for listener in registered]

    def matching(self, payload: Payload) -> list[Listener]:
        """Return the listeners that match this payload, in the order of their registration."""
        candidates = self._by_type.get((payload.kind, payload.type))
        if candidates is None:
            candidates = [
                listener for listener in self._listeners.get(payload.kind, ()) if listener.may_match(payload.type)
            ]
            if len(self._by_type) < MAX_TYPES:
                self._by_type[payload.kind, payload.type] = candidates
        return [listener for listener in candidates if listener.matches(payload)]

    def _decorator(
        self, kind: Kind, matches: Predicate, constraint: Constraint | None, keyword: Text | None = None
    ) -> Decorator[F]:
        def register(function: F) -> F:
            listener = Listener(function, kind, matches, keyword, constraint)
            count = self._count_by_name[listener.name] = self._count_by_name.get(listener.name, 0) + 1
            if count > 1:
                listener.id += f"#{count}"
            self._listeners.setdefault(kind, []).append(listener)
            self._by_type.clear()
            return function

        return register
