"""The example app: it replies to mentions, and `/open-modal` opens a form. Replace it with your own."""

from . import mention, modal


def register(app) -> None:  # type: ignore[no-untyped-def]  # listener modules need no import from latchkey
    """Register all listeners; called once at startup."""
    mention.register(app)
    modal.register(app)
