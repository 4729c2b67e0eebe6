"""What this app does: a mention is answered, and `/open-modal` opens a form. Replace it with yours."""

from . import mention, modal


def register(app) -> None:  # type: ignore[no-untyped-def]  # an author's module needs no import of ours
    """Register all listeners; called once, at the start."""
    mention.register(app)
    modal.register(app)
