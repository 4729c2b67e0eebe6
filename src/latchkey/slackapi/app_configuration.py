"""The operator's calls to Slack that create and change the app: its manifest, with an app configuration token.

Invariant: a call that changes something, or uses up a refresh token, is sent again only if Slack has refused it because
of its rate limit. Errors contain no token and no secret. Like those of `administration`, the calls block.
https://docs.slack.dev/app-manifests/configuring-apps-with-app-manifests
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import msgspec
from slack_sdk.errors import SlackApiError

from latchkey.errors import ManifestRefused, SlackRateLimited, SlackRefused, SlackUnavailable
from latchkey.slackapi.administration import with_slack
from latchkey.slackapi.client import ProxyFor, WebClients, response_data
from latchkey.slackapi.manifest import Manifest, shown

TIMEOUT_SECONDS = 30.0
"""Slack checks the URLs of a manifest."""
MAX_WAIT_SECONDS = 65.0
"""Longest wait for the rate limit: apps.manifest.create and .update are limited to about one call a minute."""
MAX_PROBLEMS = 50
"""Problems of a manifest that are shown."""

WaitCallback: TypeAlias = Callable[[float], None]
"""Called with the seconds that Slack asks to wait, before the wait."""

ROTATE, CREATE = "tooling.tokens.rotate", "apps.manifest.create"
TOKEN_ERRORS = frozenset(
    {
        "account_inactive",
        "invalid_auth",
        "invalid_refresh_token",
        "not_allowed_token_type",
        "not_authed",
        "token_expired",
        "token_revoked",
    }
)
"""Slack's errors for a configuration token that does not work."""
_APP_ID = re.compile(r"A[A-Z0-9]{1,20}", re.ASCII)
_CLIENT_ID = re.compile(r"[0-9]{1,20}\.[0-9]{1,20}", re.ASCII)
_SECRET = re.compile(r"[0-9A-Za-z]{16,128}", re.ASCII)
_ANY_TOKEN = re.compile(r"xox[a-z]?[-.]\S*|xapp-\S*", re.IGNORECASE)
_TOKEN = re.compile(r"xoxe[-.][\x21-\x7e]{8,1000}", re.ASCII)


def is_app_id(value: object) -> bool:
    """Whether a value looks like the id of an app."""
    return isinstance(value, str) and _APP_ID.fullmatch(value) is not None


@dataclass(frozen=True)
class ConfigurationPair:
    """A configuration token and the refresh token that replaces it."""

    token: str = field(repr=False)
    refresh_token: str = field(repr=False)
    expires_at: int
    """Unix seconds."""


@dataclass(frozen=True)
class CreatedApp:
    """A new app and its credentials."""

    app_id: str
    client_id: str
    client_secret: str = field(repr=False)
    signing_secret: str = field(repr=False)


class AppConfiguration:
    """The calls of Slack's app manifest API; all raise SlackRefused or SlackUnavailable."""

    def __init__(self, api_url: str, *, proxy_for: ProxyFor, on_wait: WaitCallback) -> None:
        self._api_url = api_url
        self._proxy_for = proxy_for
        self._on_wait = on_wait

    def rotate(self, refresh_token: str) -> ConfigurationPair:
        """Return the pair that Slack issues for a refresh token, which does not work again."""
        answer = self._call(ROTATE, None, refresh_token=refresh_token)
        token, new, expires_at = (answer.get(name) for name in ("token", "refresh_token", "exp"))
        if not (_matches(_TOKEN, token) and _matches(_TOKEN, new)):
            raise SlackUnavailable(ROTATE, "its response lacks a token")
        if not isinstance(expires_at, int) or isinstance(expires_at, bool):
            raise SlackUnavailable(ROTATE, "its response does not say when the token expires")
        return ConfigurationPair(str(token), str(new), expires_at)

    def create(self, token: str, manifest: Manifest) -> CreatedApp:
        """Create an app. Slack may have created one even if this raises SlackUnavailable."""
        answer = self._call(CREATE, token, manifest=_json(manifest))
        found = answer.get("credentials")
        credentials = found if isinstance(found, Mapping) else {}
        app_id, client_id = answer.get("app_id"), credentials.get("client_id")
        secrets = [credentials.get(name) for name in ("client_secret", "signing_secret")]
        if not (
            is_app_id(app_id) and _matches(_CLIENT_ID, client_id) and all(_matches(_SECRET, each) for each in secrets)
        ):
            raise SlackUnavailable(CREATE, "its response lacks the app's id or credentials")
        return CreatedApp(str(app_id), str(client_id), str(secrets[0]), str(secrets[1]))

    def validate(self, token: str, manifest: Manifest, app_id: str = "") -> None:
        """Raise ManifestRefused if Slack would not accept this manifest, for a new app or for this one."""
        self._call("apps.manifest.validate", token, manifest=_json(manifest), **({"app_id": app_id} if app_id else {}))

    def export(self, token: str, app_id: str) -> Manifest:
        """Return the app's manifest as Slack has it."""
        manifest = self._call("apps.manifest.export", token, app_id=app_id).get("manifest")
        if not isinstance(manifest, dict) or not isinstance(manifest.get("display_information"), dict):
            raise SlackUnavailable("apps.manifest.export", "its response lacks a manifest")
        return manifest

    def update(self, token: str, app_id: str, manifest: Manifest) -> bool:
        """Replace the app's whole manifest; returns whether its scopes have changed."""
        answer = self._call("apps.manifest.update", token, app_id=app_id, manifest=_json(manifest))
        return answer.get("permissions_updated") is True

    def _call(self, method: str, token: str | None, **fields: str) -> dict[str, Any]:
        async def call_slack(web: WebClients) -> dict[str, Any]:
            try:
                return await _send(web, method, token, fields)
            except SlackRateLimited as error:
                if error.seconds > MAX_WAIT_SECONDS:
                    raise
                self._on_wait(error.seconds)
                await asyncio.sleep(error.seconds)
            return await _send(web, method, token, fields)

        return with_slack(self._api_url, self._proxy_for, call_slack)


async def _send(web: WebClients, method: str, token: str | None, fields: Mapping[str, str]) -> dict[str, Any]:
    problems: list[str] = []

    async def call() -> Any:
        try:
            # In the body: slack_sdk's own methods put tokens and the manifest into the URL, which proxies log.
            return await web.client(token).api_call(method, data=dict(fields))
        except SlackApiError as error:
            problems.extend(_problems(getattr(error.response, "data", None)))
            raise

    try:
        return await response_data(method, call(), TIMEOUT_SECONDS)
    except SlackRefused as error:
        if problems:
            raise ManifestRefused(method, error.reason, problems) from None
        raise


def _problems(data: object) -> list[str]:
    """Return the problems that Slack names in its response, each as a line."""
    errors = data.get("errors") if isinstance(data, Mapping) else None
    found = [each for each in errors if isinstance(each, Mapping)] if isinstance(errors, list) else []
    lines = [f"{_line(each.get('pointer') or '/')}: {_line(each.get('message') or 'refused')}" for each in found]
    return [*lines[:MAX_PROBLEMS], *([f"and {len(lines) - MAX_PROBLEMS} more"] if len(lines) > MAX_PROBLEMS else [])]


def _line(value: object) -> str:
    """Return a value from Slack as a short line, without what looks like a token."""
    return _ANY_TOKEN.sub("…", shown(value))


def _json(manifest: Manifest) -> str:
    return msgspec.json.encode(manifest).decode()


def _matches(pattern: re.Pattern[str], value: object) -> bool:
    return isinstance(value, str) and pattern.fullmatch(value) is not None
