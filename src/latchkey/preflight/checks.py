"""The list of checks before a start, and what the server does with their findings."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from latchkey.errors import StartRefused
from latchkey.preflight import address_checks, bolt_checks, listener_checks, setting_checks, storage_checks
from latchkey.preflight.context import StartContext
from latchkey.preflight.problems import Finding, Problem
from latchkey.preflight.public_host import check_public_host

START_CHECKS: tuple[Callable[[StartContext], Iterator[Finding]], ...] = (
    setting_checks.check_settings,
    storage_checks.check_storage,
    address_checks.check_addresses,
    listener_checks.check_listeners,
    bolt_checks.check_bolt,
)
PROBLEMS: tuple[Problem, ...] = (
    *setting_checks.PROBLEMS,
    *listener_checks.PROBLEMS,
    *bolt_checks.PROBLEMS,
    *address_checks.PROBLEMS,
    *storage_checks.PROBLEMS,
)


def run_config_checks(context: StartContext) -> list[Finding]:
    """Return every finding of the start checks, and of those that `config check` makes besides.

    The server may not be able to make these: systemd hides the backups from it.
    """
    found = [*run_start_checks(context), *storage_checks.check_folders(context)]
    if not any(finding.problem in storage_checks.PROBLEMS and finding.refusal for finding in found):
        found += storage_checks.check_opening(context)
    return [*found, *check_public_host(context)]


def run_start_checks(context: StartContext) -> list[Finding]:
    """Return every finding. Changes nothing, but runs the code of the listener modules."""
    return [finding for check in START_CHECKS for finding in check(context)]


def refuse_start(findings: Iterable[Finding]) -> None:
    """Raise the errors that prevent a start: a single one as it is, several as StartRefused."""
    errors = list(dict.fromkeys(finding.refusal for finding in findings if finding.refusal is not None))
    if len(errors) == 1:
        raise errors[0]
    if errors:
        raise StartRefused(errors)
