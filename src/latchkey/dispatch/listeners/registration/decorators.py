"""The decorators of an App, with Bolt's names and parameters (mirrors `slack_bolt.app.app`).

Each takes what a payload must match, and optionally `matchers` and `middleware`, functions that decide at each payload
whether the listener is for it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol, TypeAlias, TypeVar

from latchkey.dispatch.listeners import matching
from latchkey.dispatch.listeners.matching import Constraint, Predicate, Text
from latchkey.slackapi.requests import FUNCTION_EXECUTED, Kind

Function: TypeAlias = Callable[..., Any]
Functions: TypeAlias = Sequence[Function] | None
F = TypeVar("F", bound=Function)


class Decorator(Protocol):
    """Registers a function and returns it."""

    def __call__(self, function: F, /) -> F: ...


class Decorators:
    """Turns each registration into a call of `_decorator`."""

    def _decorator(
        self,
        kind: Kind,
        matches: Predicate,
        constraint: Constraint | None,
        matchers: Functions = None,
        middleware: Functions = None,
        keyword: Text | None = None,
    ) -> Decorator:
        raise NotImplementedError

    def event(self, event: Constraint, matchers: Functions = None, middleware: Functions = None) -> Decorator:
        return self._decorator(Kind.EVENT, matching.for_event(event), event, matchers, middleware)

    def message(self, keyword: Text = "", matchers: Functions = None, middleware: Functions = None) -> Decorator:
        return self._decorator(
            Kind.EVENT, matching.for_message(keyword), "message", matchers, middleware, keyword=keyword
        )

    def function(
        self,
        callback_id: Text,
        matchers: Functions = None,
        middleware: Functions = None,
        auto_acknowledge: bool = True,
        ack_timeout: int = 3,
    ) -> Decorator:
        """Register a custom step of workflows.

        Its event is acknowledged before it runs, whatever the last two parameters say, which are Bolt's.
        """
        constraint = {"type": FUNCTION_EXECUTED, "callback_id": callback_id}
        return self._decorator(Kind.EVENT, matching.for_function(callback_id), constraint, matchers, middleware)

    def command(self, command: Text, matchers: Functions = None, middleware: Functions = None) -> Decorator:
        return self._decorator(Kind.COMMAND, matching.for_command(command), command, matchers, middleware)

    def action(self, constraints: Constraint, matchers: Functions = None, middleware: Functions = None) -> Decorator:
        return self._decorator(Kind.ACTION, matching.for_action(constraints), constraints, matchers, middleware)

    def block_action(
        self, constraints: Constraint, matchers: Functions = None, middleware: Functions = None
    ) -> Decorator:
        fields = {"action_id": constraints} if not isinstance(constraints, dict) else constraints
        return self.action({"type": "block_actions", **fields}, matchers, middleware)

    def attachment_action(
        self, callback_id: Text, matchers: Functions = None, middleware: Functions = None
    ) -> Decorator:
        return self.action({"type": "interactive_message", "callback_id": callback_id}, matchers, middleware)

    def dialog_submission(
        self, callback_id: Text, matchers: Functions = None, middleware: Functions = None
    ) -> Decorator:
        return self.action({"type": "dialog_submission", "callback_id": callback_id}, matchers, middleware)

    def dialog_cancellation(
        self, callback_id: Text, matchers: Functions = None, middleware: Functions = None
    ) -> Decorator:
        return self.action({"type": "dialog_cancellation", "callback_id": callback_id}, matchers, middleware)

    def shortcut(self, constraints: Constraint, matchers: Functions = None, middleware: Functions = None) -> Decorator:
        return self._decorator(Kind.SHORTCUT, matching.for_shortcut(constraints), constraints, matchers, middleware)

    def global_shortcut(self, callback_id: Text, matchers: Functions = None, middleware: Functions = None) -> Decorator:
        return self.shortcut({"type": "shortcut", "callback_id": callback_id}, matchers, middleware)

    def message_shortcut(
        self, callback_id: Text, matchers: Functions = None, middleware: Functions = None
    ) -> Decorator:
        return self.shortcut({"type": "message_action", "callback_id": callback_id}, matchers, middleware)

    def view(self, constraints: Constraint, matchers: Functions = None, middleware: Functions = None) -> Decorator:
        return self._decorator(Kind.VIEW, matching.for_view(constraints), constraints, matchers, middleware)

    def view_submission(self, constraints: Text, matchers: Functions = None, middleware: Functions = None) -> Decorator:
        return self.view({"type": "view_submission", "callback_id": constraints}, matchers, middleware)

    def view_closed(self, constraints: Text, matchers: Functions = None, middleware: Functions = None) -> Decorator:
        return self.view({"type": "view_closed", "callback_id": constraints}, matchers, middleware)

    def options(self, constraints: Constraint, matchers: Functions = None, middleware: Functions = None) -> Decorator:
        return self._decorator(Kind.OPTIONS, matching.for_options(constraints), constraints, matchers, middleware)

    def block_suggestion(self, action_id: Text, matchers: Functions = None, middleware: Functions = None) -> Decorator:
        return self.options({"type": "block_suggestion", "action_id": action_id}, matchers, middleware)

    def dialog_suggestion(
        self, callback_id: Text, matchers: Functions = None, middleware: Functions = None
    ) -> Decorator:
        return self.options({"type": "dialog_suggestion", "callback_id": callback_id}, matchers, middleware)

    def before_install(self, function: F) -> F:
        """Register a function that is called before an installation is saved, and may `refuse` it with a reason."""
        return self._decorator(Kind.BEFORE_INSTALL, matching.any_payload, None)(function)

    def installed(self, function: F) -> F:
        """Register a function that is called after an install, like an event: durably, and again if it fails."""
        return self._decorator(Kind.INSTALLED, matching.any_payload, None)(function)

    def uninstalled(self, function: F) -> F:
        """Register a function for Slack's event `app_uninstalled`; the app has no token there any longer."""
        return self.event("app_uninstalled")(function)
