"""Compares the app's settings at Slack, as exported, with what the configuration and the listeners need."""

from __future__ import annotations

from collections.abc import Iterator

from latchkey.dispatch import requirements_of
from latchkey.doctor.doctor_context import DoctorContext
from latchkey.errors import LatchkeyError
from latchkey.preflight import Finding, Problem
from latchkey.slackapi.manifest import differences, make_manifest, read_manifest
from latchkey.storage import acting_as_owner_of

APP_SETTINGS = Problem.error(
    "app-settings",
    cause="The app's settings at Slack do not match the configuration and the listeners.",
    fix="`latchkey manifest --apply` changes them; `latchkey manifest` prints the settings it needs.",
)
PROBLEMS = (APP_SETTINGS,)


def check_app_manifest(context: DoctorContext) -> Iterator[Finding]:
    """Compare the exported manifest, if one was given, with the needed one."""
    if context.exported_manifest is None or isinstance(context.app, LatchkeyError):
        return  # listeners that fail to load are reported with the configuration
    if context.app_settings is None:
        yield APP_SETTINGS.found(
            "cannot be compared: [server] public_url is not set", fix="Set it, then run this again."
        )
        return
    try:
        with acting_as_owner_of(context.exported_manifest):
            slack = read_manifest(context.exported_manifest)
    except LatchkeyError as unreadable:
        yield APP_SETTINGS.found(str(unreadable), fix=unreadable.hint)
        return
    needed, _ = make_manifest(context.app_settings, requirements_of(context.app))
    for difference in differences(needed, slack):
        yield APP_SETTINGS.found(str(difference))
