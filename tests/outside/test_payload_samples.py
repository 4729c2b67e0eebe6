"""The payload samples published with Slack's SDK for Java against the list of keys that the simulator's tests use."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.outside.checkouts import Checkout
from tests.outside.payload_samples import documented_keys

pytestmark = pytest.mark.outside
LIST = Path(__file__).parent.parent / "simulator" / "documented_keys.json"


def test_the_list_of_documented_keys_is_that_of_the_samples(checkout: Callable[[str], Checkout]) -> None:
    """If it fails, print the list again with `python -m tests.outside.payload_samples`."""
    found = documented_keys(checkout("slackapi/java-slack-sdk").path)
    assert json.loads(LIST.read_text(encoding="utf-8")) == found
