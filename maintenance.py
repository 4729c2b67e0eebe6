"""The administrator's commands.

Rules of output: results go to stdout, everything else to stderr; `--json` means
one JSON document on stdout and nothing else; an error is one line, and a line
`hint:` says what to do. A secret is never shown. Exit codes: 0 done, 1 failed,
2 usage, 78 bad configuration.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click
import msgspec

import config
from errors import ConfigError, LatchkeyError

VERSION = "0.1.0"
EXIT_FAILED = 1
EXIT_CONFIG = 78

F = TypeVar("F", bound=Callable[..., Any])


def _config_option(function: F) -> F:
    return click.option(
        "--config",
        "file",
        type=click.Path(path_type=Path),
        metavar="FILE",
        help="config.toml (default: the one in this folder)",
    )(function)


def _json_option(function: F) -> F:
    return click.option("--json", "as_json", is_flag=True, help="print one JSON document")(function)


@click.group(
    name="latchkey",
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Also: serve (the server), demo (try it without a Slack account), test, bench; each has --help.",
)
@click.version_option(VERSION, prog_name="latchkey")
def cli() -> None:
    """Latchkey, a self-hosted Slack app server."""


@cli.group("config")
def config_group() -> None:
    """What is configured, and whether it can be used."""


@config_group.command("check")
@_config_option
@_json_option
def check(file: Path | None, as_json: bool) -> None:
    """Say all that is wrong with the configuration, or that nothing is."""
    try:
        config.load(file, os.environ, {}).require_slack()
    except ConfigError as error:
        if not as_json:
            raise
        faults = [{"where": fault.where, "problem": fault.problem} for fault in error.faults]
        _print_json({"ok": False, "faults": faults})
        sys.exit(EXIT_CONFIG)
    if as_json:
        _print_json({"ok": True, "faults": []})
    else:
        click.echo("the configuration is good")


@config_group.command("show")
@_config_option
@_json_option
def show(file: Path | None, as_json: bool) -> None:
    """Show every setting, its value, and where that came from; secrets are masked."""
    settings = config.load(file, os.environ, {})
    rows = _settings(settings)
    if as_json:
        _print_json({name: {"value": value, "from": origin} for name, value, origin in rows})
    elif sys.stdout.isatty():
        _print_table(rows)
    else:
        for name, value, origin in rows:
            click.echo(f"{name}\t{_as_text(value)}\t{origin}")


def _settings(settings: config.Config) -> list[tuple[str, Any, str]]:
    rows = []
    for section, kind in config.SECTIONS.items():
        for key in kind.__struct_fields__:
            name = f"{section}.{key}"
            rows.append((name, getattr(getattr(settings, section), key), settings.origins[name]))
    secrets = {"client_secret": settings.client_secret, "signing_secret": settings.signing_secrets}
    for name, secret in secrets.items():
        masked = "********" if secret else None
        rows.append((f"slack.{name}", masked, settings.origins.get(f"slack.{name}", "not set")))
    return rows


def _print_table(rows: list[tuple[str, Any, str]]) -> None:
    from rich.console import Console  # only where there is a terminal to draw on
    from rich.table import Table

    table = Table("setting", "value", "from", box=None, pad_edge=False, header_style="bold")
    for name, value, origin in rows:
        table.add_row(name, _as_text(value), origin)
    Console().print(table)


def _as_text(value: Any) -> str:
    if isinstance(value, list):
        return ",".join(value)
    if isinstance(value, bool):
        return str(value).lower()
    return "" if value is None else str(value)


def _print_json(document: object) -> None:
    click.echo(msgspec.json.format(msgspec.json.encode(document), indent=2).decode())


def main() -> int:
    """Run the command on the command line; returns the exit code."""
    try:
        return int(cli.main(standalone_mode=False) or 0)
    except ConfigError as error:
        _complain([f"{fault.where}: {fault.problem}" for fault in error.faults], error.hint)
        return EXIT_CONFIG
    except LatchkeyError as error:
        _complain([str(error)], error.hint)
        return EXIT_FAILED
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except click.Abort:
        return EXIT_FAILED


def _complain(lines: list[str], hint: str) -> None:
    for line in lines:
        click.echo(f"latchkey: {line}", err=True)
    if hint:
        click.echo(f"hint: {hint}", err=True)


if __name__ == "__main__":
    sys.exit(main())
