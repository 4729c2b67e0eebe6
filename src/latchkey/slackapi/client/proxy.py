"""Which proxy, if any, a URL is reached through. The caller decides; nothing here looks at the environment."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

ProxyFor: TypeAlias = Callable[[str], Mapping[str, Any]]
"""Returns the arguments `proxy` and `proxy_headers` of a request of aiohttp for a URL; none to reach it directly."""


def no_proxy(_: str) -> Mapping[str, Any]:
    """Default: every URL is reached directly."""
    return {}
