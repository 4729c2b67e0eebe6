"""Removes secrets from a text: configured ones, and whatever is shaped like a token or follows a telling name.

Invariant: every line and traceback, a library's included, passes it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

HIDDEN = "[hidden]"

_TOKEN = r"xox[a-z]?[.\-][\w.\-]+|xapp-[\w\-]+|xwfp-[\w\-]+"
_SIGNATURE = r"v0=[0-9a-fA-F]{16,}"
_BEARER = r"(?:Bearer|Basic)\s+[\w.~+/=\-]+"
_CREDENTIALS = r"(?<=://)[^\s/:@]*:[^\s/@]+(?=@)"
"""User and password in a URL."""
_NAMED = (
    r"""(?P<name>\b(?:code|state|token|access_token|refresh_token|bot_token|user_token|client_secret|"""
    r"""signing_secret|password|sslpassword|challenge|trigger_id|response_url)["']?\s*[=:]\s*)(?:"[^"]*"|'[^']*'|[^\s&,;"'<>)}\]]+)"""
)
# Every match of the patterns contains one of these. Most lines contain none, and skip the regular expression.
_MARKS = (
    "xox",
    "xapp-",
    "xwfp-",
    "v0=",
    "earer",
    "asic ",
    "code",
    "state",
    "token",
    "secret",
    "password",
    "challenge",
    "trigger_id",
    "_url",
    "@",
)


def without_tokens(text: str) -> str:
    """Return the text without what is shaped like a token."""
    return re.sub(_TOKEN, HIDDEN, text)


class Scrubber:
    """Replaces secrets in a text with `[hidden]`; `secrets` are matched exactly, all others by their shape."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        exact = sorted((secret for secret in secrets if secret), key=len, reverse=True)
        patterns = [re.escape(secret) for secret in exact] + [_NAMED, _CREDENTIALS, _BEARER, _TOKEN, _SIGNATURE]
        self._pattern = re.compile("|".join(patterns))
        self._marks = (*exact, *_MARKS)

    def __call__(self, text: str) -> str:
        # A loop, not any(): this runs for every line of the access log.
        for mark in self._marks:
            if mark in text:
                return self._pattern.sub(lambda match: (match["name"] or "") + HIDDEN, text)
        return text
