"""Ends tokens at Slack: those of a whole installation, or a single one.

Invariant: no result and no error contains a token or the client secret.
"""

from __future__ import annotations

from latchkey.slackapi.client import WebClients, response_data

TIMEOUT_SECONDS = 10.0
REVOKED_ERRORS = frozenset({"account_inactive", "invalid_auth", "not_authed", "token_expired", "token_revoked"})
"""Slack's errors after which a token never works again (docs.slack.dev, auth.test, "Errors")."""


async def uninstall_app(web: WebClients, token: str, *, client_id: str, client_secret: str) -> None:
    """Uninstall the app from the workspace of this token, which ends all tokens there (method apps.uninstall).

    Raises SlackRefused or SlackUnavailable. https://docs.slack.dev/reference/methods/apps.uninstall
    """
    # slack_sdk's own apps_uninstall puts the secret into the URL, which proxies log.
    credentials = {"client_id": client_id, "client_secret": client_secret}
    call = web.client(token).api_call("apps.uninstall", data=credentials)
    await response_data("apps.uninstall", call, TIMEOUT_SECONDS)


async def revoke_token(web: WebClients, token: str) -> None:
    """Revoke only this token (method auth.revoke).

    Raises SlackRefused or SlackUnavailable. https://docs.slack.dev/reference/methods/auth.revoke
    """
    await response_data("auth.revoke", web.client(token).auth_revoke(), TIMEOUT_SECONDS)
