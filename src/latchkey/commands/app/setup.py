"""`latchkey setup`: creates the app at Slack, and stores its credentials where the server reads them.

Each step is on disk before the next one, so that a command that was stopped can be run again: it continues, and creates
no second app.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import click

from latchkey.commands.app.app_file import AppCredentials, AppFile, locked_app_file
from latchkey.commands.app.configuration_token import (
    app_configuration,
    explained_refusals,
    forget_token,
    read_token,
    usable_token,
)
from latchkey.commands.app.credential_files import existing_files, refuse_other_sources, set_aside, write_credentials
from latchkey.commands.app.needed_manifest import needed_manifest
from latchkey.commands.context import command_settings
from latchkey.commands.terminal import config_option, confirm, json_option, print_json, say, utc, yes_option
from latchkey.config import DEFAULT_FILE, Settings
from latchkey.errors import LatchkeyError, SlackRateLimited, SlackRefused, SlackUnavailable, SlackUnreachable
from latchkey.slackapi.app_configuration import AppConfiguration
from latchkey.slackapi.manifest import Manifest

_NEXT = """
Next:
  1. Start the server: {start}
  2. Install the app: {install_url}
If Slack shows the request URL as unverified, press Retry at
https://api.slack.com/apps/{app_id}/event-subscriptions"""
SERVICE_FOLDER = Path("/etc/latchkey")


class SetupOptions(NamedTuple):
    """The options of the command."""

    again: bool
    replace: bool
    yes: bool
    as_json: bool


@click.command("setup")
@config_option
@json_option
@click.option("--token", "only_token", is_flag=True, help="only store an app configuration token, from standard input")
@click.option("--forget-token", "forgets", is_flag=True, help="only delete the stored app configuration token")
@click.option("--again", is_flag=True, help="create an app although the answer to an earlier request was lost")
@click.option("--replace", is_flag=True, help="create another app; the old credentials are renamed to NAME.old")
@yes_option
def command(
    config_path: Path | None, as_json: bool, only_token: bool, forgets: bool, again: bool, replace: bool, yes: bool
) -> None:
    """Create the app at Slack from the configuration and the listeners, and store its credentials.

    It needs an app configuration token, which it reads from standard input: generate one at https://api.slack.com/apps,
    under Your App Configuration Tokens, and give the token and its refresh token, one per line. Both are stored in
    secrets/app.json beside config.toml, which only its owner can read, and are never shown.

    The credentials are written to secrets/client_id, client_secret and signing_secret beside config.toml, where the
    server reads them. If the command is stopped, run it again: it continues.
    """
    if only_token + forgets + (again or replace) > 1:
        raise click.UsageError("--token and --forget-token can be combined with no other option")
    settings = command_settings(config_path)
    with locked_app_file(settings.secrets_path) as file:
        if forgets:
            forget_token(file)
            say("The token is deleted here. To revoke it, delete it at https://api.slack.com/apps, too.")
        elif only_token:
            read_token(file)
            with explained_refusals(file):
                usable_token(file, app_configuration(settings))
            say(f"stored the app configuration token in {file.path}")
        else:
            _set_up(settings, file, SetupOptions(again, replace, yes, as_json))


def _set_up(settings: Settings, file: AppFile, options: SetupOptions) -> None:
    install_url = settings.public_url + settings.install.path
    created = file.record.credentials is None and _must_create(settings, file, options)
    if created:
        _create(settings, file, options)
    paths = existing_files(settings.secrets_path)
    if file.record.credentials is not None:
        if file.record.replacing:
            set_aside(settings.secrets_path, file.record.credentials)
        paths = write_credentials(settings.secrets_path, file.record.credentials)
        file.change(credentials=None, replacing=False)
    _finish(settings, file, paths, install_url, created=created, as_json=options.as_json)


def _must_create(settings: Settings, file: AppFile, options: SetupOptions) -> bool:
    """Return whether there is no app yet; raises LatchkeyError if it is not clear, or if one is configured already."""
    record = file.record
    if record.app_id and not record.creating_since and not options.replace:
        return False
    if record.creating_since and not options.again:
        raise LatchkeyError(
            f"an app was requested at {utc(record.creating_since)}, and Slack's answer is lost: it may exist",
            hint=f"look for {settings.app.name!r} at https://api.slack.com/apps and delete it there; then run"
            " `latchkey setup --again`",
        )
    refuse_other_sources(settings)
    existing = existing_files(settings.secrets_path)
    if existing and not options.replace:
        raise LatchkeyError(
            f"there are credentials of an app already: {', '.join(map(str, existing))}",
            hint="to change this app, run `latchkey manifest --apply`; to create another one, add --replace",
        )
    return True


def _create(settings: Settings, file: AppFile, options: SetupOptions) -> None:
    made = needed_manifest(settings)
    slack = app_configuration(settings)
    with explained_refusals(file):
        if not (file.record.token or file.record.refresh_token):
            read_token(file)
        token = usable_token(file, slack)
        slack.validate(token, made)
    confirm(f"Create the app {settings.app.name!r} at Slack?", yes=options.yes)
    _request(file, slack, token, made, replacing=options.replace)


def _request(file: AppFile, slack: AppConfiguration, token: str, made: Manifest, *, replacing: bool) -> None:
    """Create the app, and store its credentials at once: Slack shows them to nobody but its owner again."""
    file.change(creating_since=int(time.time()))
    try:
        with explained_refusals(file):
            app = slack.create(token, made)
    except (SlackRateLimited, SlackUnreachable):
        file.change(creating_since=0)
        raise
    except SlackUnavailable as error:
        error.hint = "the app may have been created or not; run `latchkey setup` again, which says what to do"
        raise
    except (SlackRefused, LatchkeyError):
        file.change(creating_since=0)
        raise
    file.change(
        app_id=app.app_id,
        creating_since=0,
        credentials=AppCredentials(app.client_id, app.client_secret, app.signing_secret),
        replacing=replacing,
        applied=[made],
    )


def _finish(
    settings: Settings, file: AppFile, paths: Sequence[Path], install_url: str, *, created: bool, as_json: bool
) -> None:
    app_id = file.record.app_id
    if as_json:
        credentials = [str(path) for path in paths]
        print_json({"app_id": app_id, "created": created, "credentials": credentials, "install_url": install_url})
        return
    click.echo(f"created the app {app_id} at Slack" if created else f"the app {app_id} exists")
    for path in paths:
        click.echo(f"its {path.name} is in {path}")
    is_service = settings.base == SERVICE_FOLDER
    start = "systemctl restart latchkey" if is_service else "latchkey serve"
    is_found = is_service or settings.config_path in (None, Path(DEFAULT_FILE))
    option = "" if is_found else f" --config {settings.config_path}"
    say(_NEXT.format(start=f"{start}{option}", install_url=install_url, app_id=app_id))
