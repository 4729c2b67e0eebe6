"""A clock that a test moves."""


class Clock:
    """Unix seconds, as told."""

    def __init__(self, now: float = 1_700_000_000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now
