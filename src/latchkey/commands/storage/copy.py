"""`latchkey storage copy`: copies the store into the other engine."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Any

import click

from latchkey.commands.context import command_settings, opened_store
from latchkey.commands.terminal import config_option, json_option, print_json, say, show_progress
from latchkey.config import Secret, parse_storage_url, problem_in_file, storage_url_problem
from latchkey.errors import SourceError, plural
from latchkey.storage import CopyResult, open_store


@click.command("copy")
@click.option("--to", "target", help="the URL of a database, without a password, or a file")
@click.option(
    "--to-url-in", "url_file", type=click.Path(path_type=Path), help="a file that contains the database's URL"
)
@click.option("--force", is_flag=True, help="replace what is in the target")
@config_option
@json_option
def copy(target: str | None, url_file: Path | None, force: bool, config_path: Path | None, as_json: bool) -> None:
    """Copy all records into a PostgreSQL database or a file, encrypted as they are.

    The server may run: then stop it, and run the command again, which copies what has changed since, compares all
    records, and closes the store to servers.
    """
    settings = command_settings(config_path)
    location, name = _target(target, url_file)
    with (
        opened_store(settings) as source,
        # The keyring exists already, so a new store is created beside it.
        closing(open_store(location, settings.keyring_path, new_store=True)) as opened,
        show_progress() as progress,
    ):
        result = source.copy.copy_to(opened.copy, names=(settings.store_name, name), force=force, progress=progress)
    if as_json:
        print_json(_to_json(result, name))
        return
    written = sum(counts.written for counts in result.tables.values())
    deleted = sum(counts.deleted for counts in result.tables.values())
    click.echo(f"{plural(written, 'record')} written, {deleted:,} deleted in {name}")
    if result.is_finished:
        click.echo("all records are the same; servers refuse to start on the old store")
        say("hint: change [storage] url or path on every machine, then start the servers")
    else:
        say("hint: another process has the store open: stop the servers, then run this command again")


def _target(text: str | None, url_file: Path | None) -> tuple[Path | Secret, str]:
    """Return the target and how to name it; raises SourceError."""
    if (text is None) == (url_file is None):
        raise SourceError("give the target with --to, or with --to-url-in")
    if url_file is not None:
        return _url_in(url_file)
    assert text is not None
    if "://" not in text:
        return Path(text), text
    if problem := problem_in_file(text):
        raise SourceError(f"--to: {problem}")
    return Secret(text), parse_storage_url(text).shown


def _url_in(path: Path) -> tuple[Secret, str]:
    try:
        url = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise SourceError(f"{path}: {getattr(error, 'strerror', None) or 'expected text'}") from None
    if problem := storage_url_problem(url):
        raise SourceError(f"{path}: {problem}")
    return Secret(url), parse_storage_url(url).shown


def _to_json(result: CopyResult, name: str) -> dict[str, Any]:
    return {
        "to": name,
        "finished": result.is_finished,
        "tables": {table: counts._asdict() for table, counts in result.tables.items()},
    }
