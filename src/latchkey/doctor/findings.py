"""What a check reports.

Invariant: a finding never contains a token, a key, a secret, or anything that people wrote.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from latchkey.doctor.problems import PROBLEMS, Severity
from latchkey.errors import ConfigError


class Finding(NamedTuple):
    """One problem of this installation."""

    code: str
    """A key of PROBLEMS."""
    message: str
    """What was found, and where."""
    fix: str

    @property
    def severity(self) -> Severity:
        return PROBLEMS[self.code].severity

    @property
    def cause(self) -> str:
        return PROBLEMS[self.code].cause


def finding(code: str, message: str, fix: str = "") -> Finding:
    """Return a finding; `fix` replaces the general one of its code."""
    return Finding(code, message, fix or PROBLEMS[code].fix)


def invalid_configuration(error: ConfigError) -> Iterator[Finding]:
    """Return one finding per fault in a configuration that cannot be loaded."""
    return (finding("config-invalid", line, error.hint) for line in error.lines)
