"""`latchkey config check`: everything for which `serve` would refuse to start, and more."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path

import click

from latchkey import logs
from latchkey.commands.context import acting_as_store_owner
from latchkey.commands.terminal import config_option, json_option, print_json, say
from latchkey.config import find_checkout, load_settings
from latchkey.errors import ConfigError, plural
from latchkey.preflight import (
    Finding,
    Severity,
    StartContext,
    invalid_configuration,
    run_config_checks,
)


@click.command("check")
@config_option
@json_option
@click.option(
    "--settings-only",
    is_flag=True,
    help="check only the values, for another machine: no listeners, addresses, files or folders",
)
def check(config_path: Path | None, as_json: bool, settings_only: bool) -> None:
    """Find everything that would prevent the start; exit code 78 if there is something.

    Loads the listener modules, which runs their code. Changes nothing.
    """
    findings = _findings(config_path, settings_only=settings_only)
    errors = [item for item in findings if item.severity is Severity.ERROR]
    warnings = [item for item in findings if item.severity is not Severity.ERROR]
    if as_json:
        print_json({"ok": not errors, "faults": _to_json(errors), "warnings": _to_json(warnings)})
    else:
        _print("latchkey", errors)
        _print("warning", warnings)
        if not errors:
            click.echo("configuration OK" + (f", {plural(len(warnings), 'warning')}" if warnings else ""))
    if errors:
        sys.exit(ConfigError.exit_code)


def _findings(config_path: Path | None, *, settings_only: bool) -> list[Finding]:
    try:
        settings = load_settings(config_path, os.environ, {}, with_slack_faults=True)
        if settings_only:
            settings.require_slack()
            return []
    except ConfigError as error:
        return invalid_configuration(error)
    logs.configure("error", "text", settings.secrets)
    context = StartContext(settings, find_checkout(), beside_server=True)
    with acting_as_store_owner(settings):
        return run_config_checks(context)


def _print(label: str, findings: Sequence[Finding]) -> None:
    """Print each finding, and what to do after those that need the same."""
    for fix, items in groupby(findings, lambda item: item.fix):
        for item in items:
            say(f"{label}: {item.message}")
        say(f"hint: {fix}")


def _to_json(findings: Sequence[Finding]) -> list[dict[str, str]]:
    return [{"code": item.code, "where": item.where, "problem": item.what, "fix": item.fix} for item in findings]
