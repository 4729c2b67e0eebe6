"""`latchkey install-link`: prints an install link whose values are stored with the installation."""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlencode

import click

from latchkey.commands.context import acting_as_store_owner, command_settings, settings_with_app
from latchkey.commands.terminal import Time, config_option, json_option, print_json, say, utc
from latchkey.config import Settings
from latchkey.slackapi.paths import LINK_ARGUMENT
from latchkey.storage import read_keyring, seal_values, value_fault

MAX_DAYS = 365
_TEAM = re.compile(r"[TE][A-Z0-9]{1,20}", re.ASCII)


@click.command("install-link")
@config_option
@json_option
@click.option("--set", "given", metavar="NAME=VALUE", multiple=True, help="a value to store; can be repeated")
@click.option(
    "--expires",
    type=Time(MAX_DAYS),
    default="7d",
    show_default=True,
    metavar="TIME",
    help="for how long the link is valid",
)
@click.option("--team", metavar="TEAM_ID", help="the workspace to preselect at Slack")
def command(config_path: Path | None, as_json: bool, given: tuple[str, ...], expires: int, team: str | None) -> None:
    """Print an install link with values, which are stored with the installation that it leads to.

    Listeners find them in `Installation.custom_values`. They are encrypted and signed with the keyring: nobody can
    read, change or make them. Anyone who has the link can use it, any number of times, until it expires, or until
    `latchkey keys retire` removes the key that it was made with.
    """
    values = _values(given)
    if team is not None and not _TEAM.fullmatch(team):
        raise click.UsageError(f"--team: expected the id of a workspace, such as T0123ABCD, not {team!r}")
    settings = command_settings(config_path)
    expires_at = time.time() + expires
    with acting_as_store_owner(settings):
        sealed = seal_values(read_keyring(settings.keyring_path), values, expires_at)
    query = {**({"team": team} if team else {}), LINK_ARGUMENT: sealed}
    url = f"{_base_url(settings)}{settings_with_app(settings).install.path}?{urlencode(query)}"
    if as_json:
        print_json({"url": url, "values": values, "expires": int(expires_at)})
        return
    click.echo(url)
    if sys.stdout.isatty():
        say(f"valid until {utc(expires_at)}")


def _base_url(settings: Settings) -> str:
    """Return the public URL, or that of this machine, as the server does; raises ConfigError."""
    if settings.server.public_url or settings.socket_path is not None:
        return settings.public_url
    return f"http://localhost:{settings.address[1]}"


def _values(given: Sequence[str]) -> dict[str, str]:
    if not given:
        raise click.UsageError("--set NAME=VALUE is missing")
    values: dict[str, str] = {}
    for item in given:
        name, equals, value = item.partition("=")
        if not equals:
            raise click.UsageError(f"--set: expected NAME=VALUE, not {item!r}")
        if name in values:
            raise click.UsageError(f"--set: {name} is given twice")
        values[name] = value
    if fault := value_fault(values):
        raise click.UsageError(f"--set: {fault}")
    return values
