"""Why tests of other projects fail against the product. Each pattern is looked for in "TEST ERROR"."""

import re
from dataclasses import dataclass

from tests.outside.running import Outcome


@dataclass(frozen=True)
class Difference:
    pattern: str
    reason: str


UNEXPLAINED = "Not explained yet."
REFUSED = "Refused at the start, with a message that says what to use instead."
CHALLENGE = "The server answers Slack's challenge itself, as text, and always. Slack accepts this like Bolt's JSON."
SSL_CHECK = "Slack's check of the certificate is always answered."
SAME_ID = (
    "Ten events with the same id are one event for the product, and its listener runs once. The test needs the same body "
    "ten times."
)
AUTHORIZE_RESULT = (
    "The test needs `url`, `user`, `user_scopes` and another bot's id in `authorize_result`, which Bolt takes from "
    "auth.test. The product takes it from the store, without a call."
)
BOT_ONLY = (
    "The app's own store cannot find installations. It is not asked, because the encrypted store has the installation."
)
STEP_TOKEN_TESTS = r"test_function.*functions\.complete(Success|Error).*got 2"
STEP_TOKEN = (
    "Bolt's simulated API knows no tokens of custom steps, and refuses the first call. The product repeats it with the "
    "workspace's token."
)
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
        CHALLENGE,
    ),
    Difference(r"test_simultaneous_requests", SAME_ID),
    Difference(
        r"test_middleware_skip",
        "An event is acknowledged with 200 before its listeners run, also if a middleware then skips the listener.",
    ),
    Difference(r"test_ssl_check_disabled", SSL_CHECK),
    Difference(r"test_authorize_result", AUTHORIZE_RESULT),
    Difference(r"test_bot_only_default_off", BOT_ONLY),
    Difference(
        r"test_say_stream_with_org_level_install",
        "With an org-wide installation, `context.team_id` is the workspace in which the event happened; Bolt has None.",
    ),
    Difference(
        r"test_(global_)?middleware_errors",
        "The app of this test has no listener for its request. Middleware runs only for payloads that a listener is "
        "registered for.",
    ),
    Difference(STEP_TOKEN_TESTS, STEP_TOKEN),
    Difference(
        r"test_auto_acknowledge_false_without_acknowledging|test_function_handler_timeout",
        "A step's event is answered with 200 when it is stored, whether or not its listener acknowledges it.",
    ),
    Difference(
        r"test_warning_when_timeout_improperly_set",
        "`auto_acknowledge` and `ack_timeout` change nothing, because a step's event is answered when it is stored. "
        "There is no warning about using both.",
    ),
    Difference(
        r"test_web_client_customization",
        "The client of Bolt's constructor. The product makes its clients itself, with retries of its own; `app.client` "
        "works while the server runs.",
    ),
    Difference(
        r"test_uninstallation_and_revokes|test_events_token_revocations",
        "The product itself deletes revoked tokens. A listener for `app_uninstalled` has no token any longer.",
    ),
]
"""In this order; the first that matches counts."""
MOUNTED = [
    Difference(
        r"test_workflow_steps.*(test_edit|logger_propagation)",
        "Slack has retired steps from apps. The product refuses their `workflow_step_edit` requests, which Slack no "
        "longer sends.",
    ),
    Difference(STEP_TOKEN_TESTS, STEP_TOKEN),
    Difference(r"test_events_url_verification", CHALLENGE),
    Difference(r"test_ssl_check_disabled", SSL_CHECK),
    Difference(r"test_simultaneous_requests", SAME_ID),
    Difference(r"test_none_body", "The server refuses a request without a body with 400, before Bolt sees it."),
    Difference(
        r"test_(before_authorize|user_context_attributes_msg_change).*'as expected'",
        "Only the body differs: an event gets an empty 200 when it is stored, and its middleware runs after that.",
    ),
    Difference(r"test_authorize_result", AUTHORIZE_RESULT),
    Difference(
        r"test_authorize.*test_failure",
        "The test calls hooks.slack.com. Without a network it fails with Bolt itself.",
    ),
    Difference(r"test_bot_only_default_off", BOT_ONLY),
    Difference(
        r"test_events_token_revocations",
        "The test registers its listeners after the first request. Here they are registered when the app is loaded; "
        "an event that no listener is for until then is not stored.",
    ),
    Difference(
        r"test_function_handler_timeout",
        "The test replaces the clock of the whole process, and counts how often anything sleeps, the server included.",
    ),
]
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
