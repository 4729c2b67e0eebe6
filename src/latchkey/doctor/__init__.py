"""Checks an installation and reports each problem with its cause and its fix."""

from latchkey.doctor.all_checks import run_checks
from latchkey.doctor.doctor_context import DoctorContext
from latchkey.doctor.findings import Finding, invalid_configuration
from latchkey.doctor.problems import PROBLEMS, Severity
from latchkey.doctor.support import support_bundle

__all__ = [
    "PROBLEMS",
    "DoctorContext",
    "Finding",
    "Severity",
    "invalid_configuration",
    "run_checks",
    "support_bundle",
]
