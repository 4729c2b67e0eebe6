"""The app manifest: making it, comparing it, scopes of events."""

from latchkey.slackapi.manifest.app_manifest import Command, Described, Manifest, Shortcut, Wanted, make_manifest
from latchkey.slackapi.manifest.diff import Difference, differences
from latchkey.slackapi.manifest.exported import read_manifest

__all__ = [
    "Command",
    "Described",
    "Difference",
    "Manifest",
    "Shortcut",
    "Wanted",
    "differences",
    "make_manifest",
    "read_manifest",
]
