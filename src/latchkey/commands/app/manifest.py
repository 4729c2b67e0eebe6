"""`latchkey manifest`: prints, compares or applies the manifest that the configuration and the listeners need."""

from __future__ import annotations

import sys
from pathlib import Path
from urllib.parse import quote, urlsplit

import click
import msgspec

from latchkey.commands.app.apply import ApplyOptions, apply_manifest
from latchkey.commands.app.needed_manifest import needed_manifest
from latchkey.commands.context import command_settings
from latchkey.commands.terminal import config_option, json_option, print_json, yes_option
from latchkey.errors import EXIT_FAILED
from latchkey.slackapi.manifest import Manifest, ManifestDifference, differences, read_manifest

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
@click.option("--apply", "applies", is_flag=True, help="change the app at Slack, after showing what would change")
@click.option("--app-id", metavar="APP_ID", help="with --apply: the app to change; remembered afterwards")
@click.option("--overwrite", is_flag=True, help="with --apply: also replace what somebody has changed at Slack")
@yes_option
def command(
    config_path: Path | None, as_json: bool, as_yaml: bool, as_link: bool, exported: Path | None, applies: bool,
    app_id: str | None, overwrite: bool, yes: bool,
) -> None:  # fmt: skip
    """Print the Slack app manifest that this app needs, as JSON.

    It is made from [app], [server] public_url, [slack] scopes, [manifest] and the registered listeners. Notes on
    stderr name what you have to add yourself.

    --apply changes the app at Slack. It needs an app configuration token, which `latchkey setup --token` stores. What
    Latchkey does not manage stays as it is. What somebody has changed at Slack since the last time is named, and then
    nothing is changed without --overwrite.
    """
    if as_yaml + as_link + as_json > 1 or ((exported is not None or applies) and (as_yaml or as_link)):
        raise click.UsageError("choose one of --json, --yaml and --link; --diff and --apply can have --json only")
    if exported is not None and applies:
        raise click.UsageError("--diff and --apply cannot be combined")
    if not applies and (app_id or overwrite or yes):
        raise click.UsageError("--app-id, --overwrite and --yes need --apply")
    settings = command_settings(config_path)
    slack = None if exported is None else read_manifest(exported)
    made = needed_manifest(settings)
    if applies:
        apply_manifest(settings, made, ApplyOptions(app_id, overwrite, yes, as_json))
    elif slack is not None:
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
