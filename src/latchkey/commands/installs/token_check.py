"""What Slack says of the stored tokens, told by workspace and never by token."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, NamedTuple

from latchkey.commands.output import plural, print_table, say
from latchkey.slackapi.administration import Finding, Health, check_tokens
from latchkey.storage import Workspace

BATCH = 50
"""Tokens asked about at a time; a batch of which Slack answers none is the last one."""


class Holder(NamedTuple):
    """Whose token it is."""

    team_id: str
    team: str | None
    enterprise_id: str
    app_id: str | None
    user_id: str | None
    """None: the bot's."""


@dataclass
class Asked:
    """What Slack has said."""

    good: int = 0
    gone: list[tuple[Holder, Finding]] = field(default_factory=list)
    """These have to be installed again."""
    unknown: list[tuple[Holder, Finding]] = field(default_factory=list)
    unreadable: int = 0
    """Records that cannot be opened."""
    complete: bool = True
    """Whether every token was asked about."""

    @property
    def is_well(self) -> bool:
        return self.complete and not self.gone and not self.unknown and not self.unreadable


def ask_slack(workspaces: Iterable[Workspace], api_url: str) -> Asked:
    """Ask Slack about every bot's and every person's token of these workspaces."""
    asked = Asked()
    tokens = _tokens(workspaces, asked)
    while batch := list(islice(tokens, BATCH)):
        findings = check_tokens(api_url, [token for _, token in batch])
        for (holder, _), finding in zip(batch, findings, strict=True):
            if finding.health is Health.GOOD:
                asked.good += 1
            else:
                (asked.gone if finding.health is Health.GONE else asked.unknown).append((holder, finding))
        if all(finding.health is Health.UNKNOWN for finding in findings):
            asked.complete = next(tokens, None) is None
            break
    return asked


def document(asked: Asked) -> dict[str, Any]:
    """Return what scripts are told."""
    return {
        "good": asked.good,
        "install_again": [{**holder._asdict(), "reason": finding.reason} for holder, finding in asked.gone],
        "unknown": [{**holder._asdict(), "reason": finding.reason} for holder, finding in asked.unknown],
        "unreadable": asked.unreadable,
        "complete": asked.complete,
    }


def report(asked: Asked) -> None:
    """Tell people."""
    say(f"Slack takes {plural(asked.good, 'token')}")
    _tell(asked.gone, "to be installed again, since Slack takes their tokens no more:")
    _tell(asked.unknown, "not known, since Slack did not say:")
    if asked.unreadable:
        say(f"{plural(asked.unreadable, 'record')} cannot be opened")
    if not asked.complete:
        say("Slack does not answer, so the others were not asked about; try again with `latchkey installs check`")


def _tell(findings: list[tuple[Holder, Finding]], heading: str) -> None:
    if findings:
        say(heading)
        rows = [
            (holder.team_id or holder.enterprise_id, holder.team, holder.user_id or "bot", finding.reason)
            for holder, finding in findings
        ]
        print_table(("workspace", "name", "token of", "Slack says"), rows)


def _tokens(workspaces: Iterable[Workspace], asked: Asked) -> Iterator[tuple[Holder, str]]:
    for workspace in workspaces:
        asked.unreadable += len(workspace.unreadable)
        ids = (workspace.team_id, workspace.name, workspace.enterprise_id)
        if workspace.bot is not None:
            yield Holder(*ids, workspace.bot.app_id, None), workspace.bot.bot_token
        for installer in workspace.installers:
            if installer.user_token:
                yield Holder(*ids, installer.app_id, installer.user_id), installer.user_token
