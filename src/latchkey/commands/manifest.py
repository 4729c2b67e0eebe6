"""`latchkey manifest`: what Slack is to be told of this app, from its configuration and its listeners."""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path
from urllib.parse import quote, urlsplit

import click
import msgspec

from latchkey.commands.context import command_settings
from latchkey.commands.output import EXIT_FAILED, config_option, json_option, print_json, say
from latchkey.config import find_checkout
from latchkey.doctor.app_manifest import needed_manifest, read_manifest
from latchkey.slackapi.manifest import Difference, Manifest, differences

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
    help="compare with a manifest that Slack has exported, JSON or YAML: exit 0 same, 1 different",
)
def command(config_path: Path | None, as_json: bool, as_yaml: bool, as_link: bool, exported: Path | None) -> None:
    """Print the Slack app manifest that this app needs, as JSON.

    It is made of [server] public_url, [slack] scopes, [manifest] and what the listeners are registered
    for. What cannot be known is said on standard error.
    """
    if as_yaml + as_link + as_json > 1 or (exported is not None and (as_yaml or as_link)):
        raise click.UsageError("choose one of --json, --yaml and --link; --diff goes with --json alone")
    settings = command_settings(config_path)
    slack = None if exported is None else read_manifest(exported)
    # What a module prints is not part of the result.
    with contextlib.redirect_stdout(sys.stderr):
        made, notes = needed_manifest(settings, find_checkout())
    for note in notes:
        say(f"note: {note}")
    if slack is not None:
        _show_differences(differences(made, slack), as_json)
    elif as_yaml:
        click.echo(_yaml(made), nl=False)
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


def _show_differences(found: list[Difference], as_json: bool) -> None:
    if as_json:
        print_json({"same": not found, "differences": [difference._asdict() for difference in found]})
    else:
        for difference in found:
            click.echo(str(difference))
        if not found:
            click.echo("Slack has what this app needs, and nothing more")
    if found:
        sys.exit(EXIT_FAILED)
