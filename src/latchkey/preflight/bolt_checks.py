"""Checks a mounted Bolt app against the native listeners, and what it brings with it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from itertools import product
from typing import Any

from latchkey.config import Settings
from latchkey.dispatch import App, Listener
from latchkey.errors import ConfigError, Fault
from latchkey.preflight.context import StartContext
from latchkey.preflight.problems import Finding, Problem
from latchkey.slackapi.requests import Kind

BOLT_CONFLICT = Problem.error(
    "bolt-conflict",
    cause="[listeners] and [bolt] name the same module, or register the same command, action or view.",
    fix="Remove one of the two.",
)
BOLT_OVERLAP = Problem.warning(
    "bolt-overlap",
    cause="A native listener may match what a listener of the Bolt app is for; only the native one then runs.",
    fix="Narrow the pattern, or move both into one of [listeners] and [bolt].",
)
BOLT_TOKENS = Problem.warning(
    "bolt-tokens",
    cause="The Bolt app has tokens of its own, which are outside of the encrypted store.",
    fix="Import its installations (latchkey installs import), then remove its token, installation_store or authorize.",
)
BOLT_OAUTH = Problem.warning(
    "bolt-oauth",
    cause="This server runs the installs, and does not use what the Bolt app's OAuth settings say of them.",
    fix="Set it in config.toml; docs/move-from-bolt.md lists where.",
)
PROBLEMS = (BOLT_CONFLICT, BOLT_OVERLAP, BOLT_TOKENS, BOLT_OAUTH)

_ANSWERED_ONCE = (Kind.COMMAND, Kind.ACTION, Kind.SHORTCUT, Kind.VIEW, Kind.OPTIONS)
"""Kinds of payload that get one response, so that only one listener can run. Every listener of an event runs."""


def check_bolt(context: StartContext) -> Iterator[Finding]:
    """Compare the two kinds of listeners; yields nothing without `[bolt]`."""
    settings = context.settings
    if not settings.bolt.is_set:
        return
    bolt_modules = {settings.bolt.app.partition(":")[0], *settings.bolt.modules}
    for name in settings.listeners.modules:
        if name in bolt_modules:
            yield from _refused(f"{name} is also in [listeners] modules")
    app = context.app
    if isinstance(app, App) and app.mounted is not None:
        for kind in _ANSWERED_ONCE:
            yield from _compare(kind, app)
        if app.mounted.warning:
            yield BOLT_TOKENS.found(app.mounted.warning, where="[bolt]")
        for name, value in app.mounted.oauth_settings.items():
            if not _is_set(name, value, settings):
                yield BOLT_OAUTH.found(f"the app's OAuth settings say {name}, which is not used", where="[bolt]")


def _is_set(name: str, value: Any, settings: Settings) -> bool:
    """Whether config.toml says the same as one of the app's OAuth settings."""
    same = {
        "scopes": set(settings.slack.requested_scopes),
        "user_scopes": set(settings.slack.requested_user_scopes),
        "success_url": settings.install.success_url,
        "failure_url": settings.install.failure_url,
        "install_page_rendering_enabled": settings.install.page,
    }
    return name in same and (set(value) if isinstance(value, tuple) else value) == same[name]


def _compare(kind: Kind, app: App) -> Iterator[Finding]:
    assert app.mounted is not None
    native = [listener for listener in app.own_listeners if listener.kind is kind]
    mounted = [listener for listener in app.mounted.listeners if listener.kind is kind]
    for one, other in product(native, mounted):
        mine, theirs = _fields(one, kind), _fields(other, kind)
        if not _may_both_match(mine, theirs):
            continue
        if mine == theirs and all(isinstance(value, str) for value in mine.values()):
            shown = " ".join(mine.values())
            yield from _refused(f"{one.name} and {other.name} are both registered for the {kind} {shown}")
        else:
            yield BOLT_OVERLAP.found(f"{one.name} may answer a {kind} that {other.name} is for", where="[bolt]")


def _refused(what: str) -> Iterator[Finding]:
    yield from BOLT_CONFLICT.refusals(ConfigError([Fault("[bolt]", what)], hint=BOLT_CONFLICT.fix))


def _fields(listener: Listener, kind: Kind) -> dict[str, Any]:
    """Return the fields of a payload that a listener demands, each a text or a pattern."""
    constraint = listener.constraint
    if isinstance(constraint, Mapping):
        return dict(constraint)
    return {"type": "view_submission", "callback_id": constraint} if kind is Kind.VIEW else {"id": constraint}


def _may_both_match(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether one payload may have what both demand. A plain id may be that of any field."""
    if "id" in one or "id" in other:
        ids = [[value for name, value in fields.items() if name not in ("type", "block_id")] for fields in (one, other)]
        return any(_may_be_equal(*pair) for pair in product(*ids)) or not all(ids)
    return all(_may_be_equal(one[name], other[name]) for name in one.keys() & other.keys())


def _may_be_equal(one: object, other: object) -> bool:
    """Whether one text may match both; two patterns always may."""
    if isinstance(one, re.Pattern):
        return not isinstance(other, str) or one.search(other) is not None
    return other.search(str(one)) is not None if isinstance(other, re.Pattern) else one == other
