"""`latchkey installs`: lists and checks the workspaces that have the app, and removes it from one.

Invariant: the output shows the owner, scopes and dates of a token, and never
the token, the webhook's URL or an app's `custom_values`.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from latchkey.commands.context import command_settings, opened_store, settings_with_app
from latchkey.commands.installs.add_install import add_install
from latchkey.commands.installs.export_installs import export_installs
from latchkey.commands.installs.import_installs import import_installs
from latchkey.commands.installs.token_check import check_workspaces
from latchkey.commands.installs.token_exchange import exchange_all, exchange_to_json, print_exchange
from latchkey.commands.installs.uninstall import name_of, uninstall_at_slack, uninstall_credentials
from latchkey.commands.terminal import (
    CommandGroup,
    config_option,
    confirm,
    first,
    json_option,
    limit_option,
    print_gap,
    print_json,
    print_table,
    print_values,
    say,
    utc,
    yes_option,
)
from latchkey.config import SlackSection
from latchkey.errors import EXIT_FAILED, LatchkeyError, plural
from latchkey.storage import CommandStore, InstalledWorkspace

_MISSING = ("missing_scopes", "missing_user_scopes")
"""The configured scopes that a workspace has not granted; optional scopes don't count."""

_enterprise_option = click.option(
    "--enterprise", metavar="ENTERPRISE_ID", help="the org of the workspace, or the org itself"
)
_team_argument = click.argument("team_id", required=False)


@click.group("installs", cls=CommandGroup)
def group() -> None:
    """List, check and remove the workspaces that have the app; move installations in and out."""


@group.command("list")
@click.option("--team", metavar="TEAM_ID", help="only this workspace")
@click.option("--enterprise", metavar="ENTERPRISE_ID", help="only workspaces of this org")
@limit_option("workspaces")
@click.option("--after", metavar="CURSOR", default="", help="continue after an earlier list")
@config_option
@json_option
def list_installs(
    team: str | None, enterprise: str | None, limit: int, after: str, config_path: Path | None, as_json: bool
) -> None:
    """List the workspaces that have the app, and the orgs that installed it org-wide."""
    settings = command_settings(config_path)
    with opened_store(settings) as store:
        shown, more = first(limit, _selected(store, team, enterprise, after))
    cursor = shown[-1].cursor if more else None
    slack = settings_with_app(settings).slack
    rows = [_to_json(workspace, slack) for workspace in shown]
    if as_json:
        print_json({"installs": rows, "after": cursor})
        return
    columns = (
        "team_id",
        "enterprise_id",
        "name",
        "app_id",
        "bot",
        "users",
        "installed",
        *_MISSING,
        "must_reinstall",
        "unreadable",
    )
    print_table(columns, [[_cell(row, column) for column in columns] for row in rows])
    if not rows:
        say("no installs")
    if cursor:
        say(f"there are more; continue with --after {cursor}")


@group.command("show")
@_team_argument
@_enterprise_option
@config_option
@json_option
def show(team_id: str | None, enterprise: str | None, config_path: Path | None, as_json: bool) -> None:
    """Show one workspace: its bot and its installers."""
    settings = command_settings(config_path)
    with opened_store(settings) as store:
        workspace = _one(store, team_id, enterprise)
    described = {**_to_json(workspace, settings_with_app(settings).slack), **_details_to_json(workspace)}
    if as_json:
        print_json(described)
        return
    installers, unreadable = described.pop("installers"), described.pop("unreadable_records")
    print_values((name, _cell(described, name)) for name in described)
    print_gap()
    columns = ("user_id", "token", "scopes", "installed", "expires")
    print_table(columns, [[_cell(row, column) for column in columns] for row in installers])
    for line in unreadable:
        say(line)


