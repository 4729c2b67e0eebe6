"""A crash must not write keys and tokens to a file."""

from __future__ import annotations

import resource


def forbid_core_dumps() -> None:
    """Let this process, and those that it starts, leave no core file behind, whatever the limit was."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
