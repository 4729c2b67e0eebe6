"""Checks that the packages that the app's requirements.txt names are installed."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from latchkey.doctor.doctor_context import DoctorContext
from latchkey.errors import PackagesError
from latchkey.packages import (
    compare,
    is_complete_release,
    read_locks,
    read_requirements,
    requirement_files,
)
from latchkey.preflight import Finding, Problem

REQUIREMENTS_INVALID = Problem.error(
    "requirements-invalid",
    cause="The app's requirements.txt, or a file that it includes, cannot be read.",
    fix="Correct it; docs/listeners.md says what it may contain.",
)
PACKAGES_CONFLICT = Problem.error(
    "packages-conflict",
    cause="The app wants a version other than the one that Latchkey is locked to and tested with.",
    fix="Change the line so that the locked version meets it, or remove the line.",
)
PACKAGES_MISSING = Problem.error(
    "packages-missing",
    cause="A package that the app's requirements.txt names is not installed, or is installed in another version.",
    fix="Start the server with ./latchkey serve, which installs them.",
)
PACKAGES_REPLACED = Problem.warning(
    "packages-replaced",
    cause="The app pins a package to another version than Latchkey is locked to; Latchkey's is used.",
    fix="Test the app with it. To end this warning, remove the line or name a range, such as slack-sdk>=3.41,<4.",
)
PROBLEMS = (REQUIREMENTS_INVALID, PACKAGES_CONFLICT, PACKAGES_MISSING, PACKAGES_REPLACED)

_FIX_OF_A_RELEASE = "Run latchkey install-service, which makes a release with them."
_FIX_WITHOUT_A_CHECKOUT = "Install them beside Latchkey: pip install -r {path}"


def check_packages(context: DoctorContext) -> Iterator[Finding]:
    """Compare the app's requirement files with the locked and the installed versions."""
    locks = read_locks(context.checkout, Path(sys.prefix))
    base = context.settings.base if context.settings.config_path else None
    for path in requirement_files(base, context.checkout):
        try:
            result = compare(read_requirements(path), locks)
        except PackagesError as error:
            yield REQUIREMENTS_INVALID.found(str(error), fix=error.hint)
            continue
        for line, wanted, version in result.conflicts:
            yield PACKAGES_CONFLICT.found(f"wants {wanted}, and Latchkey is locked to {version}", where=line.where)
        for line, wanted, version in result.missing:
            there = f"{version} is installed" if version else "it is not installed"
            yield PACKAGES_MISSING.found(f"wants {wanted}, and {there}", where=line.where, fix=_fix(context, path))
        for line, wanted, version in result.replaced:
            yield PACKAGES_REPLACED.found(f"wants {wanted}, and {version} is used", where=line.where)


def _fix(context: DoctorContext, path: Path) -> str:
    if context.checkout is None:
        return _FIX_WITHOUT_A_CHECKOUT.format(path=path)
    return _FIX_OF_A_RELEASE if is_complete_release(context.checkout) else PACKAGES_MISSING.fix
