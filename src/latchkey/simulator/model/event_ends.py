"""The end of an attempt at an event, as the app's own server reports it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class EventEnd:
    """The listeners of an event have ended, or could not run."""

    event_id: str
    attempt: int
    """1 is the first; 0: no listener could run."""
    seconds: float
    """How long they ran."""
    outcome: str
    """done, retry or failed."""
    retry_seconds: float | None = None
    """How long until the server tries the event again; None if it does not."""

    @property
    def is_done(self) -> bool:
        return self.outcome == "done"

    @property
    def sentence(self) -> str:
        """What has happened, for people."""
        took = f"{self.seconds:.1f} s" if self.seconds >= 1 else f"{self.seconds * 1000:.0f} ms"
        if self.is_done:
            return f"Stored; the listeners ended after {took}, attempt {self.attempt}."
        failed = f"a listener failed after {took}, attempt {self.attempt}" if self.attempt else "no listener could run"
        if self.retry_seconds is None:
            return f"Stored; {failed}, and the server does not try it again."
        return f"Stored; {failed}. The server tries it again in {self.retry_seconds:.0f} s."
