"""`latchkey installs add`: stores the tokens of one workspace, for an app that never uses OAuth.

Invariant: tokens come from standard input, where other users of the machine cannot see them, and are never shown.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import click
from slack_sdk.oauth.installation_store import Bot, Installation

from latchkey.commands.context import command_settings, opened_store
from latchkey.commands.installs.named_owner import NamedOwner
from latchkey.commands.terminal import config_option, json_option, print_json, say
from latchkey.config import Settings
from latchkey.errors import LatchkeyError, SlackRefused, SlackUnavailable
from latchkey.slackapi.administration import TokenOwner, token_owners
from latchkey.storage import Merged
from latchkey.tokens import AllowedWorkspaces

ASSUMED_SECONDS = 3600
"""How long a token that can be refreshed is assumed to be valid; the server refreshes it before."""
_BOT, _USER, _REFRESH = ("xoxb-", "xoxe.xoxb-"), ("xoxp-", "xoxe.xoxp-"), ("xoxe-",)
_EXPIRING = "xoxe."
_HINT = "give one token per line: a bot's (xoxb-…), a user's (xoxp-…), each followed by its refresh token (xoxe-…)"


class Given(NamedTuple):
    """A token from standard input, and the refresh token that followed it."""

    token: str
    refresh_token: str | None

    @property
    def expires_at(self) -> int | None:
        """When it must be refreshed at the latest; None if it does not expire."""
        return None if self.refresh_token is None else int(time.time()) + ASSUMED_SECONDS


@click.command("add")
@click.option("--offline", is_flag=True, help="do not ask Slack; the options below name what it would answer")
@click.option("--team", metavar="TEAM_ID", help="the workspace (without it: the whole org)")
@click.option("--enterprise", metavar="ENTERPRISE_ID", help="the org of the workspace, or the org itself")
@click.option("--user", metavar="USER_ID", help="the person that the user token belongs to")
@click.option("--bot-user", metavar="USER_ID", help="the bot's user")
@click.option("--bot-id", metavar="BOT_ID", help="the bot")
@config_option
@json_option
def add_install(config_path: Path | None, as_json: bool, offline: bool, **ids: str | None) -> None:
    """Store one workspace's tokens, which are read from standard input.

    Give one token per line: a bot token, a user token, or both. If token rotation is on, a token's refresh token
    follows on the next line. Slack returns the workspace and the users that they belong to (auth.test).

    With --offline, Slack is not asked: name the workspace, the bot and the person with options. Nothing checks that
    the tokens are theirs and work. The configured scopes count as granted.

    For an app that you install in your own workspace from Slack's settings, without OAuth.
    """
    named = NamedOwner(**ids)
    if not offline and any(ids.values()):
        raise LatchkeyError("ids are given without --offline", hint="leave them out: Slack returns them (auth.test)")
    settings = command_settings(config_path)
    bot, user = _tokens(_lines())
    given = [each for each in (bot, user) if each is not None]
    with opened_store(settings) as store:
        if offline:
            owners = named.owners(has_bot=bot is not None, has_user=user is not None, granted=settings.slack)
        else:
            owners = _owners_at_slack(settings, given)
        _check_allowed(owners[0], AllowedWorkspaces(settings.install.workspaces))
        models = _models(bot, user, owners)
        if store.moving.add(*models) in (Merged.UNREADABLE, Merged.NEWER_HERE):
            raise LatchkeyError("newer or unreadable tokens of this workspace are here; nothing was stored")
    owner = owners[0]
    name = owner.team_id or f"the org {owner.enterprise_id}"
    if as_json:
        ids = {"team_id": owner.team_id or "", "enterprise_id": owner.enterprise_id or "", "name": owner.team_name}
        print_json({**ids, "bot": bot is not None, "user_id": owners[-1].user_id if user else None})
        return
    tokens = [*(["its bot token"] if bot else []), *([f"the token of the user {owners[-1].user_id}"] if user else [])]
    click.echo(f"stored {name}{f' ({owner.team_name})' if owner.team_name else ''}: {' and '.join(tokens)}")


def _owners_at_slack(settings: Settings, given: list[Given]) -> list[TokenOwner]:
    tokens = [each.token for each in given]
    try:
        return token_owners(settings.slack.api_url, tokens, proxy_for=settings.proxies.arguments)
    except (SlackRefused, SlackUnavailable) as error:
        raise LatchkeyError(f"{error}; nothing was stored", hint=error.hint) from None


def _lines() -> list[str]:
    if not sys.stdin.isatty():
        return [line.strip() for line in sys.stdin if line.strip()]
    say("Paste the tokens, one per line; they are not shown. End with an empty line.")
    lines = []
    while line := click.prompt("token", default="", show_default=False, hide_input=True, err=True).strip():
        lines.append(line)
    return lines


def _tokens(lines: Iterable[str]) -> tuple[Given | None, Given | None]:
    """Return the bot's token and a user's; raises LatchkeyError, which shows no line's content."""
    found: dict[str, Given] = {}
    last = ""
    for number, line in enumerate(lines, 1):
        kind = "bot" if line.startswith(_BOT) else "user" if line.startswith(_USER) else ""
        if kind and kind not in found and line.isascii():
            found[kind] = Given(line, None)
            last = kind
        elif line.startswith(_REFRESH) and last and found[last].refresh_token is None and line.isascii():
            found[last] = Given(found[last].token, line)
        else:
            problem = f"a second {kind} token" if kind else "no token that is expected here"
            raise LatchkeyError(f"line {number} of the input: {problem}", hint=_HINT)
    if not found:
        raise LatchkeyError("there is no token on standard input", hint=_HINT)
    for kind, given in found.items():
        if given.token.startswith(_EXPIRING) and given.refresh_token is None:
            raise LatchkeyError(f"the {kind} token expires, and its refresh token is missing", hint=_HINT)
    return found.get("bot"), found.get("user")


