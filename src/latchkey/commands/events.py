"""`latchkey events`: the events that are not done, and what is to become of those that were set aside."""

from __future__ import annotations

import itertools
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import click
import msgspec

from latchkey.commands.context import configured_store
from latchkey.commands.output import (
    EXIT_FAILED,
    CommandGroup,
    config_option,
    confirm,
    duration,
    json_option,
    plural,
    print_json,
    print_table,
    say,
    utc,
    yes_option,
)
from latchkey.errors import LatchkeyError, PayloadError, UnreadableRecord
from latchkey.slackapi.requests import parse
from latchkey.storage import Entry, Event, State, Store, Tried

LISTED = 100
_HIDDEN = "********"


@click.group("events", cls=CommandGroup)
def group() -> None:
    """The inbox: events that Slack was told are kept, and that are not done."""


@group.command("status")
@config_option
@json_option
def status(config_path: Path | None, as_json: bool) -> None:
    """Count the events in each state, and say how old the oldest of them is."""
    with configured_store(config_path) as store:
        figures = _status_to_json(store)
    if as_json:
        print_json(figures)
        return
    age = figures["oldest_seconds"]
    print_table(
        ("", "events"),
        [
            ("waiting for their listeners, or in them", figures["waiting"]),
            ("to be tried again after a failure", figures["retrying"]),
            ("set aside after the last try", figures["aside"]),
            ("set aside before, to be tried again now", figures["again"]),
            ("records that cannot be opened", figures["unreadable"]),
            ("age of the oldest", duration(age) if age is not None else "none"),
            ("remembered, so that they run once", figures["remembered"]),
        ],
    )


@group.command("list")
@config_option
@json_option
@click.option("--state", type=click.Choice([state.value for state in State]), help="only those in this state")
@click.option("--team", metavar="TEAM_ID", help="only those of this workspace")
@click.option("--limit", type=click.IntRange(1), default=LISTED, show_default=True, help="so many at most")
def list_events(config_path: Path | None, as_json: bool, state: str | None, team: str | None, limit: int) -> None:
    """List events that are not done, those that were set aside first."""
    with configured_store(config_path) as store:
        entries = store.event_records.entries([State(state)] if state else list(State))
        rows = (_event_to_json(entry) for entry in entries)
        wanted = list(itertools.islice((row for row in rows if team in (None, row["team"])), limit + 1))
    shown = wanted[:limit]
    if as_json:
        print_json({"events": shown, "more": len(wanted) > limit})
        return
    columns = ("event_id", "state", "team", "type", "received", "attempts", "error")
    print_table(columns, [[_cell(row, column) for column in columns] for row in shown])
    if not shown:
        say("no events")
    if len(wanted) > limit:
        say(f"there are more; see them with --limit {10 * limit}")


@group.command("show")
@click.argument("event_id")
@config_option
@json_option
@click.option("--body", is_flag=True, help="also what Slack sent, with what people wrote in it")
def show(event_id: str, config_path: Path | None, as_json: bool, body: bool) -> None:
    """Show one event: where it stands, how often it was tried, and what went wrong."""
    with configured_store(config_path) as store:
        entry = store.event_records.find(event_id)
    if entry is None or isinstance(entry.tried, UnreadableRecord):
        raise LatchkeyError(f"there is no event {event_id} that is not done")
    described = _event_to_json(entry)
    if body:
        described["body"] = _body(entry.tried.event)
    if as_json:
        print_json(described)
        return
    sent = described.pop("body", None)
    print_table(("", ""), [(name, _cell(described, name)) for name in described])
    if sent is not None:
        print_json(sent)


@group.command("retry")
@click.argument("event_ids", metavar="EVENT_ID...", nargs=-1)
@click.option("--all", "everything", is_flag=True, help="all that were set aside")
@config_option
def retry(event_ids: tuple[str, ...], everything: bool, config_path: Path | None) -> None:
    """Try events that were set aside again, as if they had just come.

    A running server begins within two seconds, a stopped one at its next start.
    """
    with configured_store(config_path) as store:
        chosen = _chosen(store, event_ids, everything)
        _each(store, chosen, store.event_records.replay, "will be tried again")


