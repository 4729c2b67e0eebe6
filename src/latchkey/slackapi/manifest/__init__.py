"""The app manifest: made from settings and listeners, and compared with the one exported from Slack."""

from latchkey.slackapi.manifest.app_manifest import Manifest, make_manifest
from latchkey.slackapi.manifest.diff import ManifestDifference, differences, shown
from latchkey.slackapi.manifest.exported import read_manifest
from latchkey.slackapi.manifest.inputs import AppSettings, Command, Function, ManifestRequirements, Shortcut
from latchkey.slackapi.manifest.merging import ManifestChange, changes_between, merged

__all__ = [
    "AppSettings",
    "Command",
    "Function",
    "Manifest",
    "ManifestChange",
    "ManifestDifference",
    "ManifestRequirements",
    "Shortcut",
    "changes_between",
    "differences",
    "make_manifest",
    "merged",
    "read_manifest",
    "shown",
]
