"""Records the app's requests to Slack with their responses, and explains them."""

from __future__ import annotations

import json
from typing import Any

from tornado.web import RequestHandler

from latchkey.simulator.model import Exchange, World
from latchkey.simulator.tokens import Token

EXPLANATIONS = {
    "account_inactive": "The app was removed from this workspace, so this token has ended.",
    "already_reacted": "The app has added this reaction before.",
    "cant_update_message": "Only the author of a message may change it.",
    "channel_not_found": "The call names no conversation, or one that does not exist.",
    "expired_trigger_id": "Trigger ids work for three seconds: open the form before anything slow.",
    "exchanged_trigger_id": "A trigger id opens one form only.",
    "hash_conflict": "The form has changed since the app read it.",
    "invalid_arguments": "An argument is missing or has the wrong form.",
    "invalid_app_id": "The manifest is of another app.",
    "invalid_auth": "This Slack has never issued this token.",
    "invalid_manifest": "Slack cannot make an app of this manifest; the errors say why.",
    "invalid_refresh_token": "This refresh token has been used, or was never issued.",
    "invalid_trigger_id": "This Slack has not sent this trigger_id.",
    "message_not_found": "There is no such message in this conversation.",
    "missing_scope": "The token lacks a scope that this method needs.",
    "no_text": "A message needs text, blocks or attachments.",
    "not_authed": "The call has no token.",
    "not_found": "This form is no longer open.",
    "ratelimited": "Too many calls: wait for the seconds in Retry-After.",
    "token_expired": "Tokens of this app live twelve hours: refresh it.",
    "token_revoked": "This token was revoked.",
    "unknown_method": "The simulator does not have this method; docs/simulator.md lists those that it has.",
}
"""What Slack's error codes mean here."""


class RecordedHandler(RequestHandler):
    """A handler of requests from the app, which the inspector shows."""

    world: World
    _sent = ""

    def write(self, chunk: str | bytes | dict[str, Any]) -> None:
        self._sent += chunk.decode("utf-8", "replace") if isinstance(chunk, bytes) else _text(chunk)
        super().write(chunk)

    def on_finish(self) -> None:
        status = self.get_status()
        error = _error(self._sent)
        token = self.token()
        self.world.exchanges.add(
            Exchange(
                "to Slack",
                self.what(),
                self.request.method or "",
                self.request.full_url(),
                list(self.request.headers.get_all()),
                self.request.body.decode("utf-8", "replace"),
                status,
                list(self._headers.get_all()),
                self._sent,
                self.request.request_time() * 1000,
                self.world.clock(),
                status >= 400 or bool(error),
                [*_token_note(token), _outcome(status, error)],
                "" if token is None else token.workspace.team_id,
            )
        )

    def what(self) -> str:
        """Return what was called."""
        return self.path_args[0] if self.path_args else ""

    def token(self) -> Token | None:
        """Return the owner of the request's token; None if it has none, or an unknown one."""
        return None


def _text(chunk: str | dict[str, Any]) -> str:
    return chunk if isinstance(chunk, str) else json.dumps(chunk)


def _error(body: str) -> str:
    """Return the error code of Slack's response, empty if there is none."""
    # Responses that a test makes up may not even be JSON.
    return str(json.loads(body).get("error")) if body.startswith('{"ok": false') else ""


def _token_note(token: Token | None) -> list[str]:
    if token is None:
        return []
    owner = "the bot" if token.is_bot else f"the person {token.user_id}"
    where = f"{token.workspace.enterprise_name} (org-wide)" if token.org_wide else token.workspace.name
    return [f"Token of {owner} in {where}, with the scopes {token.scopes or 'of none'}."]


def _outcome(status: int, error: str) -> str:
    if not error:
        return "Done." if status < 400 else f"Refused with status {status}."
    return f"Refused: {error}. {EXPLANATIONS.get(error, '')}".strip()
