"""Why tests of other projects fail against the product. Each pattern is looked for in "TEST ERROR"."""

import re
from dataclasses import dataclass

from tests.outside.running import Outcome


@dataclass(frozen=True)
class Difference:
    pattern: str
    reason: str


REFUSED = "Refused at the start, with a message that says what to use instead."
ARGUMENT = r"unexpected keyword argument '(middleware|matchers|constraints|ack|lazy)'"
NATIVE = [
    Difference(
        r"App\(process_before_response=|test_listener_registration_error|test_token_absence|test_invalid_client_type"
        r"|test_non_coroutine_func_listener|test_installation_store_conflicts|App\(authorize=\).*conflicts|conflicts"
        r"|test_none_body|test_invalid_arg_in_func",
        "A check of Bolt's constructor or of a request without a body: the product has its own, with other texts. "
        "A listener that is not async is accepted beside async ones.",
    ),
    Difference(
        r"Unavailable: App\(",
        "An argument of Bolt's constructor. The native API has no constructor: settings are in config.toml, tokens in "
        "the store. An app that needs its own `authorize`, `before_authorize`, executor or switched-off checks is "
        "mounted.",
    ),
    Difference(
        r"test_events_url_verification",
        "The challenge is returned as text, which Slack accepts like JSON, and always.",
    ),
    Difference(
        r"test_simultaneous_requests",
        "Ten events with the same id are one event for the product, and its listener runs once. The test needs the same "
        "body ten times.",
    ),
    Difference(
        r"test_middleware_skip",
        "An event is acknowledged with 200 before its listeners run, also if a middleware then skips the listener.",
    ),
    Difference(r"test_ssl_check_disabled", "Slack's check of the certificate is always answered."),
    Difference(
        r"test_uninstallation_and_revokes|test_events_token_revocations",
        "The product itself deletes revoked tokens. A listener for `app_uninstalled` has no token any longer.",
    ),
]
"""In this order; the first that matches counts."""
MOUNTED: list[Difference] = []
STORES = [
    Difference(r"test_sqlite3.py.*test_instance", "Specific to SQLite: the test opens a connection to the file."),
    Difference(r"test_simple_cache.py.*cacheable.db", "Specific to SQLite: the test deletes the database file."),
    Difference(
        r"test_file.py.*test_save_and_find",
        "Specific to files: after a person's record is deleted, that store still finds the workspace's newest one. The "
        "SQLite and SQLAlchemy tests expect the opposite, and pass.",
    ),
]


def explain(outcome: Outcome, differences: list[Difference]) -> str | None:
    """Return why a test fails; None if that is not known."""
    if outcome.is_refused:
        return REFUSED
    text = f"{outcome.test} {outcome.error}"
    return next((item.reason for item in differences if re.search(item.pattern, text, re.DOTALL)), None)
