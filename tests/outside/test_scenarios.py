"""Bolt's own scenario tests against the product: what a listener and Slack observe."""

from collections import Counter
from collections.abc import Callable

import pytest

from tests.outside.checkouts import Checkout
from tests.outside.differences import MOUNTED, NATIVE, UNEXPLAINED, Difference, explain
from tests.outside.page import table, write_section
from tests.outside.running import run_tests

pytestmark = pytest.mark.outside
REPOSITORY = "slackapi/bolt-python"
FOLDERS = ["scenario_tests", "scenario_tests_async"]
COMPARED = (
    "Compared is what a listener and Slack observe: the calls of listeners, the calls of Slack's API other than "
    "`auth.test` (Bolt makes one at each request, Latchkey none), and the statuses and bodies of responses. Latchkey's "
    "403 counts as Bolt's 401, and its 200 for an event without a listener as Bolt's 404."
)
TITLES = {"native": "Bolt's scenario tests, natively", "mounted": "Bolt's scenario tests, mounted"}


@pytest.mark.parametrize(("mode", "differences"), [("native", NATIVE), ("mounted", MOUNTED)])
def test_every_difference_from_bolt_is_explained(
    mode: str, differences: list[Difference], checkout: Callable[[str], Checkout]
) -> None:
    bolt = checkout(REPOSITORY)
    outcomes = run_tests(bolt.path / "tests", FOLDERS, "scenario_plugin", mode)
    failed = [outcome for outcome in outcomes if outcome.error]
    reasons = Counter(explain(outcome, differences) or UNEXPLAINED for outcome in failed)
    rows: list[list[object]] = [[count, reason] for reason, count in sorted(reasons.items(), key=lambda item: -item[1])]
    retired = sum("test_workflow_steps" in outcome.test for outcome in outcomes)
    summary = (
        f"{len(outcomes) - len(failed)} of {len(outcomes)} pass ({bolt}). {retired} of the {len(outcomes)} test "
        "`app.step`, which Slack has retired."
    )
    write_section(
        f"scenarios-{mode}", TITLES[mode], [COMPARED, "", summary, "", *table(["tests", "why they differ"], rows)]
    )
    unexplained = [f"{item.test}: {item.error[:200]}" for item in failed if explain(item, differences) is None]
    assert not unexplained, "\n".join(unexplained)
