"""The object that a listener module registers with; its decorators are Bolt's (mirrors `slack_bolt.app.async_app`).

An App only lists listeners and does no I/O, so a module's `register(app)` can be tested without a server.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from latchkey.dispatch.listeners import bolt_only
from latchkey.dispatch.listeners.arguments import CallPlan
from latchkey.dispatch.listeners.matching import Constraint, Predicate, Text
from latchkey.dispatch.listeners.mounted import MOUNTED_KINDS, MountedApp, MountedPlan
from latchkey.dispatch.listeners.registration.decorators import Decorator, Decorators, F, Function, Functions
from latchkey.slackapi.requests import Kind, Payload
from latchkey.tokens import ClientFor

if TYPE_CHECKING:
    from slack_sdk.web.async_client import AsyncWebClient

MAX_TYPES = 1000
"""Maximum types of payload whose listeners are remembered; Slack has about 150."""


class Check(NamedTuple):
    """A function that decides at each payload whether a listener is for it."""

    plan: CallPlan
    is_matcher: bool
    """A matcher returns whether; middleware calls `next()`, or doesn't."""


class Listener:
    """A function, the payloads it is for, and the arguments it names."""

    def __init__(
        self,
        function: Function,
        kind: Kind | None,
        matches: Predicate,
        keyword: Text | None = None,
        constraint: Constraint | None = None,
        checks: tuple[Check, ...] = (),
        plan: CallPlan | None = None,
    ) -> None:
        """`kind` is None for error handlers. Make `plan` from the function's signature if it is None.

        Raises TypeError if the function names an argument that does not exist.
        """
        self.kind = kind
        self.matches = matches
        self.constraint = constraint
        """As it was registered; the manifest is derived from it."""
        self.keyword = keyword
        """For `message` listeners: the pattern whose groups become `context["matches"]`."""
        self.plan = plan or CallPlan(function, may_name_next=kind is None)
        self.checks = checks
        """Its matchers and its middleware, in the order in which they run."""
        plans = [self.plan, *(check.plan for check in checks)]
        self.needs_user = any(plan.needs_user for plan in plans)
        """Whether the acting person's token must be looked up."""
        self.calls_slack = any(plan.calls_slack for plan in plans)
        self.mounted: MountedApp | None = None
        """The app that this listener hands payloads to, if it is one of another framework."""
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


class App(Decorators):
    """Registers listeners: `@app.event("app_mention")`, or `app.event("app_mention")(function)`."""

    def __init__(self, *arguments: object, **options: object) -> None:
        """Raises TypeError if there are arguments, which Bolt's App takes."""
        if arguments or options:
            what = f"{'=, '.join(options)}=" if options else "arguments"
            instead = "settings are in config.toml, tokens in the store"
            raise TypeError(bolt_only.needs_bolt(f"{what} of App()", instead))
        self._listeners: dict[Kind, list[Listener]] = {}
        self._by_type: dict[tuple[Kind, str], list[Listener]] = {}
        """For each type of payload seen, the listeners that may match; the others need not be asked each time."""
        self._count_by_name: dict[str, int] = {}
        self.error_handlers: list[Listener] = []
        self.middleware_plans: list[CallPlan] = []
        """Functions that run before the listeners of each payload."""
        self.needs_user = False
        """Whether an error handler or the middleware needs the acting person's token."""
        self._client_for: ClientFor | None = None
        self._make_client: Callable[[], Any] | None = None
        self.mounted: MountedApp | None = None
        """An app of another framework that gets what reaches the server as well."""

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

    @property
    def client(self) -> Any:
        """A client without a token, for calls that name one: `app.client.auth_test(token=…)`.

        It is a WebClient in a sync listener, otherwise an AsyncWebClient. Raises RuntimeError before the server has
        started.
        """
        if self._make_client is None:
            raise RuntimeError(
                "app.client works only while the server runs, not while listeners are registered; "
                "the argument `client` has the workspace's token"
            )
        return self._make_client()

    def use_clients(self, client_for: ClientFor, make_client: Callable[[], Any]) -> None:
        """Make `client_for` and `client` work; the server calls this when it starts."""
        self._client_for = client_for
        self._make_client = make_client

    def use(self, function: F) -> F:
        """Register a function that runs before the listeners of each payload, and only if it calls `next()` do they."""
        bolt_only.check_functions("app.use", [function])
        plan = CallPlan(function, may_name_next=True)
        self.middleware_plans.append(plan)
        self.needs_user |= plan.needs_user
        return function

    middleware = use

    @property
    def logger(self) -> logging.Logger:
        return logging.getLogger("latchkey.listeners")

    def __getattr__(self, name: str) -> Any:
        instead = bolt_only.ATTRIBUTES.get(name)
        if instead is None:
            raise AttributeError(f"an App has no {name}")
        raise AttributeError(bolt_only.needs_bolt(f"app.{name}", instead))

    def error(self, function: F) -> F:
        """Register a function that is called with `error` (and the usual arguments) when a listener raises."""
        handler = Listener(function, None, lambda _: True)
        self.error_handlers.append(handler)
        self.needs_user |= handler.plan.needs_user
        return function

    def mount(self, mounted: MountedApp) -> None:
        """Hand payloads to another framework's app as well; call it after every other registration.

        Its listeners come last: for a command, an action or a form, the first listener that matches runs.
        """
        self.mounted = mounted
        for kind in MOUNTED_KINDS:
            plan = MountedPlan(
                mounted.handle, module=mounted.name.partition(":")[0], name=mounted.name, needs_user=mounted.needs_user
            )
            listener = Listener(mounted.handle, kind, mounted.accepts, plan=plan)
            listener.mounted = mounted
            self._listeners.setdefault(kind, []).append(listener)
        self._by_type.clear()

    @property
    def listeners(self) -> list[Listener]:
        """All listeners, grouped by kind, then those of the mounted app; error handlers are not included."""
        return [*self.own_listeners, *(self.mounted.listeners if self.mounted else ())]

    @property
    def own_listeners(self) -> list[Listener]:
        """The listeners that are registered with this object."""
        return [
            listener for registered in self._listeners.values() for listener in registered if listener.mounted is None
        ]

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
        self,
        kind: Kind,
        matches: Predicate,
        constraint: Constraint | None,
        matchers: Functions = None,
        middleware: Functions = None,
        keyword: Text | None = None,
    ) -> Decorator:
        checks = (*_checks("matchers=", matchers), *_checks("middleware=", middleware))

        def register(*functions: F, **named: object) -> F:
            if named or len(functions) != 1:
                raise TypeError(bolt_only.needs_bolt("a lazy listener" + (f" ({'=, '.join(named)}=)" if named else "")))
            listener = Listener(functions[0], kind, matches, keyword, constraint, checks)
            count = self._count_by_name[listener.name] = self._count_by_name.get(listener.name, 0) + 1
            if count > 1:
                listener.id += f"#{count}"
            self._listeners.setdefault(kind, []).append(listener)
            self._by_type.clear()
            return functions[0]

        return register


def _checks(parameter: str, functions: Functions) -> list[Check]:
    bolt_only.check_functions(parameter, functions or ())
    is_matcher = parameter == "matchers="
    return [Check(CallPlan(function, may_name_next=not is_matcher), is_matcher) for function in functions or ()]
