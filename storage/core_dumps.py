"""Keeps keys and tokens out of core dumps, and out of reach of other processes of the same user."""

from __future__ import annotations

import ctypes
import resource

PR_SET_DUMPABLE = 4
"""prctl(2)."""


def forbid_core_dumps() -> None:
    """Disable core dumps of this process, and reading its memory, except by root.

    RLIMIT_CORE, which the programs that it starts inherit, has no effect if the kernel pipes core dumps to a program
    (core(5)). A process that is not dumpable has none, and its user can neither trace it nor read its /proc/PID/mem.
    """
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    ctypes.CDLL(None).prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)
