"""`latchkey installs`: the workspaces that have the app, and taking it out of one of them.

Rule: whose a token is, what it may do and when it came is shown; the token, the
webhook's address and what an app has stored beside them never are.
"""

from __future__ import annotations

import itertools
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from latchkey.commands.context import command_settings, configured_store, opened_store
from latchkey.commands.installs.token_check import check_workspaces
from latchkey.commands.output import (
    EXIT_FAILED,
    CommandGroup,
    config_option,
    confirm,
    json_option,
    plural,
    print_json,
    print_table,
    say,
    utc,
    yes_option,
)
from latchkey.config import Settings, SlackCredentials
from latchkey.errors import ConfigError, LatchkeyError, SlackRefused, SlackUnavailable
from latchkey.slackapi.administration import GONE, uninstall
from latchkey.storage import InstalledWorkspace, Store

LISTED = 100

_enterprise_option = click.option("--enterprise", metavar="ENTERPRISE_ID", help="of this org")
_team_argument = click.argument("team_id", required=False)


@click.group("installs", cls=CommandGroup)
def group() -> None:
    """The workspaces that have the app installed."""


@group.command("list")
@click.option("--team", metavar="TEAM_ID", help="only this workspace")
@click.option("--enterprise", metavar="ENTERPRISE_ID", help="only workspaces of this org")
@click.option("--limit", type=click.IntRange(1), default=LISTED, show_default=True, help="so many at most")
@click.option("--after", metavar="PLACE", default="", help="go on where an earlier list has ended")
@config_option
@json_option
def list_installs(
    team: str | None, enterprise: str | None, limit: int, after: str, config_path: Path | None, as_json: bool
) -> None:
    """List workspaces, and orgs that have installed the app as a whole."""
    with configured_store(config_path) as store:
        found = list(itertools.islice(_wanted(store, team, enterprise, after), limit + 1))
    shown = found[:limit]
    place = shown[-1].place if len(found) > limit else None
    rows = [_to_json(workspace) for workspace in shown]
    if as_json:
        print_json({"installs": rows, "after": place})
        return
    columns = ("team_id", "enterprise_id", "name", "app_id", "bot", "users", "installed", "unreadable")
    print_table(columns, [[_cell(row, column) for column in columns] for row in rows])
    if not rows:
        say("no installs")
    if place:
        say(f"there are more; see them with --after {place}")


@group.command("show")
@_team_argument
@_enterprise_option
@config_option
@json_option
def show(team_id: str | None, enterprise: str | None, config_path: Path | None, as_json: bool) -> None:
    """Show one workspace: its bot, and everybody who has installed the app there."""
    with configured_store(config_path) as store:
        workspace = _one(store, team_id, enterprise)
    described = {**_to_json(workspace), **_details_to_json(workspace)}
    if as_json:
        print_json(described)
        return
    installers, unreadable = described.pop("installers"), described.pop("unreadable_records")
    print_table(("", ""), [(name, _cell(described, name)) for name in described])
    columns = ("user_id", "token", "scopes", "installed", "expires")
    print_table(columns, [[_cell(row, column) for column in columns] for row in installers])
    for line in unreadable:
        say(line)


@group.command("check")
@click.option("--team", metavar="TEAM_ID", help="only this workspace")
@click.option("--enterprise", metavar="ENTERPRISE_ID", help="only workspaces of this org")
@config_option
@json_option
def check(team: str | None, enterprise: str | None, config_path: Path | None, as_json: bool) -> None:
    """Ask Slack about each token (auth.test); exit code 1 where it does not take one of them."""
    settings = command_settings(config_path)
    with opened_store(settings) as store:
        checked = check_workspaces(_wanted(store, team, enterprise), settings.slack.api_url)
    if as_json:
        print_json(checked.to_json())
    else:
        checked.print()
    if not checked.is_ok:
        sys.exit(EXIT_FAILED)


@group.command("remove")
@_team_argument
@_enterprise_option
@click.option("--local", is_flag=True, help="only forget it here, and do not tell Slack")
@config_option
@yes_option
def remove(team_id: str | None, enterprise: str | None, local: bool, config_path: Path | None, yes: bool) -> None:
    """Take the app out of a workspace at Slack (apps.uninstall), and delete all that is stored of it."""
    settings = command_settings(config_path)
    credentials = None if local else _credentials(settings)
    with opened_store(settings) as store:
        workspace = _one(store, team_id, enterprise)
        begun = time.time()
        name = _name(workspace)
        where = "here; Slack is not told, and its tokens stay good" if local else "at Slack and here"
        confirm(f"Remove the app from {name} for good, {where}?", yes=yes)
        if credentials is not None:
            _uninstall(settings.slack.api_url, credentials, workspace)
        count = store.workspaces.remove(workspace, installed_until=begun)
    click.echo(f"removed the app from {name}: {plural(count, 'record')} deleted")


