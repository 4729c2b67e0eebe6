"""Disables core dumps, which would write keys and tokens to a file."""

from __future__ import annotations

import resource


def forbid_core_dumps() -> None:
    """Disable core dumps of this process and of those that it starts."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