@group.command("check")
@click.option("--team", metavar="TEAM_ID", help="only this workspace")
@click.option("--enterprise", metavar="ENTERPRISE_ID", help="only workspaces of this org")
@click.option("--exchange", is_flag=True, help="first exchange long-lived tokens for ones that expire")
@config_option
@json_option
def check(team: str | None, enterprise: str | None, exchange: bool, config_path: Path | None, as_json: bool) -> None:
    """Check each token with Slack (auth.test). Exits 1 unless all tokens are valid."""
    settings = command_settings(config_path)
    with opened_store(settings) as store:
        exchanged = exchange_all(store, _selected(store, team, enterprise), settings) if exchange else None
        total = 0 if team or enterprise else store.workspaces.count()
        checked = check_workspaces(_selected(store, team, enterprise), settings, total=total)
    if as_json:
        print_json({**checked.to_json(), **(exchange_to_json(exchanged) if exchanged else {})})
    else:
        print_exchange(exchanged)
        checked.print()
    if not checked.is_ok or (exchanged and exchanged.failed):
        sys.exit(EXIT_FAILED)


@group.command("remove")
@_team_argument
@_enterprise_option
@click.option("--local", is_flag=True, help="delete local records only; do not call Slack")
@config_option
@yes_option
def remove(team_id: str | None, enterprise: str | None, local: bool, config_path: Path | None, yes: bool) -> None:
    """Uninstall the app from a workspace at Slack (apps.uninstall), and delete everything stored for it.

    Removing a workspace never removes the org-wide installation of its org.
    """
    settings = command_settings(config_path)
    credentials = None if local else uninstall_credentials(settings)
    with opened_store(settings) as store:
        workspace = _one(store, team_id, enterprise)
        started_at = time.time()
        name = name_of(workspace)
        where = "only here (its tokens stay valid at Slack)" if local else "at Slack and here"
        confirm(f"Remove the app from {name} {where}?", yes=yes)
        if credentials is not None:
            uninstall_at_slack(settings, credentials, workspace)
        count = store.workspaces.remove(workspace, installed_until=started_at)
    click.echo(f"removed the app from {name}: {plural(count, 'record')} deleted")


group.add_command(add_install)
group.add_command(import_installs)
group.add_command(export_installs)


def _selected(
    store: CommandStore, team: str | None, enterprise: str | None, after: str = ""
) -> Iterator[InstalledWorkspace]:
    try:
        for workspace in store.workspaces.all(after):
            if team in (None, workspace.team_id) and enterprise in (None, workspace.enterprise_id):
                yield workspace
    except ValueError:
        raise click.UsageError("--after takes the cursor that an earlier list printed") from None


def _one(store: CommandStore, team_id: str | None, enterprise: str | None) -> InstalledWorkspace:
    if not team_id and not enterprise:
        raise click.UsageError("name a workspace by its TEAM_ID, or an org-wide installation with --enterprise")
    found = store.workspaces.find(enterprise, team_id)
    if not found:
        raise LatchkeyError(
            f"there is no installation of {' of '.join(part for part in (team_id, enterprise) if part)}",
            hint=_hint_about_org(store, enterprise) if team_id else "`latchkey installs list` lists all of them",
        )
    if len(found) > 1:
        orgs = ", ".join(workspace.enterprise_id or '""' for workspace in found)
        raise LatchkeyError(f"{team_id} is installed in several orgs: {orgs}", hint="choose one with --enterprise")
    return found[0]


def _hint_about_org(store: CommandStore, enterprise: str | None) -> str:
    """Return a hint for a workspace without an installation of its own, which an org-wide one may cover."""
    orgs = [org.enterprise_id for org in store.workspaces.find(enterprise, None) if org.enterprise_id]
    if not orgs:
        return "`latchkey installs list` lists all of them"
    named = ", ".join(orgs[:5])
    return f"it may have the app through its org ({named}), which only --enterprise without a TEAM_ID removes"


def _to_json(workspace: InstalledWorkspace, slack: SlackSection) -> dict[str, Any]:
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
        "missing_scopes": workspace.missing_scopes(slack.required_scopes),
        "missing_user_scopes": workspace.missing_user_scopes(slack.required_user_scopes),
        "must_reinstall": [token_id.user_id or "bot" for token_id in workspace.must_reinstall],
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
