"""The simulator's HTTP endpoints for apps: the Web API and response URLs."""

from __future__ import annotations

import asyncio
import base64
import json
from typing import Any

from latchkey.simulator.faults import EVERY_METHOD, ApiFault
from latchkey.simulator.model import MAX_RESPONSE_URL_USES, ApiCall, World
from latchkey.simulator.people import People
from latchkey.simulator.tokens import Token, TokenRefused
from latchkey.simulator.web_api.api_call import ApiError
from latchkey.simulator.web_api.manifest_methods import MANIFEST_METHODS
from latchkey.simulator.web_api.methods import METHODS
from latchkey.simulator.web_api.recording import RecordedHandler
from latchkey.simulator.web_api.token_methods import TOKEN_METHODS

_NOT_RECORDED = frozenset({"token", "refresh_token", "client_secret", "code"})
_SECRET_RESPONSES = frozenset({"apps.manifest.create", "oauth.v2.access", "oauth.v2.exchange", "tooling.tokens.rotate"})
_OWN_TOKENS = TOKEN_METHODS | MANIFEST_METHODS
"""The methods that check the token of the call themselves."""


class ApiHandler(RecordedHandler):
    """GET and POST /api/<method>."""

    def initialize(self, world: World) -> None:
        self.world = world

    def token(self) -> Token | None:
        value = self._credentials({})[0] or self.get_argument("token", "")
        return self.world.tokens.get(value)

    async def get(self, method: str) -> None:
        await self._respond(method, self._query())

    async def post(self, method: str) -> None:
        if self.request.headers.get("Content-Type", "").startswith("application/json"):
            try:
                arguments = json.loads(self.request.body or b"{}")
            except ValueError:
                self.finish({"ok": False, "error": "invalid_json"})
                return
        else:
            arguments = {name: self.get_body_argument(name, strip=False) for name in self.request.body_arguments}
        # slack_sdk puts the arguments of some methods into the address of a POST, and Slack accepts that.
        await self._respond(method, self._query() | arguments)

    def _query(self) -> dict[str, Any]:
        return {name: self.get_query_argument(name, strip=False) for name in self.request.query_arguments}

    async def _respond(self, method: str, arguments: dict[str, Any]) -> None:
        self.world.token_book.count_sent(arguments.get("refresh_token"))
        if (seconds := self._retry_after(method, arguments)) is not None:
            self._refuse(429, seconds)
            return
        fault = self.world.faults.get(method) or self.world.faults.get(EVERY_METHOD)
        if fault is None or fault.times <= 0 or not fault.matches(arguments):
            self.finish(self._record(method, arguments))
            return
        fault.times -= 1
        document = self._record(method, arguments) if fault.acts else None
        await asyncio.sleep(fault.seconds)
        if not self._fail(fault):
            self.finish(document or self._record(method, arguments))

    def _record(self, method: str, arguments: dict[str, Any]) -> dict[str, Any]:
        """Carry out a call, record it and return its response."""
        value, arguments = self._credentials(arguments)
        try:
            document = {"ok": True, **self._act(method, value, arguments)}
        except ApiError as error:
            document = {"ok": False, "error": str(error), **error.fields}
        except TokenRefused as error:
            document = {"ok": False, "error": str(error)}
        token = self.world.tokens.get(value)
        if token is not None:
            # https://docs.slack.dev/authentication/installing-with-oauth
            self.set_header("X-OAuth-Scopes", token.scopes)
        secret = method in _SECRET_RESPONSES
        self.world.record(
            ApiCall(
                method,
                None if token is None else token.workspace.team_id,
                {name: value for name, value in arguments.items() if name not in _NOT_RECORDED},
                {name: document[name] for name in ("ok", "error") if name in document} if secret else document,
            )
        )
        return document

    def _act(self, method: str, value: str, arguments: dict[str, Any]) -> dict[str, Any]:
        """Call a method and return its response. Raises ApiError or TokenRefused."""
        if method in _OWN_TOKENS:
            return _OWN_TOKENS[method](self.world, arguments, value)
        if method not in METHODS:
            raise ApiError("unknown_method")
        token = self.world.token_book.authenticate(value)
        self.set_header("X-OAuth-Scopes", token.scopes)
        return METHODS[method](self.world, token, arguments)

    def _fail(self, fault: ApiFault) -> bool:
        """Fail as the fault says; returns False if it was only slow."""
        if fault.closes:
            self.detach().close()
        elif fault.status != 200:
            self._refuse(fault.status, fault.retry_after)
        elif fault.error:
            self.finish({"ok": False, "error": fault.error})
        elif fault.body is not None:
            self.set_header("Content-Type", "application/json")
            self.finish(fault.body)
        else:
            return False
        return True

    def _retry_after(self, method: str, arguments: dict[str, Any]) -> int | None:
        """Return the seconds to wait if the workspace has used up the method's rate limit, otherwise None."""
        limit = self.world.rate_limits.get(method)
        if limit is None:
            return None
        token = self.world.tokens.get(self._credentials(arguments)[0])
        return limit.retry_after(token.workspace.team_id if token else "", self.world.clock())

    def _refuse(self, status: int, retry_after: int) -> None:
        self.set_status(status)
        self.set_header("Retry-After", str(retry_after))
        self.finish({"ok": False, "error": "ratelimited" if status == 429 else "fatal_error"})

    def _credentials(self, arguments: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        """Return the call's token, or "", and its arguments with the app's credentials.

        Both the token and the credentials may be in the Authorization header or in the arguments.
        """
        kind, _, value = self.request.headers.get("Authorization", "").partition(" ")
        if kind == "Basic":
            client_id, _, client_secret = base64.b64decode(value).decode().partition(":")
            arguments = {**arguments, "client_id": client_id, "client_secret": client_secret}
        return value if kind == "Bearer" else str(arguments.get("token", "")), arguments


class ResponseUrlHandler(RecordedHandler):
    """POST /response/<name>: accepts five messages within 30 minutes."""

    def initialize(self, world: World, people: People) -> None:
        self.world = world
        self.people = people

    def what(self) -> str:
        return "response_url"

    def post(self, name: str) -> None:
        url = self.world.response_urls.get(name)
        if url is None or self.world.clock() >= url.expires_at or url.uses >= MAX_RESPONSE_URL_USES:
            self.set_status(404)
            self.finish({"ok": False, "error": "used_url" if url else "expired_url"})
            return
        url.uses += 1
        workspace = url.workspace.seen_by(url.user_id, url.channel)
        self.people.show(workspace, url.channel, json.loads(self.request.body), url.message)
        self.finish("ok")
