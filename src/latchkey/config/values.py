"""Converts the value of a setting to its type and checks it. A fault gives what was expected and what was found.

Invariant: a value that may be a secret is never shown.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any, Literal, NamedTuple, get_args, get_origin

import msgspec

from latchkey.config.checks import CHECKS

MAX_SHOWN = 60
"""Characters of a value to show in a message."""

_MAY_BE_SECRET = re.compile(r"xox|xapp-|xwfp-|@|[0-9A-Za-z=_-]{24,}")
_NEVER_SHOWN = frozenset({"slack.client_id", "storage.url"})
"""The secrets are beside the client ID at Slack, and easily taken for it; a URL may contain a password."""
QUOTED = "must not be in quotes: they have become part of the value"
_EXPECTED = {str: "text", bool: "true or false", int: "a whole number", float: "a number", list[str]: "a list"}
_IN_TOML = {str: "text in quotes", list[str]: 'a list of texts, such as ["a", "b"]'}


class Converted(NamedTuple):
    """The value, or what is wrong with it."""

    value: Any
    problem: str = ""


def convert(name: str, raw: Any, kind: Any, *, from_toml: bool) -> Converted:
    """Return the value of the setting `name` ("section.key") as `kind`.

    Unless it is from config.toml, `raw` is text: numbers are parsed, and lists have commas between their items.
    """
    value = raw
    if not from_toml:
        value = raw.strip()
        if is_quoted(value):
            return Converted(None, QUOTED)
        if kind == list[str]:
            value = [item.strip() for item in value.split(",") if item.strip()]
    try:
        value = msgspec.convert(value, kind, strict=from_toml)
    except msgspec.ValidationError:
        return Converted(None, f"expected {_expected(kind, from_toml=from_toml)}{_found(name, raw)}{_meant(raw, kind)}")
    problem = CHECKS[name](value) if name in CHECKS else None
    return Converted(value, problem + _found(name, raw) if problem else "")


def may_be_secret(text: str) -> bool:
    return _MAY_BE_SECRET.search(text) is not None


def is_quoted(text: str) -> bool:
    """Whether quotes around a value have become part of it, as happens in a file for `docker run --env-file`."""
    return len(text) > 1 and text[0] == text[-1] and text[0] in "\"'"


def suggestion(name: str, known: Iterable[str]) -> str:
    """Return "(did you mean …?)" with the closest known name, or nothing."""
    from difflib import get_close_matches  # takes 1 MB, and is needed only for a mistake

    close = get_close_matches(name, list(known), 1)
    return f" (did you mean {close[0]}?)" if close else ""


def _expected(kind: Any, *, from_toml: bool) -> str:
    if get_origin(kind) is Literal:
        return f"one of {', '.join(get_args(kind))}"
    return _IN_TOML.get(kind, _EXPECTED[kind]) if from_toml else _EXPECTED[kind]


def _meant(raw: Any, kind: Any) -> str:
    return suggestion(raw.lower(), get_args(kind)) if get_origin(kind) is Literal and isinstance(raw, str) else ""


def _found(name: str, raw: Any) -> str:
    if isinstance(raw, dict):
        return "; found a section"
    text = json.dumps(raw, ensure_ascii=False, default=str)
    if name in _NEVER_SHOWN or may_be_secret(text):
        return ""
    # Escaped, so that a value cannot reorder or overwrite the line that shows it.
    text = "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in text)
    return f"; found {text}" if len(text) <= MAX_SHOWN else f"; found {text[:MAX_SHOWN]}…"
