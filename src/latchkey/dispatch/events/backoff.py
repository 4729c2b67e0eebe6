"""How long a failed event waits: longer each time, and never the same for all that failed together."""

from __future__ import annotations

import random

FIRST_SECONDS = 1.0
FACTOR = 5.0
LONGEST_SECONDS = 600.0


def delay(attempts: int, chance: random.Random) -> float:
    """Return seconds to wait after so many attempts: about 1, 5, 25, 125, then 600, each 25 % more or less."""
    seconds = min(FIRST_SECONDS * FACTOR ** (attempts - 1), LONGEST_SECONDS)
    return seconds * chance.uniform(0.75, 1.25)
