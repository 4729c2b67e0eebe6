"""`latchkey events retry` and `drop`: runs failed events again, or deletes them."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from pathlib import Path

import click

from latchkey.commands.context import configured_store
from latchkey.commands.events.event_rows import has_trigger
from latchkey.commands.terminal import config_option, confirm, say, yes_option
from latchkey.errors import EXIT_FAILED, UnreadableRecord, plural
from latchkey.storage import CommandStore, EventStatus, StoredEvent


@click.command("retry")
@click.argument("event_ids", metavar="EVENT_ID...|--all", nargs=-1)
@click.option("--all", "everything", is_flag=True, help="all failed events")
@config_option
def retry(event_ids: tuple[str, ...], everything: bool, config_path: Path | None) -> None:
    """Run failed events again, as if they had just arrived.

    A running server starts them within two seconds, a stopped one at its next start. Events with a trigger id, which
    has expired, are not run again.
    """
    with configured_store(config_path) as store:
        chosen = _chosen(store, event_ids, everything)
        expired = [event_id for event_id in chosen if _has_trigger(store, event_id)]
        for event_id in expired:
            say(
                f"latchkey: event {event_id} is not run again: its trigger has expired; "
                f"`latchkey events drop {event_id}` deletes it"
            )
        chosen = [event_id for event_id in chosen if event_id not in expired]
        _each(store, chosen, store.event_admin.replay, "will run again", all_done=everything or not expired)


@click.command("drop")
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


def _chosen(store: CommandStore, event_ids: Iterable[str], everything: bool) -> list[str]:
    named = list(dict.fromkeys(event_ids))
    if everything == bool(named):
        raise click.UsageError("give either event ids, or --all for all failed events")
    if not everything:
        return named
    failed = store.event_admin.all([EventStatus.FAILED])
    return [event.event_id if isinstance(event, StoredEvent) else event.record_id for event in failed]


def _has_trigger(store: CommandStore, event_id: str) -> bool:
    try:
        event = store.event_admin.find(event_id)
    except UnreadableRecord:
        return False  # reported when the event is moved
    return event is not None and event.status is EventStatus.FAILED and has_trigger(event)


def _each(
    store: CommandStore, event_ids: list[str], act: Callable[[str], bool], done: str, *, all_done: bool = True
) -> None:
    """Call `act` for each event; ends the command with EXIT_FAILED if one had not failed or cannot be read.

    `all_done`: False if another event was not done, so that the command ends so anyway.
    """
    count = 0
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
