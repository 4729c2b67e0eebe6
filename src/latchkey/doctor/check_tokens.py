"""Checks the tokens that expire."""

from __future__ import annotations

from collections.abc import Iterator

from latchkey.doctor.doctor_context import DoctorContext
from latchkey.errors import LatchkeyError, StoreUnavailable, plural
from latchkey.preflight import Finding, Problem
from latchkey.storage import CommandStore, TokenId

MAX_NAMED = 5
"""Tokens to name."""

MUST_REINSTALL = Problem.error(
    "must-reinstall",
    cause="Slack refuses to refresh these tokens, so the app stops working there when they expire.",
    fix="Open /slack/install and install the app again in the workspace; for a user's token, as that user.",
)
PROBLEMS = (MUST_REINSTALL,)


def check_tokens(context: DoctorContext) -> Iterator[Finding]:
    """Name the tokens that Slack refuses to refresh."""
    if isinstance(context.store, LatchkeyError):
        return  # reported with the store
    try:
        refused = list(_refused(context.store))
    except StoreUnavailable:
        return  # reported with the store
    if refused:
        named = ", ".join(map(str, refused[:MAX_NAMED])) + (", …" if len(refused) > MAX_NAMED else "")
        yield MUST_REINSTALL.found(f"{plural(len(refused), 'token')} cannot be refreshed: {named}")


def _refused(store: CommandStore) -> Iterator[TokenId]:
    after = ""
    while page := store.refreshes.states(after=after):
        yield from (token_id for token_id, state in page if state.reinstall_since is not None)
        after = page[-1][0].record_id
