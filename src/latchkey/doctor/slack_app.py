"""The app at Slack: its credentials, what workspaces have granted, and whether their tokens are good still."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import closing

from latchkey.doctor.context import Patient
from latchkey.doctor.findings import Finding, finding
from latchkey.errors import LatchkeyError
from latchkey.slackapi.administration import Health, check_credentials, check_tokens
from latchkey.storage import open_store

ASKED = 100
"""Workspaces that Slack is asked about; `latchkey installs check` asks about all."""


def examine(patient: Patient, *, offline: bool) -> Iterator[Finding]:
    """Compare what was granted with what is asked for; unless `offline`, ask Slack as well."""
    settings = patient.settings
    if not offline and settings.client_secret is not None and settings.slack.client_id:
        reason = check_credentials(settings.slack.api_url, settings.slack.client_id, settings.client_secret.reveal())
        if reason:
            yield finding("credentials-refused", f"Slack says {reason}")
    if not settings.store_path.exists():
        return
    try:
        with closing(open_store(settings.store_path, settings.keyring_path, create=False)) as store:
            bots = [space.bot for space in itertools.islice(store.workspaces.all(), ASKED) if space.bot is not None]
    except LatchkeyError:
        return  # told with the store
    wanted = set(settings.slack.scopes)
    lacking = [bot.team_id or bot.enterprise_id or "?" for bot in bots if wanted - set(bot.bot_scopes or ())]
    if lacking:
        yield finding("scopes-missing", f"{len(lacking)} workspaces, such as {lacking[0]}")
    if not offline and bots:
        found = check_tokens(settings.slack.api_url, [bot.bot_token for bot in bots])
        gone = [bot for bot, health in zip(bots, found, strict=True) if health.health is Health.GONE]
        if gone:
            yield finding(
                "tokens-revoked", f"{len(gone)} workspaces, such as {gone[0].team_id or gone[0].enterprise_id}"
            )
