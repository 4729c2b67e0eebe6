"""Checks of the app: that its packages are installed, and that its settings at Slack match the configuration."""

from latchkey.doctor.app.check_app_manifest import PROBLEMS as MANIFEST_PROBLEMS
from latchkey.doctor.app.check_app_manifest import check_app_manifest
from latchkey.doctor.app.check_packages import PROBLEMS as PACKAGE_PROBLEMS
from latchkey.doctor.app.check_packages import check_packages

__all__ = ["MANIFEST_PROBLEMS", "PACKAGE_PROBLEMS", "check_app_manifest", "check_packages"]