def _wanted(store: Store, team: str | None, enterprise: str | None, after: str = "") -> Iterator[InstalledWorkspace]:
    try:
        for workspace in store.workspaces.all(after):
            if team in (None, workspace.team_id) and enterprise in (None, workspace.enterprise_id):
                yield workspace
    except ValueError:
        raise click.UsageError("--after takes what an earlier list has told") from None


def _one(store: Store, team_id: str | None, enterprise: str | None) -> InstalledWorkspace:
    if not team_id and not enterprise:
        raise click.UsageError("name a workspace by its TEAM_ID, or an org-wide install by --enterprise")
    found = store.workspaces.find(enterprise, team_id)
    if not found:
        named = " of ".join(part for part in (team_id, enterprise) if part)
        raise LatchkeyError(f"there is no install of {named}", hint="`latchkey installs list` shows what there is")
    if len(found) > 1:
        orgs = ", ".join(workspace.enterprise_id or '""' for workspace in found)
        raise LatchkeyError(f"{team_id} is there in several orgs: {orgs}", hint="say which one with --enterprise")
    return found[0]


def _name(workspace: InstalledWorkspace) -> str:
    place = workspace.team_id or f"the org {workspace.enterprise_id}"
    return f"{place} ({workspace.name})" if workspace.name else place


def _credentials(settings: Settings) -> SlackCredentials:
    """Return what apps.uninstall needs; raises ConfigError."""
    try:
        return settings.require_slack(signing=False)
    except ConfigError as error:
        raise ConfigError(error.faults, hint="or add --local to delete only the local records") from None


def _uninstall(api_url: str, credentials: SlackCredentials, workspace: InstalledWorkspace) -> None:
    """Call Slack; nothing has been deleted where this raises."""
    tokens = [workspace.bot.bot_token] if workspace.bot else []
    tokens += [installer.user_token for installer in workspace.installers if installer.user_token]
    if not tokens:
        raise LatchkeyError(
            f"no token of {_name(workspace)} can be opened, so Slack cannot be told; nothing was deleted",
            hint="remove it at Slack, and here with --local",
        )
    try:
        uninstall(
            api_url,
            tokens[0],
            client_id=credentials.client_id,
            client_secret=credentials.client_secret.reveal(),
        )
    except SlackRefused as error:
        gone = "the app may be gone there already; then forget it here with --local"
        hint = gone if error.reason in GONE else "Slack's documentation of apps.uninstall explains the reason"
        raise LatchkeyError(f"{error}; nothing was deleted here", hint=hint) from None
    except SlackUnavailable as error:
        raise LatchkeyError(
            f"{error}; nothing was deleted here",
            hint="try again; where Slack says then that the token is gone, add --local",
        ) from None


def _to_json(workspace: InstalledWorkspace) -> dict[str, Any]:
    everyone = [workspace.bot, *workspace.installers]
    known = [item for item in everyone if item is not None]
    return {
        "team_id": workspace.team_id,
        "enterprise_id": workspace.enterprise_id,
        "name": workspace.name,
        "app_id": next((item.app_id for item in known if item.app_id), None),
        "bot": workspace.bot is not None,
        "users": sum(1 for installer in workspace.installers if installer.user_token),
        "installed": max((float(item.installed_at) for item in known), default=None),
        "unreadable": len(workspace.unreadable),
    }


def _details_to_json(workspace: InstalledWorkspace) -> dict[str, Any]:
    bot = workspace.bot
    return {
        "bot_id": bot.bot_id if bot else None,
        "bot_user_id": bot.bot_user_id if bot else None,
        "scopes": list(bot.bot_scopes) if bot else [],
        "expires": bot.bot_token_expires_at if bot else None,
        "installers": [
            {
                "user_id": installer.user_id,
                "token": bool(installer.user_token),
                "scopes": list(installer.user_scopes or ()),
                "installed": float(installer.installed_at),
                "expires": installer.user_token_expires_at,
            }
            for installer in workspace.installers
        ],
        "unreadable_records": [str(error) for error in workspace.unreadable],
    }


def _cell(row: dict[str, Any], column: str) -> object:
    value = row.get(column)
    return utc(value) if column in ("installed", "expires") and value is not None else value
