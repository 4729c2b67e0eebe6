"""The simulator's HTTP endpoints for apps: the Web API and response URLs."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from tornado.web import RequestHandler

from latchkey.simulator.model import MAX_RESPONSE_URL_USES, ApiCall, ApiFault, Token, World
from latchkey.simulator.people import People
from latchkey.simulator.web_api.methods import METHODS, ApiError, oauth_v2_access

_NOT_RECORDED = frozenset({"token", "client_secret", "code"})


class ApiHandler(RequestHandler):
    """GET and POST /api/<method>."""

    def initialize(self, world: World) -> None:
        self.world = world

    async def get(self, method: str) -> None:
        await self._respond(method, {name: self.get_query_argument(name) for name in self.request.query_arguments})

    async def post(self, method: str) -> None:
        if self.request.headers.get("Content-Type", "").startswith("application/json"):
            try:
                arguments = json.loads(self.request.body or b"{}")
            except ValueError:
                self.finish({"ok": False, "error": "invalid_json"})
                return
        else:
            arguments = {name: self.get_body_argument(name) for name in self.request.body_arguments}
        await self._respond(method, arguments)

    async def _respond(self, method: str, arguments: dict[str, Any]) -> None:
        fault = self.world.faults.get(method)
        if fault is not None and fault.times > 0 and await self._fail(fault):
            return
        authorization = self.request.headers.get("Authorization", "")
        token = None
        try:
            if method == "oauth.v2.access":
                document = oauth_v2_access(self.world, arguments, authorization)
            elif method not in METHODS:
                raise ApiError("unknown_method")
            else:
                token = self._token(authorization, arguments)
                document = {"ok": True, **METHODS[method](self.world, token, arguments)}
        except ApiError as error:
            document = {"ok": False, "error": str(error)}
        self.world.calls.append(
            ApiCall(
                method,
                None if token is None else token.workspace.team_id,
                {name: value for name, value in arguments.items() if name not in _NOT_RECORDED},
                {} if method == "oauth.v2.access" else document,
            )
        )
        self.finish(document)

    async def _fail(self, fault: ApiFault) -> bool:
        """Wait, and fail if the fault says so; returns whether a response was sent."""
        fault.times -= 1
        await asyncio.sleep(fault.seconds)
        if fault.status != 200:
            self.set_status(fault.status)
            self.set_header("Retry-After", "1")
            self.finish({"ok": False, "error": "ratelimited" if fault.status == 429 else "fatal_error"})
        elif fault.error:
            self.finish({"ok": False, "error": fault.error})
        elif fault.body is not None:
            self.set_header("Content-Type", "application/json")
            self.finish(fault.body)
        return self._finished

    def _token(self, authorization: str, arguments: dict[str, Any]) -> Token:
        """Return the token from the header or the arguments. Raises ApiError if there is no valid one."""
        if authorization.startswith("Bearer "):
            value = authorization.removeprefix("Bearer ")
        else:
            value = arguments.get("token", "")
        if not value:
            raise ApiError("not_authed")
        token = self.world.tokens.get(value)
        if token is None:
            raise ApiError("invalid_auth")
        if token.revoked:
            raise ApiError("token_revoked")
        return token


class ResponseUrlHandler(RequestHandler):
    """POST /response/<name>: accepts five messages within 30 minutes."""

    def initialize(self, world: World, people: People) -> None:
        self.world = world
        self.people = people

    def post(self, name: str) -> None:
        url = self.world.response_urls.get(name)
        if url is None or self.world.clock() >= url.expires_at or url.uses >= MAX_RESPONSE_URL_USES:
            self.set_status(404)
            self.finish({"ok": False, "error": "used_url" if url else "expired_url"})
            return
        url.uses += 1
        self.people.show(url.workspace, url.channel, json.loads(self.request.body))
        self.finish("ok")
