"""Clocks that a test sets."""

import asyncio


class Clock:
    """Returns `now`, in Unix seconds; a test changes it."""

    def __init__(self, now: float = 1_700_000_000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


class SleepingClock(Clock):
    """A clock on which code under test also sleeps: until a test has moved it far enough."""

    def __init__(self, now: float = 1_700_000_000.0) -> None:
        super().__init__(now)
        self._sleepers: list[tuple[float, asyncio.Future[None]]] = []

    @property
    def sleepers(self) -> int:
        """How many sleep now."""
        return len(self._sleepers)

    async def sleep(self, seconds: float) -> None:
        future = asyncio.get_running_loop().create_future()
        self._sleepers.append((self.now + seconds, future))
        await future

    def move(self, seconds: float) -> None:
        """Move the clock, and wake those whose time has come."""
        self.now += seconds
        due = [future for until, future in self._sleepers if until <= self.now]
        self._sleepers = [(until, future) for until, future in self._sleepers if until > self.now]
        for future in due:
            if not future.done():
                future.set_result(None)
