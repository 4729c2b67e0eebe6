"""The checks before a start, for `serve`, which refuses, and for `config check` and `doctor`, which report."""

from latchkey.preflight.address_checks import (
    ADDRESS_IN_USE,
    OTHER_METRICS_ADDRESS,
    OTHER_SERVER_ADDRESS,
    check_addresses,
)
from latchkey.preflight.checks import PROBLEMS, refuse_start, run_config_checks, run_start_checks
from latchkey.preflight.context import StartContext, load_app, with_app
from latchkey.preflight.listener_checks import check_listeners
from latchkey.preflight.manifest_settings import app_settings
from latchkey.preflight.problems import Finding, Problem, Severity, invalid_configuration
from latchkey.preflight.public_host import DNS_FAILED
from latchkey.preflight.setting_checks import PUBLIC_URL_UNSET, SLACK_NOT_CONFIGURED, check_settings
from latchkey.preflight.storage_checks import (
    KEYS_MISSING,
    STORE_MISSING,
    STORE_PERMISSIONS,
    check_driver,
    check_folders,
    check_storage,
    may_exist,
    problem_of,
)

__all__ = [
    "ADDRESS_IN_USE",
    "DNS_FAILED",
    "KEYS_MISSING",
    "OTHER_METRICS_ADDRESS",
    "OTHER_SERVER_ADDRESS",
    "PROBLEMS",
    "PUBLIC_URL_UNSET",
    "SLACK_NOT_CONFIGURED",
    "STORE_MISSING",
    "STORE_PERMISSIONS",
    "Finding",
    "Problem",
    "Severity",
    "StartContext",
    "app_settings",
    "check_addresses",
    "check_driver",
    "check_folders",
    "check_listeners",
    "check_settings",
    "check_storage",
    "invalid_configuration",
    "load_app",
    "may_exist",
    "problem_of",
    "refuse_start",
    "run_config_checks",
    "run_start_checks",
    "with_app",
]
