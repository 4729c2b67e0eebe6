"""The stand-in's HTTP side towards apps: consent, the Web API, response URLs."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from tornado.web import RequestHandler

from latchkey.simulator import consent, html
from latchkey.simulator.methods import METHODS, ApiError, oauth_v2_access
from latchkey.simulator.model import RESPONSE_URL_USES, Called, World
from latchkey.simulator.people import People


class AuthorizeHandler(RequestHandler):
    """GET /oauth/v2/authorize: the consent page. POST: its two buttons."""

    def initialize(self, world: World) -> None:
        self.world = world

    def get(self) -> None:
        query = {name: self.get_query_argument(name) for name in self.request.query_arguments}
        try:
            consent.check_request(self.world, query)
        except consent.Refused as refused:
            self.set_status(400)
            self.finish(html.refused(str(refused)))
            return
        self.finish(html.consent(self.world, query))

    def post(self) -> None:
        query = {name: self.get_query_argument(name) for name in self.request.query_arguments}
        workspace = self.world.workspaces.get(self.get_body_argument("workspace", ""))
        org_wide = self.get_body_argument("org_wide", "") == "1"
        try:
            if self.get_body_argument("decision", "") != "allow" or workspace is None:
                self.redirect(consent.cancel(self.world, query))
            else:
                self.redirect(consent.approve(self.world, query, workspace, workspace.user_id, org_wide=org_wide))
        except consent.Refused as refused:
            self.set_status(400)
            self.finish(html.refused(str(refused)))


class ApiHandler(RequestHandler):
    """GET and POST /api/<method>."""

    def initialize(self, world: World) -> None:
        self.world = world

    async def get(self, method: str) -> None:
        await self._answer(method, {name: self.get_query_argument(name) for name in self.request.query_arguments})

    async def post(self, method: str) -> None:
        if self.request.headers.get("Content-Type", "").startswith("application/json"):
            try:
                arguments = json.loads(self.request.body or b"{}")
            except ValueError:
                self.finish({"ok": False, "error": "invalid_json"})
                return
        else:
            arguments = {name: self.get_body_argument(name) for name in self.request.body_arguments}
        await self._answer(method, arguments)

    async def _answer(self, method: str, arguments: dict[str, Any]) -> None:
        fault = self.world.faults.get(method)
        if fault is not None and fault.times > 0:
            fault.times -= 1
            await asyncio.sleep(fault.seconds)
            if fault.status != 200:
                self.set_status(fault.status)
                self.set_header("Retry-After", "1")
                self.finish({"ok": False, "error": "ratelimited" if fault.status == 429 else "fatal_error"})
                return
            if fault.error:
                self.finish({"ok": False, "error": fault.error})
                return
        team_id = None
        authorization = self.request.headers.get("Authorization", "")
        value = (
            authorization.removeprefix("Bearer ") if authorization.startswith("Bearer ") else arguments.get("token", "")
        )
        token = self.world.tokens.get(value)
        try:
            if method == "oauth.v2.access":
                document = oauth_v2_access(self.world, arguments, authorization)
            elif method not in METHODS:
                raise ApiError("unknown_method")
            elif not value:
                raise ApiError("not_authed")
            elif token is None:
                raise ApiError("invalid_auth")
            elif token.revoked:
                raise ApiError("token_revoked")
            else:
                team_id = token.workspace.team_id
                document = {"ok": True, **METHODS[method](self.world, token, arguments)}
        except ApiError as error:
            document = {"ok": False, "error": str(error)}
        hidden = {"token", "client_secret", "code"}
        shown = {name: value for name, value in arguments.items() if name not in hidden}
        self.world.calls.append(Called(method, team_id, shown, {} if method == "oauth.v2.access" else document))
        self.finish(document)


class ResponseUrlHandler(RequestHandler):
    """POST /response/<name>: five messages within 30 minutes."""

    def initialize(self, world: World, people: People) -> None:
        self.world = world
        self.people = people

    def post(self, name: str) -> None:
        url = self.world.response_urls.get(name)
        if url is None or self.world.clock() >= url.expires_at or url.uses >= RESPONSE_URL_USES:
            self.set_status(404)
            self.finish({"ok": False, "error": "used_url" if url else "expired_url"})
            return
        url.uses += 1
        self.people.show(url.workspace, url.channel, json.loads(self.request.body))
        self.finish("ok")
