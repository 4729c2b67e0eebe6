"""Checks that the listener modules can be loaded."""

from __future__ import annotations

from collections.abc import Iterator

from latchkey.errors import LatchkeyError
from latchkey.preflight.context import StartContext
from latchkey.preflight.problems import Finding, Problem

LISTENERS_FAILED = Problem.error(
    "listeners-failed",
    cause="A listener module cannot be imported, or its registration fails.",
    fix="Fix the module; the server does not start without it.",
)
PROBLEMS = (LISTENERS_FAILED,)


def check_listeners(context: StartContext) -> Iterator[Finding]:
    """Load the modules, which runs their code."""
    if isinstance(context.app, LatchkeyError):
        yield from LISTENERS_FAILED.refusals(context.app)