@group.command("drop")
@click.argument("event_ids", metavar="EVENT_ID...", nargs=-1)
@click.option("--all", "everything", is_flag=True, help="all that were set aside")
@config_option
@yes_option
def drop(event_ids: tuple[str, ...], everything: bool, config_path: Path | None, yes: bool) -> None:
    """Delete events that were set aside, for good."""
    with configured_store(config_path) as store:
        chosen = _chosen(store, event_ids, everything)
        if chosen:
            confirm(f"Delete {plural(len(chosen), 'event')} for good?", yes=yes)
        _each(store, chosen, store.event_records.drop, "deleted")


def _status_to_json(store: Store) -> dict[str, Any]:
    counts: Counter[str] = Counter({state.value: 0 for state in State})
    unreadable, oldest = 0, None
    for state, tried in store.event_records.entries():
        if isinstance(tried, UnreadableRecord):
            unreadable += 1
            continue
        counts[state.value] += 1
        if state is not State.ASIDE:
            oldest = min(oldest or tried.event.received_at, tried.event.received_at)
    age = None if oldest is None else round(max(0.0, time.time() - oldest), 1)
    return {**counts, "unreadable": unreadable, "oldest_seconds": age, "remembered": store.event_records.remembered()}


def _event_to_json(entry: Entry) -> dict[str, Any]:
    """Return what is told of an event; nothing of it is what a person wrote."""
    state, tried = entry
    if isinstance(tried, UnreadableRecord):
        return {"event_id": tried.record_id, "state": "unreadable", "team": None, "error": tried.reason}
    event = tried.event
    team, kind = _team_and_type(event)
    return {
        "event_id": event.event_id,
        "state": state.value,
        "team": team,
        "type": kind,
        "received": event.received_at,
        "request_id": event.request_id,
        "attempts": tried.attempts,
        "next_try": tried.due_at if state is State.RETRYING else None,
        "listeners": tried.listeners,
        "error": tried.error or None,
    }


def _team_and_type(event: Event) -> tuple[str | None, str | None]:
    try:
        payload = parse("application/json", event.body)
    except PayloadError:
        return None, None
    return payload.workspace.team_id or payload.workspace.enterprise_id, payload.type


def _body(event: Event) -> dict[str, Any]:
    """Return what Slack sent, without the verification token that it still sends along."""
    body: dict[str, Any] = msgspec.json.decode(event.body)
    return {**body, "token": _HIDDEN} if "token" in body else body


def _cell(row: dict[str, Any], column: str) -> object:
    value = row.get(column)
    return utc(value) if column in ("received", "next_try") and value is not None else value


def _chosen(store: Store, event_ids: Iterable[str], everything: bool) -> list[str]:
    named = list(dict.fromkeys(event_ids))
    if everything == bool(named):
        raise click.UsageError("name events by their ids, or all that were set aside with --all")
    if not everything:
        return named
    tried = (entry.tried for entry in store.event_records.entries([State.ASIDE]))
    return [item.event.event_id if isinstance(item, Tried) else item.record_id for item in tried]


def _each(store: Store, event_ids: list[str], act: Callable[[str], bool], done: str) -> None:
    """Do it to each event, and end with EXIT_FAILED where one was not set aside or cannot be opened."""
    count, failed = 0, False
    for event_id in event_ids:
        try:
            acted = act(event_id)
        except UnreadableRecord as error:
            say(f"latchkey: {error}")
            failed = True
            continue
        if acted:
            count += 1
            continue
        failed = True
        entry = store.event_records.find(event_id)
        say(
            f"latchkey: event {event_id} was not set aside; it is {entry.state.value}"
            if entry
            else f"latchkey: there is no event {event_id} that was set aside"
        )
    click.echo(f"{plural(count, 'event')} {done}")
    if failed:
        sys.exit(EXIT_FAILED)
