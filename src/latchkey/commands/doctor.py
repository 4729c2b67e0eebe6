"""`latchkey doctor`: what is wrong, why, and what to do."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import click

from latchkey import __version__, logs
from latchkey.commands.output import EXIT_FAILED, config_option, encode_json, json_option, plural, print_json, say
from latchkey.config import Settings, find_checkout, load_settings
from latchkey.doctor.examination import examine
from latchkey.doctor.findings import Finding, Severity
from latchkey.doctor.support import bundle
from latchkey.errors import ConfigError
from latchkey.storage import create_private_file

_MARKS = {Severity.ERROR: ("✘", "red"), Severity.WARNING: ("!", "yellow")}


@click.command("doctor")
@config_option
@json_option
@click.option("--offline", is_flag=True, help="ask nobody but this machine's own server")
@click.option(
    "--app",
    "exported",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="also compare the app's settings at Slack, as its App Manifest page exports them",
)
@click.option(
    "--support", is_flag=True, help="also write a file to show to somebody who helps, without secrets and ids"
)
def command(config_path: Path | None, as_json: bool, offline: bool, exported: Path | None, support: bool) -> None:
    """Find what is wrong; exit 1 where something is, and 0 where there is nothing or warnings alone."""
    settings = _settings(config_path)
    logs.configure("error", "text", settings.secrets if settings else ())
    progress = sys.stderr.isatty() and not as_json
    findings = []
    for item in examine(
        config_path,
        os.environ,
        find_checkout(),
        offline=offline,
        exported=exported,
        tell=say if progress else lambda _: None,
    ):
        findings.append(item)
        if not as_json:
            _print(item)
    if support:
        _write_support(settings, findings)
    errors = sum(item.severity is Severity.ERROR for item in findings)
    if as_json:
        print_json({"ok": not errors, "findings": [_to_json(item) for item in findings]})
    elif not findings:
        click.echo("nothing is wrong")
    else:
        click.echo(f"{plural(errors, 'error')}, {plural(len(findings) - errors, 'warning')}")
    if errors:
        sys.exit(EXIT_FAILED)


def _settings(config_path: Path | None) -> Settings | None:
    try:
        return load_settings(config_path, os.environ, {})
    except ConfigError:
        return None  # the examination tells it


def _print(item: Finding) -> None:
    mark, colour = _MARKS[item.severity]
    click.echo(f"{click.style(mark, fg=colour)} {item.code}: {item.what}")
    click.echo(f"  why: {item.cause}")
    click.echo(f"  fix: {item.fix}")


def _to_json(item: Finding) -> dict[str, str]:
    return {
        "code": item.code,
        "severity": item.severity,
        "what": item.what,
        "cause": item.cause,
        "fix": item.fix,
    }


def _write_support(settings: Settings | None, findings: list[Finding]) -> None:
    path = Path(time.strftime("latchkey-support-%Y%m%dT%H%M%SZ.json", time.gmtime()))
    create_private_file(path, encode_json(bundle(settings, findings, __version__)))
    say(f"written: {path}; look through it before you send it to anybody")
