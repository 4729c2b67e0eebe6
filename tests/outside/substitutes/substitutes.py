"""Substitutes for `slack_bolt.App` and `AsyncApp`: what is dispatched goes to the product's server over HTTP."""

import asyncio
import inspect
from functools import partial
from types import ModuleType
from typing import Any

from exchanged import Body, Status, raw_body
from served import Background, Served
from slack_bolt import App as BoltApp
from slack_bolt import BoltResponse
from slack_bolt.app.async_app import AsyncApp as AsyncBoltApp
from slack_sdk.oauth.installation_store import Installation

BOT = {"bot_id": "BZYBOTHED", "bot_user_id": "W23456789"}
"""What `auth.test` of Bolt's simulated API returns for every bot token."""
APP_MODULE = "scenario_app"
NATIVE = f'[listeners]\nmodules = ["{APP_MODULE}"]'
MOUNTED = f'[bolt]\napp = "{APP_MODULE}:app"'
BUILT_IN = {
    "signing_secret", "client", "token", "name", "token_verification_enabled", "request_verification_enabled",
    "installation_store", "oauth_settings", "oauth_flow", "ssl_check_enabled", "url_verification_enabled",
    "installation_store_bot_only", "logger",
}  # fmt: skip
"""Arguments of Bolt's constructor that settings of the product, or the substitute itself, take the place of."""
REFUSED = {403: '{"error": "invalid request"}'}
BODIES = {**REFUSED, 404: '{"error": "unhandled request"}'}
"""Bolt's texts for people who read a log; the product's are others."""
background: list[Background] = []
open_apps: list["Substitute"] = []
"""Those that the running test has made."""


class Unavailable(TypeError):
    """The native API has nothing that takes the place of this argument of Bolt's constructor."""


class Substitute:
    """Dispatches to a server that is started at the first request."""

    mode = ""
    bodies = BODIES
    is_async = False

    def __init__(self, **arguments: Any) -> None:
        self._arguments = arguments
        self._served: Served | None = None
        self._starting = asyncio.Lock()
        open_apps.append(self)

    def module(self) -> ModuleType:
        """Return the module that the product loads."""
        raise NotImplementedError

    def has_listener(self) -> bool:
        """Whether a listener matched the last request, as far as the substitute knows."""
        return False

    def dispatch(self, request: Any) -> Any:
        if self.is_async:
            return self._dispatch(request)
        if not background:
            background.append(Background())
        return background[0].run(lambda: self._dispatch(request))

    async_dispatch = dispatch

    async def _dispatch(self, request: Any) -> BoltResponse:
        served = await self._start()
        await self._install(request)
        unchecked = not self._arguments.get("request_verification_enabled", True)
        body, headers = served.signed(raw_body(request), {} if unchecked else dict(request.headers))
        status, answered, text = await served.send(body, headers)
        response = BoltResponse(status=status, body="", headers=answered)
        response.body = Body(self.bodies.get(status, text))
        response.status = Status(status)
        if status == 403:
            response.status.alias = 401
        elif status == 200 and not self.has_listener():
            response.status.alias = 404
        return response

    async def _start(self) -> Served:
        async with self._starting:
            if self._served is None:
                client = self._arguments.get("client")
                served = Served(
                    mode=self.mode,
                    module=self.module(),
                    api_url=client.base_url if client is not None else "http://localhost:8888/",
                    signing_secret=self._arguments.get("signing_secret") or "sentinel-signing-secret",
                )
                await served.start()
                self._served = served
            return self._served

    async def _install(self, request: Any) -> None:
        """Save the installation that Bolt would use for this request."""
        context = request.context
        where = {
            "enterprise_id": context.enterprise_id,
            "team_id": context.team_id,
            "is_enterprise_install": context.is_enterprise_install,
        }
        if store := self._installation_store():
            for item in await self._found(store, where, context.user_id):
                for name, value in where.items():
                    setattr(item, name, value)  # Bolt believes the store, whatever it was asked for
                self._served.install(item)
            return
        client = self._arguments.get("client")
        token = self._arguments.get("token") or getattr(client, "token", None)
        if token and (context.team_id or context.enterprise_id):
            owned = {"bot_token": token, **BOT} if not token.startswith("xoxp") else {"user_token": token}
            self._served.install(Installation(user_id="W99999", app_id="A111", **where, **owned))

    async def _found(self, store: Any, where: dict[str, Any], user_id: str | None) -> list[Installation]:
        """Return what the test's own store has for a request: the newest installation and that of the person."""
        prefix = "async_" if hasattr(store, "async_find_bot") and self.is_async else ""
        find_bot = partial(getattr(store, f"{prefix}find_bot"), **where)
        calls = [find_bot]
        if not self._arguments.get("installation_store_bot_only") and hasattr(store, f"{prefix}find_installation"):
            find = getattr(store, f"{prefix}find_installation")
            calls = [partial(find, **where, user_id=user) for user in dict.fromkeys((None, user_id))]
        try:
            found = [await _awaited(call()) for call in calls]
        except (NotImplementedError, ValueError):  # a store of bots only
            try:
                found = [await _awaited(find_bot())]
            except NotImplementedError:  # a store that only deletes
                found = []
        return [_installation(item) for item in found if item is not None]

    def _installation_store(self) -> Any:
        if store := self._arguments.get("installation_store"):
            return store
        flow = self._arguments.get("oauth_flow")
        settings = flow.settings if flow is not None else self._arguments.get("oauth_settings")
        return getattr(settings, "installation_store", None)

    async def close(self) -> None:
        if self._served is not None:
            await self._served.stop()
            self._served = None


