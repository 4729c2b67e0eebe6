"""The cookies of the install flow: one ties an install to the browser that began it, one says that it has succeeded.

There is one cookie per attempt, so that two tabs work at the same time.

Invariant: a state that comes back in another browser is refused. Otherwise an
attacker could make a victim's browser finish the attacker's install (login CSRF,
RFC 6749, 10.12).
"""

from __future__ import annotations

import hashlib
import hmac
import re

from latchkey.handlers.base import BaseHandler
from latchkey.handlers.receipts import MAX_AGE_SECONDS as RECEIPT_MAX_AGE_SECONDS
from latchkey.handlers.receipts import Receipt

MAX_ATTEMPTS = 5
"""Cookies kept per browser; the oldest are deleted first, so that its Cookie header stays small."""
MAX_CLEARED = 10
"""Cookies deleted by one response: a proxy refuses a response with too many headers. The next one deletes more."""
_STEM = "latchkey-state-"
_ATTEMPT = re.compile(rf"(__Host-)?{_STEM}[0-9a-f]{{16}}", re.ASCII)
_RECEIPT = "latchkey-installed"


def remember_attempt(handler: BaseHandler, state: str) -> None:
    """Set the cookie for this state, and delete the oldest ones."""
    held = [(morsel.value[:8], name) for name, morsel in handler.cookies.items() if _ATTEMPT.fullmatch(name)]
    # A state begins with its expiry time in hexadecimal, so the smallest is the oldest.
    for _, name in sorted(held, reverse=True)[MAX_ATTEMPTS - 1 :][-MAX_CLEARED:]:
        _clear(handler, name)
    _set(handler, _attempt_name(handler, state), state, handler.services.state_seconds)


def is_same_browser(handler: BaseHandler, state: str) -> bool:
    """Return whether this browser began the install with this state; deletes the cookie in either case."""
    name = _attempt_name(handler, state)
    value = handler.get_cookie(name)
    if value is None:
        return False
    _clear(handler, name)
    return hmac.compare_digest(value.encode("utf-8", "replace"), state.encode())


def give_receipt(handler: BaseHandler, receipt: Receipt) -> None:
    """Set the cookie with which this browser may see the success page."""
    _set(handler, _name(handler, _RECEIPT), handler.services.receipts.sign(receipt), RECEIPT_MAX_AGE_SECONDS)


def receipt_of(handler: BaseHandler) -> Receipt | None:
    """Return this browser's receipt; None if it has no valid one."""
    return handler.services.receipts.read(handler.get_cookie(_name(handler, _RECEIPT)))


def _attempt_name(handler: BaseHandler, state: str) -> str:
    return _name(handler, _STEM + hashlib.sha256(state.encode()).hexdigest()[:16])


def _name(handler: BaseHandler, name: str) -> str:
    # `__Host-`: a subdomain or a plain http page can't have set it (RFC 6265bis, 4.1.3).
    return f"__Host-{name}" if handler.services.is_https else name


def _set(handler: BaseHandler, name: str, value: str, max_age: int) -> None:
    # Lax: the callback is a navigation from Slack's site, and needs the cookies.
    handler.set_cookie(
        name, value, path="/", max_age=max_age, httponly=True, secure=handler.services.is_https, samesite="Lax"
    )


def _clear(handler: BaseHandler, name: str) -> None:
    # A browser deletes a `__Host-` cookie only if the response follows that prefix's rules.
    handler.clear_cookie(name, path="/", httponly=True, secure=handler.services.is_https, samesite="Lax")
