"""The cookie that ties an install to the browser that began it.

There is one cookie per attempt, so that two tabs work at the same time.

Invariant: a state that comes back in another browser is refused. Otherwise an
attacker could make a victim's browser finish the attacker's install (login CSRF,
RFC 6749, 10.12).
"""

from __future__ import annotations

import hashlib
import hmac

from tornado.web import RequestHandler

MAX_AGE_SECONDS = 600
"""As long as the state itself."""
MAX_ATTEMPTS = 5
"""Cookies kept per browser; the oldest are deleted first, so that its Cookie header stays small."""
_STEM = "latchkey-state-"


def _name(state: str, https: bool) -> str:
    # `__Host-`: a subdomain or a plain http page can't have set it (RFC 6265bis, 4.1.3).
    return f"{'__Host-' if https else ''}{_STEM}{hashlib.sha256(state.encode()).hexdigest()[:16]}"


def remember_attempt(handler: RequestHandler, state: str, https: bool) -> None:
    """Set the cookie for this state, and delete the oldest ones."""
    held = [(morsel.value[:8], name) for name, morsel in handler.cookies.items() if _STEM in name]
    # A state begins with its expiry time in hexadecimal, so the smallest is the oldest.
    for _, name in sorted(held, reverse=True)[MAX_ATTEMPTS - 1 :]:
        _clear(handler, name, https)
    # Lax: the callback is a navigation from Slack's site, and needs the cookie.
    handler.set_cookie(
        _name(state, https), state, path="/", max_age=MAX_AGE_SECONDS, httponly=True, secure=https, samesite="Lax"
    )


def is_same_browser(handler: RequestHandler, state: str, https: bool) -> bool:
    """Return whether this browser began the install with this state; deletes the cookie in either case."""
    name = _name(state, https)
    value = handler.get_cookie(name)
    if value is None:
        return False
    _clear(handler, name, https)
    return hmac.compare_digest(value.encode("utf-8", "replace"), state.encode())


def _clear(handler: RequestHandler, name: str, https: bool) -> None:
    # A browser deletes a `__Host-` cookie only if the response follows that prefix's rules.
    handler.clear_cookie(name, path="/", httponly=True, secure=https, samesite="Lax")