class Native(Substitute):
    """Registers with the product's own App."""

    mode = NATIVE

    def __init__(self, **arguments: Any) -> None:
        from latchkey.dispatch import App

        unknown = sorted(set(arguments) - BUILT_IN)
        if unknown and unknown != ["process_before_response"]:
            raise Unavailable(f"App({unknown[0]}=): the native API has no constructor")
        super().__init__(**arguments)
        self._app = App()
        self._matched = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._app, name)

    def module(self) -> ModuleType:
        module = ModuleType(APP_MODULE)
        module.register = self._register
        return module

    def _register(self, app: Any) -> None:
        """Give the product's App everything that the test has registered, and watch what it matches."""
        app.__dict__.update(self._app.__dict__)
        matching = app.matching

        def watched(payload: Any) -> Any:
            found = matching(payload)
            self._matched = bool(found)
            return found

        app.matching = watched

    def has_listener(self) -> bool:
        return self._matched


class AsyncNative(Native):
    is_async = True


class Mounted(Substitute):
    """A real `slack_bolt.App`, which the product mounts."""

    mode = MOUNTED
    bodies = REFUSED
    bolt: Any = BoltApp

    def __init__(self, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.__dict__["_bolt"] = self.bolt(**arguments)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.__dict__["_bolt"], name)

    def module(self) -> ModuleType:
        module = ModuleType(APP_MODULE)
        module.app = self._bolt
        return module


class AsyncMounted(Mounted):
    bolt = AsyncBoltApp
    is_async = True


async def _awaited(value: Any) -> Any:
    return await value if inspect.isawaitable(value) else value


def _installation(found: Any) -> Installation:
    if isinstance(found, Installation):
        return found
    return Installation(user_id="W99999", **{name: getattr(found, name) for name in _OF_A_BOT})


_OF_A_BOT = ("app_id", "enterprise_id", "team_id", "bot_token", "bot_id", "bot_user_id", "bot_scopes", "installed_at")


def classes(mode: str) -> dict[Any, Any]:
    """Return the substitute for each class of Bolt's."""
    return {"native": {BoltApp: Native, AsyncBoltApp: AsyncNative}, "mounted": {BoltApp: Mounted, AsyncBoltApp: AsyncMounted}}[mode]  # fmt: skip


async def close_async_apps() -> None:
    for app in [app for app in open_apps if app.is_async]:
        open_apps.remove(app)
        await app.close()


def close_apps() -> None:
    """Stop the servers of the test that has ended."""
    for app in [app for app in open_apps if not app.is_async]:
        if background:
            background[0].run(app.close)
    open_apps.clear()


def run_async_test(test: Any) -> None:
    async def run() -> None:
        try:
            await test()
        finally:
            await close_async_apps()

    asyncio.run(run())
