"""`latchkey events`: lists unfinished events, and retries or drops failed ones."""

from __future__ import annotations

import itertools
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import click

from latchkey.commands.context import configured_store
from latchkey.commands.terminal import (
    CommandGroup,
    Number,
    Word,
    config_option,
    confirm,
    duration,
    json_option,
    print_json,
    print_table,
    print_values,
    say,
    utc,
    yes_option,
)
from latchkey.errors import EXIT_FAILED, LatchkeyError, PayloadError, UnreadableRecord, plural
from latchkey.slackapi.json_text import decode_json
from latchkey.slackapi.requests import parse
from latchkey.storage import CommandStore, EventStatus, StoredEvent

DEFAULT_LIMIT = 100
_HIDDEN = "********"


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
@click.option(
    "--limit",
    type=Number(1),
    metavar="N",
    default=DEFAULT_LIMIT,
    show_default=True,
    help="maximum number of events to list",
)
def list_events(config_path: Path | None, as_json: bool, wanted: str | None, team: str | None, limit: int) -> None:
    """List unfinished events, failed ones first.

    Their statuses are: waiting (queued or running), retrying (waits for its next attempt), failed (no attempt is left),
    replaying (`latchkey events retry` was run for it).
    """
    with configured_store(config_path) as store:
        events = store.event_admin.all([EventStatus(wanted)] if wanted else list(EventStatus))
        rows = (_to_json(event) for event in events)
        found = list(itertools.islice((row for row in rows if team in (None, row["team"])), limit + 1))
    shown = found[:limit]
    if as_json:
        print_json({"events": shown, "more": len(found) > limit})
        return
    columns = ("event_id", "status", "team", "type", "received", "attempts", "error")
    print_table(columns, [[_cell(row, column) for column in columns] for row in shown])
    if not shown:
        say("no events")
    if len(found) > limit:
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
    described = _to_json(event)
    if body:
        described["body"] = _body(event)
    if as_json:
        print_json(described)
        return
    sent = described.pop("body", None)
    print_values((name, _cell(described, name)) for name in described)
    if sent is not None:
        print_json(sent)


@group.command("retry")
@click.argument("event_ids", metavar="EVENT_ID...|--all", nargs=-1)
@click.option("--all", "everything", is_flag=True, help="all failed events")
@config_option
def retry(event_ids: tuple[str, ...], everything: bool, config_path: Path | None) -> None:
    """Run failed events again, as if they had just arrived.

    A running server starts them within two seconds, a stopped one at its next start.
    """
    with configured_store(config_path) as store:
        chosen = _chosen(store, event_ids, everything)
        _each(store, chosen, store.event_admin.replay, "will run again")


@group.command("drop")
@click.argument("event_ids", metavar="EVENT_ID...|--all", nargs=-1)
@click.option("--all", "everything", is_flag=True, help="all failed events")
@config_option
@yes_option
def drop(event_ids: tuple[str, ...], everything: bool, config_path: Path | None, yes: bool) -> None:
    """Delete failed events permanently."""
    with configured_store(config_path) as store:
        chosen = _chosen(store, event_ids, everything)
        if chosen:
            confirm(f"Delete {plural(len(chosen), 'event')} permanently?", yes=yes)
        _each(store, chosen, store.event_admin.drop, "deleted")


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


def _to_json(event: StoredEvent | UnreadableRecord) -> dict[str, Any]:
    """Return what is shown of an event, which includes nothing that a person wrote."""
    if isinstance(event, UnreadableRecord):
        return {"event_id": event.record_id, "status": "unreadable", "team": None, "error": event.reason}
    team, kind = _team_and_type(event)
    return {
        "event_id": event.event_id,
        "status": event.status.value,
        "team": team,
        "type": kind,
        "received": event.received_at,
        "request_id": event.request_id,
        "attempts": event.attempts,
        "next_try": event.due_at if event.status is EventStatus.RETRYING else None,
        "listeners": event.listeners,
        "error": event.error or None,
    }


def _team_and_type(event: StoredEvent) -> tuple[str | None, str | None]:
    try:
        payload = parse("application/json", event.body)
    except PayloadError:
        return None, None
    return payload.workspace.team_id or payload.workspace.enterprise_id, payload.type


def _body(event: StoredEvent) -> dict[str, Any]:
    """Return what Slack sent, without the verification token that it still includes."""
    body: dict[str, Any] = decode_json(event.body)
    return {**body, "token": _HIDDEN} if "token" in body else body


def _cell(row: dict[str, Any], column: str) -> object:
    value = row.get(column)
    return utc(value) if column in ("received", "next_try") and value is not None else value


def _chosen(store: CommandStore, event_ids: Iterable[str], everything: bool) -> list[str]:
    named = list(dict.fromkeys(event_ids))
    if everything == bool(named):
        raise click.UsageError("give either event ids, or --all for all failed events")
    if not everything:
        return named
    failed = store.event_admin.all([EventStatus.FAILED])
    return [event.event_id if isinstance(event, StoredEvent) else event.record_id for event in failed]


def _each(store: CommandStore, event_ids: list[str], act: Callable[[str], bool], done: str) -> None:
    """Call `act` for each event; ends the command with EXIT_FAILED if one had not failed or cannot be read."""
    count, all_done = 0, True
    for event_id in event_ids:
        try:
            acted = act(event_id)
        except UnreadableRecord as error:
            say(f"latchkey: {error}")
            all_done = False
            continue
        if acted:
            count += 1
            continue
        all_done = False
        event = store.event_admin.find(event_id)
        say(
            f"latchkey: event {event_id} has not failed; its status is {event.status.value}"
            if event
            else f"latchkey: there is no failed event {event_id}"
        )
    click.echo(f"{plural(count, 'event')} {done}")
    if not all_done:
        sys.exit(EXIT_FAILED)
