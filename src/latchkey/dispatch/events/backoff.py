"""How long a failed event waits for its retry."""

from __future__ import annotations

import random

FIRST_SECONDS = 1.0
FACTOR = 5.0
MAX_SECONDS = 600.0
JITTER = 0.25
"""At most this part more or less, so that events that failed together are not retried together."""
LONGEST_SECONDS = MAX_SECONDS * (1 + JITTER)


def delay(attempts: int, chance: random.Random) -> float:
    """Return the seconds to wait after this many attempts: about 1, 5, 25, 125, then 600."""
    seconds = min(FIRST_SECONDS * FACTOR ** (attempts - 1), MAX_SECONDS)
    return seconds * chance.uniform(1 - JITTER, 1 + JITTER)


def delay_by_age(age: float) -> float:
    """Return the seconds to wait for an event that is this old (in seconds), if attempts do not count."""
    return min(max(0.0, age / 4), MAX_SECONDS)
