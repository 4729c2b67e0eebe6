"""The ids of events that were seen: kept on disk for at least 25 hours, without any cost in memory.

A record's id begins with a time, so that new ids are next to each other at the end of their table and old ones are
deleted from its beginning. The time is Slack's event time, which every copy of an event repeats: one look-up finds it.
An event without a usable event time has the ten minutes in which it was received instead (an arrival id). Whether
another copy was received must then be looked up for each ten minutes in which it can have been.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from latchkey.storage.inbox.stored_event import StoredEvent

BUCKET_SECONDS = 600
KEPT_SECONDS = 25 * 3600
"""Slack's delayed retries go on for 24 hours (docs.slack.dev, Events API, "Delayed Events")."""
REPLAYABLE_SECONDS = 600
"""A signature is valid for 300 s before and after its timestamp by our clock: older copies must come as retries."""
MAX_EVENT_AGE_SECONDS = 3600
"""An event whose event time was further back when it was received has an arrival id, so that ids with an event time
need to be kept only this much longer."""
MAX_EVENT_LEAD_SECONDS = KEPT_SECONDS + 2 * BUCKET_SECONDS
"""The same for an event time in the future. Slack sends none; a wrong one must not keep its id for years. It is longer
than KEPT_SECONDS: once such a time has come, no earlier copy can have an arrival id."""
_DIGITS = 7
"""Hexadecimal digits of a bucket's number, enough until the year 7000."""


def seen_id(event: StoredEvent) -> str:
    """Return the record id under which this event is remembered.

    It is a time and a hash of the event's id, 64 bits, so that all have one length.
    """
    if _is_usable(event.event_time, event.received_at):
        return _event_time_prefix(event.event_time or 0.0) + _hash(event.event_id)
    return _bucket(event.received_at) + _hash(event.event_id)


def accepted_id(event: StoredEvent) -> str:
    """Return the record id under which the event is remembered from its acceptance on, if there are several servers."""
    return accepted_form(seen_id(event))


def accepted_form(record_id: str) -> str:
    """Return the id of an accepted event for a seen id; it sorts beside it, and expires with it."""
    return record_id + "+"


def possible_ids(event: StoredEvent, now: float, *, arrival_ids_until: float) -> Sequence[str]:
    """Return every id that another copy of this event can have, if one was received in the last 25 hours.

    Until `arrival_ids_until` (Unix seconds), events with a usable event time may have been given arrival ids too.

    If Slack doesn't call this copy a retry, then only a replay of the same signed bytes can have been received before,
    within REPLAYABLE_SECONDS. Slack's event time may be older, and widens the search.
    """
    latest = now + BUCKET_SECONDS  # the clock may have been set back since
    oldest = now - KEPT_SECONDS - BUCKET_SECONDS
    event_time = event.event_time
    if event.retry_num is None:
        sent_at = now if event_time is None else min(event_time, now)
        oldest = max(oldest, sent_at - REPLAYABLE_SECONDS)
    ending = _hash(event.event_id)
    if event_time is None:
        return _arrival_ids(oldest, latest, ending)
    return [
        _event_time_prefix(event_time) + ending,
        *_arrival_ids(oldest, min(latest, arrival_ids_until + BUCKET_SECONDS), ending),
        *_arrival_ids(max(oldest, event_time + MAX_EVENT_AGE_SECONDS), latest, ending),
        *_arrival_ids(oldest, min(latest, event_time - MAX_EVENT_LEAD_SECONDS), ending),
    ]


def expired_before(now: float) -> str:
    """Return the record id before which all are old enough to be deleted."""
    return _bucket(now - KEPT_SECONDS - MAX_EVENT_AGE_SECONDS - BUCKET_SECONDS)


def _is_usable(event_time: float | None, received_at: float) -> bool:
    return (
        event_time is not None
        and received_at - MAX_EVENT_AGE_SECONDS <= event_time <= received_at + MAX_EVENT_LEAD_SECONDS
    )


def _event_time_prefix(event_time: float) -> str:
    """Return a bucket's number and the microseconds in it: such ids sort and expire together with arrival ids."""
    bucket, microseconds = divmod(round(event_time * 1_000_000), BUCKET_SECONDS * 1_000_000)
    return f"{bucket:0{_DIGITS}x}{microseconds:08x}"


def _bucket(seconds: float) -> str:
    return f"{max(int(seconds // BUCKET_SECONDS), 0):0{_DIGITS}x}"


def _arrival_ids(first: float, last: float, ending: str) -> Sequence[str]:
    """Return the arrival ids of all buckets from one time to the other; none if `last` is before `first`."""
    if last < first:
        return ()
    buckets = range(max(int(first // BUCKET_SECONDS), 0), int(last // BUCKET_SECONDS) + 1)
    return [f"{bucket:0{_DIGITS}x}{ending}" for bucket in buckets]


def _hash(event_id: str) -> str:
    return hashlib.blake2b(event_id.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()
