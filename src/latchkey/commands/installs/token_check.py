"""Checks stored tokens with Slack; results name the workspace and the user, never the token."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from latchkey.commands.terminal import print_table, say, show_progress
from latchkey.config import Settings
from latchkey.errors import plural
from latchkey.slackapi.administration import TokenHealth, TokenStatus, check_each
from latchkey.storage import InstalledWorkspace

UNANSWERED_LIMIT = 50
"""Tokens in a row without an answer of Slack's after which the check ends."""
EXPIRED = "token_expired"
"""Slack's error for a token that was not refreshed in time (docs.slack.dev, auth.test, "Errors")."""


class Holder(NamedTuple):
    """The workspace and the user that a token belongs to."""

    team_id: str
    team: str | None
    enterprise_id: str
    app_id: str | None
    user_id: str | None
    """None for the bot token."""
    can_be_refreshed: bool = False
    """Whether it has a refresh token."""

    def to_json(self) -> dict[str, Any]:
        fields = self._asdict()
        del fields["can_be_refreshed"]
        return fields


@dataclass
class TokenCheck:
    """Slack's answers for the tokens of some workspaces."""

    valid: int = 0
    revoked: list[tuple[Holder, TokenStatus]] = field(default_factory=list)
    """Slack refuses these tokens for good: the app must be reinstalled."""
    expired: list[tuple[Holder, TokenStatus]] = field(default_factory=list)
    """These have a refresh token: the server refreshes them when it runs."""
    unknown: list[tuple[Holder, TokenStatus]] = field(default_factory=list)
    """Slack did not answer for these."""
    unreadable: int = 0
    """Records that cannot be decrypted."""
    complete: bool = True
    """Whether every token was checked."""

    @property
    def is_ok(self) -> bool:
        return self.complete and not (self.revoked or self.expired or self.unknown or self.unreadable)

    def add_failed(self, holder: Holder, status: TokenStatus) -> None:
        """Add Slack's answer for a token that is not valid."""
        if status.health is TokenHealth.UNKNOWN:
            self.unknown.append((holder, status))
        elif status.reason == EXPIRED and holder.can_be_refreshed:
            self.expired.append((holder, status))
        else:
            self.revoked.append((holder, status))

    def to_json(self) -> dict[str, Any]:
        return {
            "valid": self.valid,
            "revoked": [{**holder.to_json(), "reason": status.reason} for holder, status in self.revoked],
            "expired": [{**holder.to_json(), "reason": status.reason} for holder, status in self.expired],
            "unknown": [{**holder.to_json(), "reason": status.reason} for holder, status in self.unknown],
            "unreadable": self.unreadable,
            "complete": self.complete,
        }

    def print(self) -> None:
        """Print the result for people: the tables on stdout, the rest on stderr."""
        total = self.valid + len(self.revoked) + len(self.expired) + len(self.unknown)
        say(f"{self.valid:,} of {plural(total, 'token')} valid" if total else "no tokens to check")
        _print_statuses("revoked, reinstall the app:", self.revoked)
        _print_statuses("expired, the server refreshes them when it runs:", self.expired)
        _print_statuses("unknown, Slack did not answer:", self.unknown)
        if self.unreadable:
            say(f"{plural(self.unreadable, 'record')} cannot be decrypted")
        if not self.complete:
            say("Slack does not answer, so the remaining tokens were not checked; run `latchkey installs check` later")


def check_workspaces(workspaces: Iterable[InstalledWorkspace], settings: Settings, *, total: int = 0) -> TokenCheck:
    """Ask Slack about every bot and user token of these workspaces (method auth.test), and show the progress.

    `total`: about how many workspaces there are. Stops after UNANSWERED_LIMIT tokens in a row that Slack does not
    answer for.
    """
    result = TokenCheck()
    failed: list[tuple[int, Holder, TokenStatus]] = []
    read = unanswered = 0

    def tokens() -> Iterator[tuple[Holder, str]]:
        nonlocal read
        for workspace in workspaces:
            result.unreadable += len(workspace.unreadable)
            read += 1
            yield from _tokens(workspace)

    remaining = (((number, holder), token) for number, (holder, token) in enumerate(tokens()))
    with show_progress() as progress:

        def note(about: tuple[int, Holder], status: TokenStatus) -> bool:
            nonlocal unanswered
            if status.health is TokenHealth.VALID:
                result.valid += 1
            else:
                failed.append((*about, status))
            unanswered = unanswered + 1 if status.health is TokenHealth.UNKNOWN else 0
            progress("workspaces checked", read, max(read, total))
            return unanswered < UNANSWERED_LIMIT

        check_each(settings.slack.api_url, remaining, note, proxy_for=settings.proxies.arguments)
    result.complete = next(remaining, None) is None
    for _, holder, status in sorted(failed, key=lambda found: found[0]):
        result.add_failed(holder, status)
    return result


def _print_statuses(heading: str, statuses: list[tuple[Holder, TokenStatus]]) -> None:
    if statuses:
        say(heading)
        rows = [
            (holder.team_id or holder.enterprise_id, holder.team, holder.user_id or "bot", status.reason)
            for holder, status in statuses
        ]
        print_table(("workspace", "name", "token of", "reason"), rows)


def _tokens(workspace: InstalledWorkspace) -> Iterator[tuple[Holder, str]]:
    ids = (workspace.team_id, workspace.name, workspace.enterprise_id)
    bot = workspace.bot
    if bot is not None:
        yield Holder(*ids, bot.app_id, None, bot.bot_refresh_token is not None), bot.bot_token
    for installer in workspace.installers:
        if installer.user_token:
            can_be_refreshed = installer.user_refresh_token is not None
            yield Holder(*ids, installer.app_id, installer.user_id, can_be_refreshed), installer.user_token
