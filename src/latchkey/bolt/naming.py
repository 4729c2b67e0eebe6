"""Names the functions of a Bolt app as native listeners are named."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any


def name_of(function: Callable[..., Any]) -> str:
    """Return `module.qualified_name`; the same after a restart."""
    found: Any = function
    while isinstance(found, functools.partial):
        found = found.func
    found = found if hasattr(found, "__qualname__") else type(found)
    return f"{module_of(function)}.{found.__qualname__}"


def module_of(function: Callable[..., Any]) -> str:
    """Return the name of the module that defines the function."""
    found: Any = function
    while isinstance(found, functools.partial):
        found = found.func
    return str(getattr(found, "__module__", None) or type(found).__module__)
