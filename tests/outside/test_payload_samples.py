"""The payload samples published with Slack's SDKs and with Bolt against the list of keys that the simulator's tests use."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.outside.checkouts import Checkout
from tests.outside.payload_samples import JAVA, PYTHON, documented_keys
from tests.outside.python_samples import sample_keys

pytestmark = pytest.mark.outside
LIST = Path(__file__).parent.parent / "simulator" / "documented_keys.json"


def test_the_list_of_documented_keys_is_that_of_the_samples(checkout: Callable[[str], Checkout]) -> None:
    """If it fails, print the list again with `python -m tests.outside.payload_samples`."""
    found = documented_keys(*(checkout(name).path for name in (JAVA, *PYTHON)))
    assert json.loads(LIST.read_text(encoding="utf-8")) == found


@pytest.mark.parametrize("name", PYTHON)
def test_the_samples_agree_on_types(checkout: Callable[[str], Checkout], name: str) -> None:
    """Except in commands, which are forms: all their values are text."""
    listed = json.loads(LIST.read_text(encoding="utf-8"))
    samples = sample_keys(checkout(name).path / "tests")
    assert len(samples.keys() & listed.keys()) > 3
    for kind in (samples.keys() & listed.keys()) - {"command"}:
        for path, types in samples[kind].items():
            assert types <= {listed[kind][path], "null"}, (kind, path)
