"""slack_sdk's own tests of its stores against the product's stores."""

from collections.abc import Callable

import pytest

from tests.outside.checkouts import Checkout
from tests.outside.differences import STORES, UNEXPLAINED, explain
from tests.outside.page import table, write_section
from tests.outside.running import run_tests

pytestmark = pytest.mark.outside
REPOSITORY = "slackapi/python-slack-sdk"
PATHS = [f"slack_sdk/oauth/{folder}" for folder in ("installation_store", "state_store")]


def test_a_test_fails_only_if_it_tests_what_is_specific_to_another_store(
    checkout: Callable[[str], Checkout],
) -> None:
    sdk = checkout(REPOSITORY)
    outcomes = run_tests(sdk.path / "tests", PATHS, "stores_plugin", "stores")
    failed = [outcome for outcome in outcomes if outcome.error]
    rows: list[list[object]] = [
        [f"`{item.test.rpartition('/')[2]}`", explain(item, STORES) or UNEXPLAINED] for item in failed
    ]
    summary = f"{len(outcomes) - len(failed)} of {len(outcomes)} pass ({sdk})."
    write_section("stores", "slack_sdk's tests of its stores", [summary, "", *table(["test", "why it fails"], rows)])
    unexplained = [f"{item.test}: {item.error[:200]}" for item in failed if explain(item, STORES) is None]
    assert not unexplained, "\n".join(unexplained)
