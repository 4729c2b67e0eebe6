"""Checks stored tokens with Slack; results name the workspace and the user, never the token."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, NamedTuple

from latchkey.commands.terminal import print_table, say
from latchkey.config import Settings
from latchkey.errors import plural
from latchkey.slackapi.administration import TokenHealth, TokenStatus, check_tokens
from latchkey.storage import InstalledWorkspace

BATCH_SIZE = 50
"""Tokens checked at a time."""


class Holder(NamedTuple):
    """The workspace and the user that a token belongs to."""

    team_id: str
    team: str | None
    enterprise_id: str
    app_id: str | None
    user_id: str | None
    """None for the bot token."""


@dataclass
class TokenCheck:
    """Slack's answers for the tokens of some workspaces."""

    valid: int = 0
    revoked: list[tuple[Holder, TokenStatus]] = field(default_factory=list)
    """Slack refuses these tokens for good: the app must be reinstalled."""
    unknown: list[tuple[Holder, TokenStatus]] = field(default_factory=list)
    """Slack did not answer for these."""
    unreadable: int = 0
    """Records that cannot be decrypted."""
    complete: bool = True
    """Whether every token was checked."""

    @property
    def is_ok(self) -> bool:
        return self.complete and not self.revoked and not self.unknown and not self.unreadable

    def to_json(self) -> dict[str, Any]:
        return {
            "valid": self.valid,
            "revoked": [{**holder._asdict(), "reason": status.reason} for holder, status in self.revoked],
            "unknown": [{**holder._asdict(), "reason": status.reason} for holder, status in self.unknown],
            "unreadable": self.unreadable,
            "complete": self.complete,
        }

    def print(self) -> None:
        """Print the result for people: the tables on stdout, the rest on stderr."""
        total = self.valid + len(self.revoked) + len(self.unknown)
        say(f"{self.valid:,} of {plural(total, 'token')} valid" if total else "no tokens to check")
        _print_statuses("revoked, reinstall the app:", self.revoked)
        _print_statuses("unknown, Slack did not answer:", self.unknown)
        if self.unreadable:
            say(f"{plural(self.unreadable, 'record')} cannot be decrypted")
        if not self.complete:
            say("Slack does not answer, so the remaining tokens were not checked; run `latchkey installs check` later")


def check_workspaces(workspaces: Iterable[InstalledWorkspace], settings: Settings) -> TokenCheck:
    """Ask Slack about every bot and user token of these workspaces (method auth.test).

    Stops after the first batch for which Slack answers nothing.
    """
    result = TokenCheck()
    tokens = _tokens(workspaces, result)
    while batch := list(islice(tokens, BATCH_SIZE)):
        statuses = check_tokens(
            settings.slack.api_url, [token for _, token in batch], proxy_for=settings.proxies.arguments
        )
        for (holder, _), status in zip(batch, statuses, strict=True):
            if status.health is TokenHealth.VALID:
                result.valid += 1
            else:
                (result.revoked if status.health is TokenHealth.REVOKED else result.unknown).append((holder, status))
        if all(status.health is TokenHealth.UNKNOWN for status in statuses):
            result.complete = next(tokens, None) is None
            break
    return result


def _print_statuses(heading: str, statuses: list[tuple[Holder, TokenStatus]]) -> None:
    if statuses:
        say(heading)
        rows = [
            (holder.team_id or holder.enterprise_id, holder.team, holder.user_id or "bot", status.reason)
            for holder, status in statuses
        ]
        print_table(("workspace", "name", "token of", "reason"), rows)


def _tokens(workspaces: Iterable[InstalledWorkspace], result: TokenCheck) -> Iterator[tuple[Holder, str]]:
    for workspace in workspaces:
        result.unreadable += len(workspace.unreadable)
        ids = (workspace.team_id, workspace.name, workspace.enterprise_id)
        if workspace.bot is not None:
            yield Holder(*ids, workspace.bot.app_id, None), workspace.bot.bot_token
        for installer in workspace.installers:
            if installer.user_token:
                yield Holder(*ids, installer.app_id, installer.user_id), installer.user_token
