"""Fills a store with many installations, many per transaction."""

from __future__ import annotations

import time
from contextlib import closing
from pathlib import Path

from slack_sdk.oauth.installation_store import Installation

from bench.traffic import APP_ID, team_id
from latchkey.storage import BOTS, INSTALLATIONS, WORKSPACES, WorkspaceKey, bot_value, installer_value, open_store

PER_COMMIT = 500
SCOPES = ["app_mentions:read", "channels:history", "channels:read", "chat:write", "commands", "users:read"]


def fill(store_path: Path, keyring: Path, count: int, *, expiring: bool = False) -> int:
    """Put `count` installations into a new store; returns the number of records.

    With `expiring`, the bot tokens expire in the course of one hour, which begins in an hour.
    """
    first_expiry = int(time.time()) + 3600
    with closing(open_store(store_path, keyring)) as store:
        records = store.installations._records
        for first in range(0, count, PER_COMMIT):
            changes = []
            for number in range(first, min(first + PER_COMMIT, count)):
                installation = _installation(number)
                if expiring:
                    installation.bot_refresh_token = f"xoxe-1-{number:064d}"
                    installation.bot_token_expires_at = first_expiry + 3600 * number // count
                key = WorkspaceKey.of(None, installation.team_id)
                user = key.user_record_id(installation.user_id)
                changes += [
                    records.put(INSTALLATIONS, user, installer_value(installation, None)),
                    records.put(BOTS, key.record_id, bot_value(installation.to_bot())),
                    records.put(WORKSPACES, key.record_id, {"user_id": installation.user_id}),
                ]
            records.commit(changes)
        return sum(records.engine.count(table) for table in (INSTALLATIONS, BOTS, WORKSPACES))


def _installation(number: int) -> Installation:
    """Return an installation with a bot, a user token and an incoming webhook."""
    return Installation(
        app_id=APP_ID,
        team_id=team_id(number),
        team_name=f"The workspace of company {number}",
        user_id=f"U{number:010d}",
        user_token=f"xoxp-{number:012d}-{number:013d}-{number:013d}-{number:032x}",
        user_scopes=SCOPES,
        bot_token=f"xoxb-{number:012d}-{number:013d}-{number:024x}",
        bot_id=f"B{number:010d}",
        bot_user_id=f"UBOT{number:08d}",
        bot_scopes=SCOPES,
        incoming_webhook_url=f"https://hooks.slack.com/services/{team_id(number)}/B{number:010d}/{number:024x}",
        incoming_webhook_channel="#general",
        incoming_webhook_channel_id=f"C{number:010d}",
        incoming_webhook_configuration_url=f"https://company-{number}.slack.com/services/B{number:010d}",
        token_type="bot",
    )
