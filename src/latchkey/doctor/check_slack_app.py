"""Checks the app's credentials, the scopes that workspaces granted, and whether their tokens are valid."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator

from latchkey.config import SlackSection
from latchkey.doctor.doctor_context import DoctorContext
from latchkey.errors import LatchkeyError, plural
from latchkey.preflight import Finding, Problem
from latchkey.slackapi.administration import TokenHealth, check_credentials, check_tokens
from latchkey.storage import InstalledWorkspace

MAX_WORKSPACES = 100
"""Workspaces whose tokens are checked with Slack; `latchkey installs check` checks all of them."""
MAX_NAMED = 5
"""Workspaces named in one finding."""

CREDENTIALS_REFUSED = Problem.error(
    "credentials-refused",
    cause="Slack does not accept this client ID and client secret.",
    fix="Copy both from Basic Information at https://api.slack.com/apps.",
)
TOKENS_REVOKED = Problem.warning(
    "tokens-revoked",
    cause="Workspaces removed the app, and the server did not receive the event.",
    fix="`latchkey installs check` lists them. Remove them, or reinstall the app there.",
)
SCOPES_MISSING = Problem.warning(
    "scopes-missing",
    cause="Scopes were added to the settings after these workspaces installed the app.",
    fix="Have them install the app again. `latchkey installs list` names all of them.",
)
PROBLEMS = (CREDENTIALS_REFUSED, TOKENS_REVOKED, SCOPES_MISSING)


def check_slack_app(context: DoctorContext) -> Iterator[Finding]:
    """Compare granted with requested scopes; unless offline, check credentials and tokens with Slack."""
    settings = context.settings
    if settings.proxy_faults():
        return  # reported with the configuration
    if not context.offline and settings.client_secret is not None and settings.slack.client_id:
        reason = check_credentials(
            settings.slack.api_url,
            settings.slack.client_id,
            settings.client_secret.reveal(),
            proxy_for=settings.proxies.arguments,
        )
        if reason:
            yield CREDENTIALS_REFUSED.found(f"Slack responds with {reason}")
    if isinstance(context.store, LatchkeyError):
        return  # reported with the store
    try:
        lacking: list[str] = []
        found = _noting_scopes(context.store.workspaces.all(), context.settings_with_app.slack, lacking)
        # Org-wide installations first: an event for one of their workspaces does not remove them.
        workspaces = heapq.nsmallest(MAX_WORKSPACES, found, lambda workspace: workspace.team_id != "")
        bots = [workspace.bot for workspace in workspaces if workspace.bot is not None]
    except LatchkeyError:
        return  # reported with the store
    if lacking:
        shown = "; ".join(lacking[:MAX_NAMED]) + ("; …" if len(lacking) > MAX_NAMED else "")
        yield SCOPES_MISSING.found(f"{plural(len(lacking), 'workspace')}: {shown}")
    if context.offline or not bots:
        return
    statuses = check_tokens(
        settings.slack.api_url, [bot.bot_token for bot in bots], proxy_for=settings.proxies.arguments
    )
    revoked = [
        bot.team_id or bot.enterprise_id
        for bot, status in zip(bots, statuses, strict=True)
        if status.health is TokenHealth.REVOKED
    ]
    if revoked:
        yield TOKENS_REVOKED.found(f"{plural(len(revoked), 'workspace')}, such as {revoked[0]}")


def _noting_scopes(
    workspaces: Iterable[InstalledWorkspace], slack: SlackSection, lacking: list[str]
) -> Iterator[InstalledWorkspace]:
    """Yield the workspaces, and append to `lacking` which scopes they have not granted. Optional scopes don't count."""
    for workspace in workspaces:
        missing = [
            *workspace.missing_scopes(slack.required_scopes),
            *(f"{scope} (of users)" for scope in workspace.missing_user_scopes(slack.required_user_scopes)),
        ]
        if missing:
            lacking.append(f"{workspace.team_id or workspace.enterprise_id} lacks {', '.join(missing)}")
        yield workspace
