"""Runs every check. The order matters: an early finding often explains later ones."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from latchkey import preflight
from latchkey.doctor import (
    check_backups,
    check_events,
    check_network,
    check_service,
    check_slack_app,
    check_store,
    check_tokens,
)
from latchkey.doctor.app import MANIFEST_PROBLEMS, PACKAGE_PROBLEMS, check_app_manifest, check_packages
from latchkey.doctor.doctor_context import DoctorContext
from latchkey.doctor.setup import as_setup
from latchkey.preflight import Finding, Problem

CHECKS: tuple[Callable[[DoctorContext], Iterator[Finding]], ...] = (
    preflight.check_settings,
    preflight.check_folders,
    preflight.check_addresses,
    check_packages,  # a missing one explains why a listener module cannot be imported
    preflight.check_listeners,
    check_store.check_store,  # checks more than the start does
    check_events.check_events,
    check_tokens.check_tokens,
    check_backups.check_backups,
    check_service.check_service,
    check_network.check_network,
    check_slack_app.check_slack_app,
    check_app_manifest,
)
PROBLEMS: tuple[Problem, ...] = (
    *preflight.PROBLEMS,
    *PACKAGE_PROBLEMS,
    *check_store.PROBLEMS,
    *check_events.PROBLEMS,
    *check_tokens.PROBLEMS,
    *check_backups.PROBLEMS,
    *check_service.PROBLEMS,
    *check_network.PROBLEMS,
    *check_slack_app.PROBLEMS,
    *MANIFEST_PROBLEMS,
)


def run_checks(context: DoctorContext) -> list[Finding]:
    """Return every finding; before the first start, what is only not set up yet has the severity TODO."""
    found = []
    for number, check in enumerate(CHECKS):
        context.progress("checks", number, len(CHECKS))
        # The running server is what the doctor checks.
        found += [item for item in check(context) if item.problem is not preflight.ADDRESS_IN_USE]
    return as_setup(context.settings, found)
