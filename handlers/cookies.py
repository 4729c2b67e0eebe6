"""The cookie that ties an install to the browser that began it.

Rule: one cookie an attempt, so that two tabs at once both work. A state that
comes back in another browser is somebody else's install: taking it would put a
stranger's workspace into this person's hands (login CSRF, RFC 6749, 10.12).
"""

from __future__ import annotations

import hashlib
import hmac

from tornado.web import RequestHandler

MAX_AGE_SECONDS = 600
"""As long as the state itself."""
ATTEMPTS = 5
"""Cookies kept; the oldest go first, so that a browser never sends a header full of them."""
_STEM = "latchkey-state-"


def _name(state: str, https: bool) -> str:
    # `__Host-`: no subdomain and no plain http page can have set it (RFC 6265bis, 4.1.3).
    return f"{'__Host-' if https else ''}{_STEM}{hashlib.sha256(state.encode()).hexdigest()[:16]}"


def remember_attempt(handler: RequestHandler, state: str, https: bool) -> None:
    """Give the browser the cookie for this state, and take the oldest ones back."""
    held = [(morsel.value[:8], name) for name, morsel in handler.cookies.items() if _STEM in name]
    # A state begins with the time of its end in hexadecimal, so the smallest is the oldest.
    for _, name in sorted(held, reverse=True)[ATTEMPTS - 1 :]:
        _clear(handler, name, https)
    # Lax: the callback is a navigation that comes from Slack's site, and must bring the cookie.
    handler.set_cookie(
        _name(state, https), state, path="/", max_age=MAX_AGE_SECONDS, httponly=True, secure=https, samesite="Lax"
    )


def is_same_browser(handler: RequestHandler, state: str, https: bool) -> bool:
    """Whether this browser began the install with this state; its cookie is taken back either way."""
    name = _name(state, https)
    value = handler.get_cookie(name)
    if value is None:
        return False
    _clear(handler, name, https)
    return hmac.compare_digest(value.encode("utf-8", "replace"), state.encode())


def _clear(handler: RequestHandler, name: str, https: bool) -> None:
    # A browser takes a `__Host-` cookie back only where the answer keeps that prefix's own rules.
    handler.clear_cookie(name, path="/", httponly=True, secure=https, samesite="Lax")
