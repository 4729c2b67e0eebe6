"""Runs every check. The order matters: an early finding often explains later ones."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from latchkey.doctor.check_app_manifest import check_app_manifest
from latchkey.doctor.check_backups import check_backups
from latchkey.doctor.check_configuration import check_configuration
from latchkey.doctor.check_network import check_network
from latchkey.doctor.check_service import check_service
from latchkey.doctor.check_slack_app import check_slack_app
from latchkey.doctor.check_store import check_store
from latchkey.doctor.doctor_context import DoctorContext
from latchkey.doctor.findings import Finding

CHECKS: tuple[Callable[[DoctorContext], Iterator[Finding]], ...] = (
    check_configuration,
    check_store,
    check_backups,
    check_service,
    check_network,
    check_slack_app,
    check_app_manifest,
)


def run_checks(context: DoctorContext) -> Iterator[Finding]:
    """Yield every finding."""
    for number, check in enumerate(CHECKS):
        context.progress("checks", number, len(CHECKS))
        yield from check(context)
