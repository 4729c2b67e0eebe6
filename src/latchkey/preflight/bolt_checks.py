"""Checks a mounted Bolt app against the native listeners, and what it brings with it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from itertools import product
from typing import Any

from latchkey.config import DEFAULT, Settings, with_defaults
from latchkey.dispatch import App, Listener, MountedApp
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
    cause="Something in the Bolt app's OAuth settings is not used, because this server runs the installs.",
    fix="Remove it from the app or from config.toml; docs/move-from-bolt.md lists what is used.",
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
        for what in _unused(app.mounted, context.settings_with_app):
            yield BOLT_OAUTH.found(f"the app {what}", where=app.mounted.name)


def _unused(mounted: MountedApp, settings: Settings) -> Iterator[str]:
    """Yield what is not used of what the app says about installs, as ends of sentences about it."""
    said = mounted.install_settings
    for fault in with_defaults(settings, said.values, mounted.name)[1]:
        yield f"has a value for [{fault.setting.replace('.', '] ')} that cannot be used: {fault.problem}"
    for name, value in said.values.items():
        section, _, key = name.partition(".")
        if settings.origins[name] not in (mounted.name, DEFAULT) and not _is_same(name, value, settings):
            yield f"has another value for [{section}] {key} than {settings.origins[name]}, which is used"
    for kind in sorted(said.pages):
        if getattr(settings.install, f"{kind}_url"):
            yield f"has a {kind} handler, which is not called because [install] {kind}_url is set"
    if said.client_id and settings.slack.client_id not in ("", said.client_id):
        yield "has another client_id than SLACK_CLIENT_ID, which is used"
    if settings.server.public_url and said.redirect_uri not in ("", ours := settings.redirect_url):
        yield f"has another redirect_uri than {ours}, which is used"
    yield from said.unused


def _is_same(name: str, value: Any, settings: Settings) -> bool:
    section, _, key = name.partition(".")
    if key.endswith("scopes"):
        return set(value) == set(getattr(settings.slack, f"requested_{key}"))
    return bool(value == getattr(getattr(settings, section), key))


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
