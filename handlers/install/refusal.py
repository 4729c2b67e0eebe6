"""Undoes a refused installation at Slack, and explains the outcome on the page."""

from __future__ import annotations

from slack_sdk.oauth.installation_store import Installation

from latchkey.handlers.install.failures import InstallFailed
from latchkey.tokens import Undoer, UndoOutcome

WAIT_SECONDS = 5.0
"""A person is waiting for the page; the undo continues in the background."""

PENDING = "pending"
"""What the operator's own failure page receives if the undo is not over."""

_BY_ADMIN = (
    "Slack did not let us remove the app again, but it can no longer do anything there: its tokens are revoked. "
    "An admin of your organization or workspace must remove the app in Slack's settings."
)
_OUTCOMES = {
    None: "The app will be removed from your workspace as soon as Slack responds. You need not do anything.",
    UndoOutcome.UNINSTALLED: "The app was removed from your workspace again.",
    UndoOutcome.USER_TOKEN_REVOKED: (
        "The app was installed in your workspace before, and stays as it was. What you allowed just now was withdrawn."
    ),
    UndoOutcome.NEEDS_ADMIN: _BY_ADMIN,
    UndoOutcome.GIVEN_UP: _BY_ADMIN,
}


async def undo_refused(undoer: Undoer, installation: Installation, refusal: InstallFailed) -> InstallFailed:
    """Undo the installation, and return the refusal with a sentence on what became of it."""
    outcome = await undoer.undo(installation, wait_seconds=WAIT_SECONDS)
    failure = refusal.failure._replace(what=f"{refusal.failure.what} {_OUTCOMES[outcome]}")
    return InstallFailed(failure, cause=refusal.cause, undo=outcome or PENDING)
