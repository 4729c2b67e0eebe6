"""Slack's OAuth v2: the authorize URL, and the exchange of a code for tokens.

Invariant: a code is exchanged once. Slack accepts it only once, so the call is
not retried if its response is lost. Tokens are returned in an `Installation`
and are never in an exception.
https://docs.slack.dev/authentication/installing-with-oauth
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple
from urllib.parse import urlencode

from slack_sdk.oauth.installation_store import Installation

from latchkey.errors import OAuthError, SlackRefused, SlackUnavailable
from latchkey.slackapi.client import WebClients, response_data
from latchkey.slackapi.json_text import well_formed
from latchkey.slackapi.requests import as_object
from latchkey.slackapi.revoking import revoke_token, uninstall_app

TIMEOUT_SECONDS = 10.0
"""For each of the two calls; a person is waiting at a browser."""

EXCHANGE = "oauth.v2.access"
_APP = re.compile(r"A[A-Z0-9]{1,20}", re.ASCII)
_TEAM = re.compile(r"[TE][A-Z0-9]{1,20}", re.ASCII)


MAX_EXPIRY_SECONDS = 10 * 366 * 86400
"""Slack's tokens expire after twelve hours; a number that cannot be a time is ignored."""


class Links(NamedTuple):
    """Links for the page after an install."""

    app: str
    """Opens the Slack app (`slack://`)."""
    browser: str
    """Opens Slack in a browser."""


