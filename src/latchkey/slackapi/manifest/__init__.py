"""The app manifest: made from settings and listeners, and compared with the one exported from Slack."""

from latchkey.slackapi.manifest.app_manifest import Manifest, make_manifest
from latchkey.slackapi.manifest.diff import ManifestDifference, differences
from latchkey.slackapi.manifest.exported import read_manifest
from latchkey.slackapi.manifest.inputs import AppSettings, Command, Function, ManifestRequirements, Shortcut

__all__ = [
    "AppSettings",
    "Command",
    "Function",
    "Manifest",
    "ManifestDifference",
    "ManifestRequirements",
    "Shortcut",
    "differences",
    "make_manifest",
    "read_manifest",
]
