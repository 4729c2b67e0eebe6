"""Makes the manifest that the app needs, from its configuration and its listeners."""

from __future__ import annotations

from latchkey.commands.terminal import say
from latchkey.config import Settings, find_checkout
from latchkey.dispatch import requirements_of
from latchkey.preflight import app_settings, load_app, with_app
from latchkey.slackapi.manifest import Manifest, make_manifest


def needed_manifest(settings: Settings) -> Manifest:
    """Return the manifest, and print the notes for its author; raises LatchkeyError if it cannot be made."""
    app = load_app(settings, find_checkout())
    made, notes = make_manifest(app_settings(with_app(settings, app)), requirements_of(app))
    for note in notes:
        say(f"note: {note}")
    return made
