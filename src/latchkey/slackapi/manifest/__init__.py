"""The app manifest: made from settings and listeners, and compared with the one exported from Slack."""

from latchkey.slackapi.manifest.app_manifest import Command, Described, Manifest, Shortcut, Wanted, make_manifest
from latchkey.slackapi.manifest.diff import ManifestDifference, differences
from latchkey.slackapi.manifest.exported import read_manifest

__all__ = [
    "Command",
    "Described",
    "Manifest",
    "ManifestDifference",
    "Shortcut",
    "Wanted",
    "differences",
    "make_manifest",
    "read_manifest",
]