def _check_allowed(owner: TokenOwner, allowed: AllowedWorkspaces) -> None:
    if not allowed.allow(owner.enterprise_id, owner.team_id):
        raise LatchkeyError(
            f"`[install] workspaces` does not list {owner.team_id or owner.enterprise_id}; nothing was stored",
            hint="add it to the list first: what comes from other workspaces is dropped",
        )


def _models(bot: Given | None, user: Given | None, owners: list[TokenOwner]) -> list[Bot | Installation]:
    workspaces = {(owner.enterprise_id, owner.team_id) for owner in owners}
    if len(workspaces) > 1:
        raise LatchkeyError("the two tokens belong to different workspaces; nothing was stored")
    first, last, now = owners[0], owners[-1], time.time()
    if (bot is not None) != (first.bot_id is not None) or (user is not None and last.bot_id is not None):
        raise LatchkeyError("a token is not of the kind that it looks like; nothing was stored", hint=_HINT)
    place = {
        "enterprise_id": first.enterprise_id,
        "team_id": first.team_id,
        "team_name": first.team_name,
        "is_enterprise_install": first.is_enterprise_install,
        "installed_at": now,
    }
    models: list[Bot | Installation] = []
    if bot is not None:
        models.append(
            Bot(
                **place,  # type: ignore[arg-type]
                bot_token=bot.token,
                bot_id=first.bot_id or "",
                bot_user_id=first.user_id,
                bot_scopes=first.scopes,
                bot_refresh_token=bot.refresh_token,
                bot_token_expires_at=bot.expires_at,
            )
        )
    if user is not None:
        models.append(
            Installation(
                **place,  # type: ignore[arg-type]
                user_id=last.user_id,
                user_token=user.token,
                user_scopes=last.scopes,
                user_refresh_token=user.refresh_token,
                user_token_expires_at=user.expires_at,
            )
        )
    return models
