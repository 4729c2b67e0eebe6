"""Checks an installation and reports each problem with its cause and its fix."""

from latchkey.doctor.all_checks import PROBLEMS, run_checks
from latchkey.doctor.doctor_context import DoctorContext
from latchkey.doctor.support import support_bundle

__all__ = ["PROBLEMS", "DoctorContext", "run_checks", "support_bundle"]
