"""`latchkey manifest --apply`: changes the app at Slack to what the configuration and the listeners need."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any, NamedTuple

import click

from latchkey.commands.app.app_file import AppFile, locked_app_file
from latchkey.commands.app.configuration_token import app_configuration, explained_refusals, usable_token
from latchkey.commands.terminal import EXIT_UNCONFIRMED, confirm, print_json, say
from latchkey.config import Settings
from latchkey.errors import EXIT_FAILED, LatchkeyError, SlackUnavailable, plural
from latchkey.slackapi.app_configuration import AppConfiguration, is_app_id
from latchkey.slackapi.manifest import Manifest, ManifestChange, changes_between, merged

MAX_UNFINISHED = 4
"""Manifests that are kept because a command was stopped while it applied them."""


class ApplyOptions(NamedTuple):
    """The options of the command that concern `--apply`."""

    app_id: str | None
    overwrite: bool
    """Whether to replace what somebody has changed at Slack."""
    yes: bool
    as_json: bool


def apply_manifest(settings: Settings, made: Manifest, options: ApplyOptions) -> None:
    """Show what would change at Slack and, if the operator agrees, change it."""
    with locked_app_file(settings.secrets_path) as file, explained_refusals(file):
        app_id = _app_id(file, options)
        slack = app_configuration(settings)
        token = usable_token(file, slack)
        current = slack.export(token, app_id)
        file.change(app_id=app_id)
        changes = changes_between(made, current, file.record.applied)
        if not options.as_json:
            _print(changes)
        if not changes:
            file.change(applied=[made])
            _finish(app_id, changes, options, applied=False)
            return
        _refuse_conflicts(app_id, changes, options)
        wanted = merged(made, current, changes)
        slack.validate(token, wanted, app_id)
        _confirm(app_id, changes, options)
        _refuse_change_meanwhile(slack, token, app_id, current)
        _update(file, slack, token, made, wanted)
        _finish(app_id, changes, options, applied=True)


def _app_id(file: AppFile, options: ApplyOptions) -> str:
    app_id = options.app_id or file.record.app_id
    if not app_id:
        raise LatchkeyError(
            "it is not known which app to change",
            hint="add --app-id with the App ID that Basic Information shows at https://api.slack.com/apps",
        )
    if not is_app_id(app_id):
        raise click.UsageError("--app-id: expected an id such as A0123456789")
    if options.app_id and file.record.app_id and options.app_id != file.record.app_id:
        raise LatchkeyError(
            f"{file.path} is for the app {file.record.app_id}",
            hint="leave out --app-id, or use another configuration for another app",
        )
    return app_id


def _print(changes: Sequence[ManifestChange]) -> None:
    for change in changes:
        click.echo(f"{change}{' (changed at Slack)' if change.is_conflict else ''}")


def _refuse_conflicts(app_id: str, changes: Sequence[ManifestChange], options: ApplyOptions) -> None:
    conflicts = [change for change in changes if change.is_conflict]
    if not conflicts or options.overwrite:
        return
    if options.as_json:
        _finish(app_id, changes, options, applied=False)
        sys.exit(EXIT_FAILED)
    raise LatchkeyError(
        f"nothing was changed: {plural(len(conflicts), 'value')} would be lost that somebody has set at Slack",
        hint="take them over into the configuration, or add --overwrite to replace them",
    )


def _confirm(app_id: str, changes: Sequence[ManifestChange], options: ApplyOptions) -> None:
    if options.as_json and not options.yes:
        _finish(app_id, changes, options, applied=False)
        say("latchkey: not done: it was not confirmed")
        say("hint: add --yes")
        sys.exit(EXIT_UNCONFIRMED)
    confirm(f"Change {plural(len(changes), 'value')} of the app {app_id} at Slack?", yes=options.yes)


def _refuse_change_meanwhile(slack: AppConfiguration, token: str, app_id: str, current: Manifest) -> None:
    """An update replaces the whole manifest, also what was changed while the operator was asked."""
    if slack.export(token, app_id) != current:
        raise LatchkeyError("nothing was changed: the app was changed at Slack meanwhile", hint="run the command again")


def _update(file: AppFile, slack: AppConfiguration, token: str, made: Manifest, wanted: Manifest) -> None:
    file.change(applied=[*file.record.applied[-MAX_UNFINISHED:], made])
    try:
        has_other_scopes = slack.update(token, file.record.app_id, wanted)
    except SlackUnavailable as error:
        error.hint = "the app may have been changed or not; run the command again"
        raise
    file.change(applied=[made])
    if has_other_scopes:
        say("The scopes have changed: workspaces must install the app again to grant new ones.")


def _finish(app_id: str, changes: Sequence[ManifestChange], options: ApplyOptions, *, applied: bool) -> None:
    if options.as_json:
        print_json({"app_id": app_id, "applied": applied, "changes": [_to_json(change) for change in changes]})
    elif applied:
        click.echo(f"changed {plural(len(changes), 'value')} of the app {app_id}")
    else:
        click.echo("no differences")


def _to_json(change: ManifestChange) -> dict[str, Any]:
    return {
        "path": str(change.key),
        "here": change.here,
        "slack": change.slack,
        "conflict": change.is_conflict,
    }
