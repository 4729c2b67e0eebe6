"""A clock that a test sets."""


class Clock:
    """Returns `now`, in Unix seconds; a test changes it."""

    def __init__(self, now: float = 1_700_000_000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now
