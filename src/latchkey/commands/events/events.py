"""`latchkey events`: counts, lists and shows unfinished events."""

from __future__ import annotations

import time
from collections import Counter
from pathlib import Path
from typing import Any

import click

from latchkey.commands.context import configured_store
from latchkey.commands.events.event_rows import cell, sent_body, to_json
from latchkey.commands.events.failed_events import drop, retry
from latchkey.commands.terminal import (
    CommandGroup,
    Word,
    config_option,
    duration,
    first,
    json_option,
    limit_option,
    print_json,
    print_table,
    print_values,
    say,
)
from latchkey.errors import LatchkeyError, UnreadableRecord
from latchkey.storage import CommandStore, EventStatus


@click.group("events", cls=CommandGroup)
def group() -> None:
    """Look at unfinished events; retry or drop failed ones.

    An event is unfinished from its acknowledgement until its listeners have succeeded.
    """


@group.command("status")
@config_option
@json_option
def status(config_path: Path | None, as_json: bool) -> None:
    """Count unfinished events by status; show the age of the oldest."""
    with configured_store(config_path) as store:
        counts = _counts(store)
    if as_json:
        print_json(counts)
        return
    age = counts["oldest_seconds"]
    print_values(
        [
            ("waiting or running", counts["waiting"]),
            ("waiting for a retry", counts["retrying"]),
            ("failed, no retries left", counts["failed"]),
            ("replay requested", counts["replaying"]),
            ("unreadable records", counts["unreadable"]),
            ("age of the oldest", duration(age) if age is not None else "none"),
            ("ids kept to ignore duplicates", counts["seen_ids"]),
        ],
    )


@group.command("list")
@config_option
@json_option
@click.option(
    "--status",
    "wanted",
    type=Word([status.value for status in EventStatus]),
    help="only events with this status",
)
@click.option("--team", metavar="TEAM_ID", help="only events of this workspace")
@limit_option("events")
def list_events(config_path: Path | None, as_json: bool, wanted: str | None, team: str | None, limit: int) -> None:
    """List unfinished events, failed ones first.

    Their statuses are: waiting (queued or running), retrying (waits for its next attempt), failed (no attempt is left),
    replaying (`latchkey events retry` was run for it).
    """
    with configured_store(config_path) as store:
        events = store.event_admin.all([EventStatus(wanted)] if wanted else list(EventStatus))
        rows = (to_json(event) for event in events)
        shown, more = first(limit, (row for row in rows if team in (None, row["team"])))
    if as_json:
        print_json({"events": shown, "more": more})
        return
    columns = ("event_id", "status", "team", "type", "received", "attempts", "error")
    print_table(columns, [[cell(row, column) for column in columns] for row in shown])
    if not shown:
        say("no events")
    if more:
        say(f"there are more; list them with --limit {10 * limit}")


@group.command("show")
@click.argument("event_id")
@config_option
@json_option
@click.option("--body", is_flag=True, help="also show what Slack sent, including what people wrote")
def show(event_id: str, config_path: Path | None, as_json: bool, body: bool) -> None:
    """Show an unfinished event: its status, its attempts, and its last error."""
    with configured_store(config_path) as store:
        event = store.event_admin.find(event_id)
    if event is None:
        raise LatchkeyError(f"there is no unfinished event {event_id}")
    described = to_json(event)
    if body:
        described["body"] = sent_body(event)
    if as_json:
        print_json(described)
        return
    sent = described.pop("body", None)
    print_values((name, cell(described, name)) for name in described)
    if sent is not None:
        print_json(sent)


group.add_command(retry)
group.add_command(drop)


def _counts(store: CommandStore) -> dict[str, Any]:
    counts: Counter[str] = Counter({status.value: 0 for status in EventStatus})
    unreadable, oldest = 0, None
    for event in store.event_admin.all():
        if isinstance(event, UnreadableRecord):
            unreadable += 1
            continue
        counts[event.status.value] += 1
        if event.status is not EventStatus.FAILED:
            oldest = min(oldest or event.received_at, event.received_at)
    age = None if oldest is None else round(max(0.0, time.time() - oldest), 1)
    return {
        **counts,
        "unreadable": unreadable,
        "oldest_seconds": age,
        "seen_ids": store.event_admin.count_seen_ids(),
    }
