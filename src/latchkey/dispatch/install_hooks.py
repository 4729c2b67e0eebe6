"""What the app does about installs: it may refuse one before, run something after, and have pages of its own.

Invariant: an install whose check fails or takes too long is refused.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Awaitable
from typing import Any

from slack_sdk.oauth.installation_store import Installation

from latchkey.dispatch.listeners import RAISED, InstallFailure, InstallRequest, Reply, Runner
from latchkey.errors import InstallCheckFailed
from latchkey.slackapi.json_text import encode_json
from latchkey.slackapi.requests import Kind, Payload, parse_stored
from latchkey.storage import StoredEvent, UserToken
from latchkey.tokens import Access

CHECK_TIMEOUT = 8.0
"""Seconds for all `before_install` functions, and for a mounted app's page; a person is waiting at a browser."""
MAX_REASON_LENGTH = 300
"""Characters of a reason that are shown on the page."""

logger = logging.getLogger("latchkey.listeners")


class InstallHooks:
    """The functions `before_install` and `installed`, and a mounted app's pages."""

    def __init__(self, runner: Runner, *, check_timeout: float = CHECK_TIMEOUT) -> None:
        """`check_timeout` is in seconds."""
        self._runner = runner
        self._check_timeout = check_timeout

    async def refusal(self, installation: Installation, request_id: str) -> str | None:
        """Return the reason with which a `before_install` function refuses the install, or None.

        The reason may be empty. Raises InstallCheckFailed.
        """
        payload = _payload(Kind.BEFORE_INSTALL, installation)
        access = _access(installation, payload)
        try:
            async with asyncio.timeout(self._check_timeout):
                for listener in self._runner.app.matching(payload):
                    reasons: list[str] = []
                    call = self._runner.make_call(payload, listener, access, request_id, on_refuse=reasons.append)
                    error = await self._runner.run(listener, call)
                    call.end()
                    if error is not None:
                        raise InstallCheckFailed("it raised an error")
                    if reasons:
                        return reasons[0][:MAX_REASON_LENGTH]
        except TimeoutError:
            raise InstallCheckFailed(f"it took longer than {self._check_timeout:g} s") from None
        return None

    def installed_event(self, installation: Installation, request_id: str) -> StoredEvent | None:
        """Return the event that is to be stored with an installation; None if no listener is for it."""
        body = encode_json(_body(Kind.INSTALLED, installation))
        if not self._runner.app.matching(parse_stored(body)):
            return None
        return StoredEvent(
            f"installed-{secrets.token_hex(8)}", float(installation.installed_at), request_id, None, body
        )

    async def success_page(self, request: InstallRequest, installation: Installation, request_id: str) -> Reply | None:
        """Return the mounted app's own response to a finished install; None if it has none, or if that fails."""
        mounted = self._runner.app.mounted
        if mounted is None:
            return None
        return await self._page(mounted.install_pages.success(request, installation), "success", request_id)

    async def failure_page(self, request: InstallRequest, failure: InstallFailure, request_id: str) -> Reply | None:
        """Return the mounted app's own response to a failed install; None if it has none, or if that fails."""
        mounted = self._runner.app.mounted
        if mounted is None:
            return None
        return await self._page(mounted.install_pages.failure(request, failure), "failure", request_id)

    async def _page(self, page: Awaitable[Reply | None], kind: str, request_id: str) -> Reply | None:
        try:
            async with asyncio.timeout(self._check_timeout):
                return await page
        except TimeoutError:
            logger.error(  # noqa: TRY400  # the traceback would not show more
                "the app's %s handler took longer than %g s request_id=%s", kind, self._check_timeout, request_id
            )
        except RAISED as raised:
            logger.exception("the app's %s handler raised %s request_id=%s", kind, type(raised).__name__, request_id)
        return None


def _payload(kind: Kind, installation: Installation) -> Payload:
    return parse_stored(encode_json(_body(kind, installation)))


def _body(kind: Kind, installation: Installation) -> dict[str, Any]:
    """Return the event in the form of Slack's, without any token."""
    workspace = {
        "enterprise_id": installation.enterprise_id,
        "team_id": None if installation.is_enterprise_install else installation.team_id,
        "is_enterprise_install": bool(installation.is_enterprise_install),
    }
    event = {
        "type": kind,
        "user": installation.user_id,
        "app_id": installation.app_id,
        **workspace,
        "enterprise_name": installation.enterprise_name,
        "team_name": installation.team_name,
        "bot_scopes": list(installation.bot_scopes or ()),
        "user_scopes": list(installation.user_scopes or ()),
        "custom_values": installation.custom_values,
    }
    return {
        "type": f"latchkey_{kind}",
        "api_app_id": installation.app_id,
        **workspace,
        "event_time": int(installation.installed_at),
        "event": event,
    }


def _access(installation: Installation, payload: Payload) -> Access:
    """Return the access that the tokens allow, before they are saved."""
    user = None
    if installation.user_token:
        user = UserToken(installation.user_id, installation.user_token, installation.user_token_expires_at)
    return Access(payload.workspace, installation.to_bot() if installation.bot_token else None, user, user)