class OAuthClient:
    """The OAuth calls of one Slack app."""

    def __init__(
        self,
        web: WebClients,
        *,
        client_id: str,
        client_secret: str,
        scopes: Sequence[str],
        user_scopes: Sequence[str],
        redirect_uri: str,
        authorize_url: str,
        timeout: float = TIMEOUT_SECONDS,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._web = web
        self._client_id = client_id
        self._client_secret = client_secret
        self._scopes = ",".join(scopes)
        self._user_scopes = ",".join(user_scopes)
        self._redirect_uri = redirect_uri
        self._authorize_url = authorize_url
        self._timeout = timeout
        self._clock = clock
        self.app_id: str | None = None
        """The id of this app, once it is known."""

    @property
    def client_secret(self) -> str:
        """The client secret that is in use now."""
        return self._client_secret

    def use_secret(self, client_secret: str) -> None:
        """Replace the client secret."""
        self._client_secret = client_secret

    def authorize_url(self, state: str, team: str | None = None) -> str:
        """Return the URL where a person approves the install; `team` preselects a workspace if it is an id.

        Every value is encoded, so that a `team` from anyone's link cannot add another redirect_uri.
        """
        query = {
            "client_id": self._client_id,
            "scope": self._scopes,
            "user_scope": self._user_scopes,
            "redirect_uri": self._redirect_uri,
            "state": state,
        }
        if team and _TEAM.fullmatch(team):
            query["team"] = team
        return f"{self._authorize_url}?{urlencode(query)}"

    async def exchange(self, code: str) -> Installation:
        """Exchange a code for an installation (method oauth.v2.access).

        Raises OAuthError with Slack's error code, or SlackUnavailable.
        """
        await self._load()
        client = self._web.client()
        answer = await self._call(
            EXCHANGE,
            client.oauth_v2_access(
                client_id=self._client_id, client_secret=self._client_secret, code=code, redirect_uri=self._redirect_uri
            ),
        )
        installation = _installation(answer, self._clock())
        self._check_app(installation.app_id)
        return installation

    def learn_app(self, app_id: object) -> None:
        """Note the id of this app, as a signed request or an exchange gives it; an exchange for another app fails."""
        if self.app_id is None and isinstance(app_id, str) and _APP.fullmatch(app_id):
            self.app_id = app_id

    def _check_app(self, app_id: str | None) -> None:
        if self.app_id is None:
            self.learn_app(app_id)
        elif app_id != self.app_id:
            other = app_id if app_id and _APP.fullmatch(app_id) else "unknown"
            raise SlackUnavailable(EXCHANGE, f"its response is for the app {other}, not for {self.app_id}")

    async def enrich(self, installation: Installation) -> Installation:
        """Add what the exchange does not return (method auth.test): the bot's id, and an org's URL.

        The installation works without them. Raises OAuthError or SlackUnavailable.
        """
        if installation.bot_token is None:
            return installation
        answer = await self._call("auth.test", self._web.client(installation.bot_token).auth_test())
        installation.bot_id = _text(answer.get("bot_id"))
        if installation.is_enterprise_install:
            installation.enterprise_url = _text(answer.get("url"))
        return installation

    async def uninstall(self, token: str) -> None:
        """Uninstall the app from the workspace of this token; raises SlackRefused or SlackUnavailable."""
        await self._load()
        await uninstall_app(self._web, token, client_id=self._client_id, client_secret=self._client_secret)

    async def revoke(self, token: str) -> None:
        """Revoke only this token; raises SlackRefused or SlackUnavailable."""
        await self._load()
        await revoke_token(self._web, token)

    async def _load(self) -> None:
        if not self._web.is_loaded:
            await self._web.load()

    async def _call(self, method: str, call: Any) -> dict[str, Any]:
        try:
            return await response_data(method, call, self._timeout)
        except SlackRefused as error:
            raise OAuthError(error.reason) from None


def links(installation: Installation) -> Links:
    """Return links to the workspace, or for an org to the page where its workspaces are added."""
    app_id, team_id = installation.app_id, installation.team_id
    if installation.is_enterprise_install:
        page = f"https://app.slack.com/manage/{installation.enterprise_id}/integrations/profile/{app_id}/workspaces/add"
        return Links("slack://open", page)
    if not app_id or not team_id:
        return Links("slack://open", "https://app.slack.com/client")
    return Links(f"slack://app?{urlencode({'team': team_id, 'id': app_id})}", f"https://app.slack.com/client/{team_id}")


def _installation(answer: dict[str, Any], now: float) -> Installation:
    enterprise = as_object(answer.get("enterprise")) or {}
    team = as_object(answer.get("team")) or {}
    user = as_object(answer.get("authed_user")) or {}
    webhook = as_object(answer.get("incoming_webhook")) or {}
    bot_token, user_token, user_id = (
        _text(answer.get("access_token")),
        _text(user.get("access_token")),
        _text(user.get("id")),
    )
    if not user_id or not (bot_token or user_token) or not (team.get("id") or enterprise.get("id")):
        raise SlackUnavailable(EXCHANGE, "its response lacks a user, a token or a workspace")
    return Installation(
        app_id=_text(answer.get("app_id")),
        enterprise_id=_text(enterprise.get("id")),
        enterprise_name=_text(enterprise.get("name")),
        team_id=_text(team.get("id")),
        team_name=_text(team.get("name")),
        bot_token=bot_token,
        bot_user_id=_text(answer.get("bot_user_id")),
        bot_scopes=_text(answer.get("scope")) or "",
        bot_refresh_token=_text(answer.get("refresh_token")),
        bot_token_expires_at=_expiry(answer.get("expires_in"), now),
        user_id=user_id,
        user_token=user_token,
        user_scopes=_text(user.get("scope")) or "",
        user_refresh_token=_text(user.get("refresh_token")),
        user_token_expires_at=_expiry(user.get("expires_in"), now),
        incoming_webhook_url=_text(webhook.get("url")),
        incoming_webhook_channel=_text(webhook.get("channel")),
        incoming_webhook_channel_id=_text(webhook.get("channel_id")),
        incoming_webhook_configuration_url=_text(webhook.get("configuration_url")),
        is_enterprise_install=answer.get("is_enterprise_install") is True,
        token_type=_text(answer.get("token_type")),
        installed_at=float(now),
    )


def _text(value: object) -> str | None:
    return str(well_formed(value)) if isinstance(value, str) and value else None


def _expiry(seconds: object, now: float) -> int | None:
    if not isinstance(seconds, int) or isinstance(seconds, bool) or not 0 <= seconds <= MAX_EXPIRY_SECONDS:
        return None
    return int(now) + seconds
