"""What a check reports: a finding, which is one case of a known problem.

Invariant: a finding never contains a token, a key, a secret, or anything that people wrote.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from typing import NamedTuple

from latchkey.errors import ConfigError, Fault, LatchkeyError


class Severity(StrEnum):
    """How bad a problem is."""

    ERROR = "error"
    """Something does not work, or secrets are exposed."""
    WARNING = "warning"
    """Works now, but will fail eventually."""
    TODO = "todo"
    """Part of the setup that has not been done yet."""


class Problem(NamedTuple):
    """A kind of problem. Scripts rely on its code, which keeps its meaning."""

    code: str
    severity: Severity
    cause: str
    """Why it happens."""
    fix: str
    """What to do in general."""

    @classmethod
    def error(cls, code: str, *, cause: str, fix: str) -> Problem:
        return cls(code, Severity.ERROR, cause, fix)

    @classmethod
    def warning(cls, code: str, *, cause: str, fix: str) -> Problem:
        return cls(code, Severity.WARNING, cause, fix)

    def found(self, what: str, *, where: str = "", fix: str = "") -> Finding:
        """Return a case of this problem: what was found, and where. `fix` replaces the general one."""
        return Finding(self, self.severity, where, what, fix or self.fix)

    def refusals(self, error: LatchkeyError) -> Iterator[Finding]:
        """Yield a case for each fault of an error with which the server refuses to start."""
        faults = error.faults if isinstance(error, ConfigError) else [Fault("", str(error))]
        for fault in faults:
            yield Finding(self, self.severity, fault.where, fault.problem, error.hint or self.fix, error)


class Finding(NamedTuple):
    """One problem of this installation."""

    problem: Problem
    severity: Severity
    where: str
    """The setting, file or address; empty if `what` names it."""
    what: str
    """What was found."""
    fix: str
    refusal: LatchkeyError | None = None
    """The error with which the server refuses to start; None if it starts."""

    @property
    def code(self) -> str:
        return self.problem.code

    @property
    def cause(self) -> str:
        return self.problem.cause

    @property
    def message(self) -> str:
        """What was found, and where."""
        return f"{self.where}: {self.what}" if self.where else self.what


CONFIG_INVALID = Problem.error(
    "config-invalid",
    cause="A setting is unknown or has an invalid value.",
    fix="Correct it; docs/reference.md explains every setting.",
)


def invalid_configuration(refusal: ConfigError) -> list[Finding]:
    """Return a finding for each fault in a configuration that cannot be loaded."""
    return list(CONFIG_INVALID.refusals(refusal))
