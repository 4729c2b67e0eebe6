"""What is examined: one configuration, and the store and the server that it names."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from latchkey.config import Settings


@dataclass(frozen=True)
class Patient:
    """A configuration that can be read."""

    settings: Settings
    environ: Mapping[str, str]
    file: Path
    """The config.toml that was read, or would have been."""
    checkout: Path | None
    """The folder of the program, where listener modules are looked for as well."""
    clock: Callable[[], float] = time.time
    """Unix seconds."""
