"""Errors that keep the server or a command from starting."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from latchkey.errors.base import LatchkeyError


class Fault(NamedTuple):
    """One error in the configuration."""

    where: str
    """The file and key, or the environment variable."""
    problem: str
    """What is wrong, and what is expected."""
    setting: str = ""
    """The setting as "section.key", if the fault is in the value of one."""


class ConfigError(LatchkeyError):
    """The configuration is invalid; `faults` contains every error found, not only the first."""

    exit_code = 78  # sysexits.h, EX_CONFIG

    def __init__(self, faults: Sequence[Fault], *, hint: str = "") -> None:
        super().__init__("; ".join(f"{fault.where}: {fault.problem}" for fault in faults), hint=hint)
        self.faults = tuple(faults)

    @property
    def lines(self) -> list[str]:
        return [f"{fault.where}: {fault.problem}" for fault in self.faults]


class StartRefused(LatchkeyError):
    """The server cannot start; `parts` has every reason. The exit code is that of an invalid configuration, if any."""

    def __init__(self, errors: Sequence[LatchkeyError]) -> None:
        super().__init__("; ".join(map(str, errors)))
        self._errors = tuple(errors)
        self.exit_code = max(error.exit_code for error in errors)

    @property
    def parts(self) -> Sequence[LatchkeyError]:
        return self._errors


class ListenerLoadError(LatchkeyError):
    """A module named in `[listeners] modules` cannot be imported, or registers a listener that cannot work."""

    def __init__(self, module: str, reason: str, *, hint: str = "") -> None:
        super().__init__(f"listener module {module}: {reason}", hint=hint)
        self.module = module
        self.reason = reason


class PackagesError(LatchkeyError):
    """The packages that an app's requirements.txt names cannot be read or installed.

    The message may have several lines. `output` is what pip printed, if only that says why; otherwise empty.
    """

    def __init__(self, message: str, *, hint: str = "", output: str = "") -> None:
        super().__init__(message, hint=hint)
        self.output = output

    @property
    def lines(self) -> list[str]:
        return str(self).splitlines()
