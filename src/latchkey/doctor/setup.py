"""Distinguishes an installation that has never been started from one that has lost its files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from latchkey.config import Settings
from latchkey.doctor.check_backups import BACKUP_MISSING
from latchkey.doctor.check_service import SERVER_DOWN
from latchkey.preflight import PUBLIC_URL_UNSET, SLACK_NOT_CONFIGURED, STORE_MISSING, Finding, Problem, Severity
from latchkey.storage import list_backups

_NEXT: Mapping[Problem, str] = {
    SLACK_NOT_CONFIGURED: "Run `latchkey setup`, which creates the app at Slack and stores its"
    " credentials. Or open the link that `latchkey manifest --link` prints, and set"
    " the values that Basic Information shows there. To try Latchkey without an app, run `latchkey demo`.",
    PUBLIC_URL_UNSET: PUBLIC_URL_UNSET.fix,
    STORE_MISSING: "The server creates it, and the keyring, when it first starts.",
    BACKUP_MISSING: "Once the server has started, run `latchkey backup`, and enable the daily timer.",
    SERVER_DOWN: "Start it with `latchkey serve`, when the credentials are set.",
}
"""What to do about the problems that every installation has before its first start."""


def as_setup(settings: Settings, findings: Sequence[Finding]) -> list[Finding]:
    """Return the findings; if the server cannot have been started here yet, the expected ones are still to be done."""
    return [_as_todo(item) for item in findings] if _never_started(settings) else list(findings)


def _as_todo(item: Finding) -> Finding:
    # A store that is missing and cannot be created either is a problem.
    if item.problem not in _NEXT or (item.problem is STORE_MISSING and item.refusal is not None):
        return item
    return item._replace(severity=Severity.TODO, fix=_NEXT[item.problem])


def _never_started(settings: Settings) -> bool:
    """Whether credentials are missing, without which the server does not start, and it has left no file.

    It creates the keyring together with the store, also with one in a database.
    """
    return (
        bool(settings.missing_credentials())
        and (settings.storage_url is not None or not settings.store_path.exists())
        and not settings.keyring_path.exists()
        and not list_backups(settings.backup_path)
    )
