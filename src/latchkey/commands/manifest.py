"""`latchkey manifest`: prints the app's manifest, made from its configuration and its listeners."""

from __future__ import annotations

import sys
from pathlib import Path
from urllib.parse import quote, urlsplit

import click
import msgspec

from latchkey.commands.context import command_settings
from latchkey.commands.terminal import config_option, json_option, print_json, say
from latchkey.config import find_checkout
from latchkey.dispatch import requirements_of
from latchkey.errors import EXIT_FAILED
from latchkey.preflight import app_settings, load_app
from latchkey.slackapi.manifest import (
    Manifest,
    ManifestDifference,
    differences,
    make_manifest,
    read_manifest,
)

_GOVSLACK = "slack-gov.com"


@click.command("manifest")
@config_option
@json_option
@click.option("--yaml", "as_yaml", is_flag=True, help="print YAML instead of JSON")
@click.option("--link", "as_link", is_flag=True, help="print a link that creates the app at Slack")
@click.option(
    "--diff",
    "exported",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="compare with a manifest exported from Slack, JSON or YAML: exit 0 if they match, 1 if not",
)
def command(config_path: Path | None, as_json: bool, as_yaml: bool, as_link: bool, exported: Path | None) -> None:
    """Print the Slack app manifest that this app needs, as JSON.

    It is made from [app], [server] public_url, [slack] scopes, [manifest] and the registered listeners. Notes on
    stderr name what you have to add yourself.
    """
    if as_yaml + as_link + as_json > 1 or (exported is not None and (as_yaml or as_link)):
        raise click.UsageError("choose one of --json, --yaml and --link; --diff can only be combined with --json")
    settings = command_settings(config_path)
    slack = None if exported is None else read_manifest(exported)
    made, notes = make_manifest(app_settings(settings), requirements_of(load_app(settings, find_checkout())))
    for note in notes:
        say(f"note: {note}")
    if slack is not None:
        _show_differences(differences(made, slack), as_json)
    elif as_yaml:
        click.echo(_yaml(made).encode(), nl=False)  # in UTF-8, whatever the terminal's encoding is
    elif as_link:
        click.echo(_link(made, settings.slack.api_url))
    else:
        print_json(made)


def _yaml(document: Manifest) -> str:
    import yaml

    return str(yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=120))


def _link(document: Manifest, api_url: str) -> str:
    host = urlsplit(api_url).hostname or ""
    domain = _GOVSLACK if host == _GOVSLACK or host.endswith(f".{_GOVSLACK}") else "slack.com"
    return f"https://api.{domain}/apps?new_app=1&manifest_json={quote(msgspec.json.encode(document), safe='')}"


def _show_differences(found: list[ManifestDifference], as_json: bool) -> None:
    if as_json:
        print_json({"same": not found, "differences": [difference._asdict() for difference in found]})
    else:
        for difference in found:
            click.echo(str(difference))
        if not found:
            click.echo("no differences")
    if found:
        sys.exit(EXIT_FAILED)
