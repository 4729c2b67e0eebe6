"""Which events have been seen: on disk, for at least 25 hours, at no cost in memory.

Rule: an id is kept under the ten minutes in which its event came, so that new
ids stand together at the end of their table and old ones are cut off at its
beginning. Who looks for one must know, or try, when it came.
"""

from __future__ import annotations

import hashlib

BUCKET_SECONDS = 600
KEPT_SECONDS = 25 * 3600
"""Slack's delayed retries go on for 24 hours (docs.slack.dev, Events API, "Delayed Events")."""
REPLAYABLE_SECONDS = 600
"""A signature holds for 300 s on either side of our clock: what is older must come as a retry."""
_DIGITS = 7
"""Hexadecimal digits of a bucket's number, enough until the year 7000."""


def record_id(event_id: str, received_at: float) -> str:
    """Return the id under which an event that came then is remembered; its hash, 64 bits, and so a fixed length."""
    return _bucket(received_at) + _hash(event_id)


def possible_record_ids(event_id: str, now: float, *, is_retry: bool, event_time: int | None) -> list[str]:
    """Return every id under which the event would stand if it had come before.

    The first time that Slack sends an event it says so, and then only a replay of the same signed
    bytes can have come before; that was within REPLAYABLE_SECONDS. Slack's own event time may be
    older, and widens the search.
    """
    oldest = now - KEPT_SECONDS - BUCKET_SECONDS
    if not is_retry:
        since = now - REPLAYABLE_SECONDS if event_time is None else min(event_time, now) - REPLAYABLE_SECONDS
        oldest = max(oldest, since)
    ending = _hash(event_id)
    first, last = int(oldest // BUCKET_SECONDS), int(now // BUCKET_SECONDS)
    # One more at the end, for a clock that has been set back since.
    return [f"{bucket:0{_DIGITS}x}{ending}" for bucket in range(max(first, 0), last + 2)]


def expired_before(now: float) -> str:
    """Return the id before which everything may be forgotten."""
    return _bucket(now - KEPT_SECONDS - BUCKET_SECONDS)


def _bucket(seconds: float) -> str:
    return f"{max(int(seconds // BUCKET_SECONDS), 0):0{_DIGITS}x}"


def _hash(event_id: str) -> str:
    return hashlib.blake2b(event_id.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()
