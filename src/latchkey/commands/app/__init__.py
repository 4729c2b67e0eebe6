"""The app at Slack: its manifest, and `latchkey setup`, which creates it."""

from latchkey.commands.app.needed_manifest import needed_manifest

__all__ = ["needed_manifest"]
