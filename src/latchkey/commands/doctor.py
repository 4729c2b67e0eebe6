"""`latchkey doctor`: checks the installation and reports what is wrong, why, and how to fix it."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path

import click

from latchkey import __version__, logs
from latchkey.commands.context import acting_as_store_owner
from latchkey.commands.terminal import config_option, encode_json, json_option, print_json, say, show_progress
from latchkey.config import Settings, find_checkout, load_settings
from latchkey.doctor import DoctorContext, run_checks, support_bundle
from latchkey.errors import EXIT_FAILED, ConfigError, plural
from latchkey.preflight import Finding, Severity, invalid_configuration
from latchkey.storage import SQLITE_VERSION, create_private_file, has_wal_reset_bug

_MARKS = {Severity.ERROR: ("✘", "red"), Severity.WARNING: ("!", "yellow"), Severity.TODO: ("-", "cyan")}


@click.command("doctor")
@config_option
@json_option
@click.option("--offline", is_flag=True, help="contact only the server on this machine")
@click.option(
    "--app",
    "exported",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="also compare the app's settings at Slack, exported from its App Manifest page",
)
@click.option("--support", is_flag=True, help="also write a report for support, without secrets and ids")
def command(config_path: Path | None, as_json: bool, offline: bool, exported: Path | None, support: bool) -> None:
    """Check the installation. Exits 1 if there are errors, 0 otherwise."""
    settings = None
    try:
        settings = load_settings(config_path, os.environ, {})
    except ConfigError as error:
        findings = invalid_configuration(error)
    logs.configure("error", "text", settings.secrets if settings else ())
    if settings is not None:
        findings = _check(settings, offline=offline, exported=exported)
    errors = sum(item.severity is Severity.ERROR for item in findings)
    protected = not any(item.code == "commits-unprotected" for item in findings)
    if as_json:
        sqlite = {"version": SQLITE_VERSION, "wal_reset_bug": has_wal_reset_bug(), "commits_protected": protected}
        print_json({"ok": not errors, "findings": [_to_json(item) for item in findings], "sqlite": sqlite})
    else:
        _print(findings)
        _print_sqlite(protected)
    if support:
        _write_support(settings, findings)
    if errors:
        sys.exit(EXIT_FAILED)


def _check(settings: Settings, *, offline: bool, exported: Path | None) -> list[Finding]:
    with (
        # Root sees what the server's user can read, and runs the listeners' code as that user.
        acting_as_store_owner(settings),
        show_progress() as progress,
        DoctorContext(
            settings,
            find_checkout(),
            beside_server=True,
            exported_manifest=exported,
            offline=offline,
            progress=progress,
        ) as context,
    ):
        return run_checks(context)


def _print(findings: Sequence[Finding]) -> None:
    problems = [item for item in findings if item.severity is not Severity.TODO]
    todo = [item for item in findings if item.severity is Severity.TODO]
    _print_groups(problems)
    if todo:
        click.echo("Not set up yet:")
        _print_groups(todo)
    if problems:
        errors = sum(item.severity is Severity.ERROR for item in problems)
        click.echo(f"{plural(errors, 'error')}, {plural(len(problems) - errors, 'warning')}")
    else:
        click.echo("no problems found" + ("; the setup is not finished" if todo else ""))


def _print_groups(findings: Sequence[Finding]) -> None:
    """Print each finding, and the cause and the fix after those that have the same."""
    for (problem, fix), items in groupby(findings, lambda item: (item.problem, item.fix)):
        for item in items:
            mark, colour = _MARKS[item.severity]
            click.echo(f"{click.style(mark, fg=colour)} {item.code}: {item.message}")
        if item.severity is not Severity.TODO:
            click.echo(f"  why: {problem.cause}")
        click.echo(f"  {'next' if item.severity is Severity.TODO else 'fix'}: {fix}")


def _print_sqlite(protected: bool) -> None:
    if not has_wal_reset_bug():
        note = "not affected by its WAL-reset bug"
    else:
        note = "its WAL-reset bug is prevented by a lock" if protected else "affected by its WAL-reset bug"
    click.echo(f"SQLite {SQLITE_VERSION}: {note}")


def _to_json(item: Finding) -> dict[str, str]:
    return {
        "code": item.code,
        "severity": item.severity,
        "message": item.message,
        "cause": item.cause,
        "fix": item.fix,
    }


def _write_support(settings: Settings | None, findings: list[Finding]) -> None:
    path = Path(time.strftime("latchkey-support-%Y%m%dT%H%M%SZ.json", time.gmtime()))
    create_private_file(path, encode_json(support_bundle(settings, findings, __version__)))
    say(f"written: {path}; read it before you send it to anyone")
