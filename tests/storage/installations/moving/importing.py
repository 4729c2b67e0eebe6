"""Installations to import, the import itself, and a look at the result."""

import time
from typing import Any

from slack_sdk.oauth.installation_store import Installation

from latchkey.storage import (
    ImportResult,
    Store,
    open_source,
)
from tests.support.stores import installation

NOW = float(int(time.time()))
"""Near the times that slack_sdk's SQLite3 store notes itself."""
HOURS = 3600.0


def run_import(store: Store, location: str, client_id: str | None = None, *, dry_run: bool = False) -> ImportResult:
    with open_source(location, client_id=client_id, key_path=None) as opened:
        return store.moving.import_from(opened, lambda what, done, total: None, dry_run=dry_run)


def rotated(team_id: str, number: int, **values: Any) -> Installation:
    """Return an installation after a number of refreshes, made 13 hours ago, with the last one `number` hours later."""
    refreshed = NOW - 13 * HOURS + number * HOURS
    fields = {
        "bot_token": f"xoxe.xoxb-sentinel-{number}",
        "bot_refresh_token": f"xoxe-sentinel-{number}",
        "bot_token_expires_at": int(refreshed + 12 * HOURS),
        "user_token": f"xoxe.xoxp-sentinel-{number}",
        "user_refresh_token": f"xoxe-sentinel-user-{number}",
        "user_token_expires_at": int(refreshed + 12 * HOURS),
        "installed_at": NOW - 13 * HOURS,
        **values,
    }
    return installation(team_id, **fields)


def found(store: Store, team_id: str | None, enterprise_id: str | None = None, **values: Any) -> Installation:
    result = store.installations.find_installation(enterprise_id=enterprise_id, team_id=team_id, **values)
    assert result is not None
    return result


def history() -> list[Installation]:
    """Two people of T1, of whom the first was refreshed twice; a workspace of an org; and another org as a whole."""
    org = {"enterprise_id": "E2", "enterprise_name": "Forest", "is_enterprise_install": True}
    return [
        rotated("T1", 0),
        rotated("T1", 1),
        rotated("T1", 2),
        rotated("T1", 3, user_id="U2", user_token="xoxe.xoxp-sentinel-U2", installed_at=NOW - 12 * HOURS),
        installation("T2", enterprise_id="E1", user_token=None, installed_at=NOW - HOURS),
        # slack_sdk cannot find an org-wide installation that was saved with the id of a workspace.
        installation("T3", **org, installed_at=NOW - HOURS),
    ]
