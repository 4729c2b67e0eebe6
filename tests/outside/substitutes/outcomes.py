"""Writes the outcome of each test as a line of JSON."""

import json
import os

import pytest

OUTCOMES = os.environ["OUTSIDE_OUTCOMES"]  # read here, because Bolt's tests empty the environment


def write_outcome(item: pytest.Item, call: pytest.CallInfo[None]) -> None:
    if call.when != "call" and call.excinfo is None:
        return
    error = "" if call.excinfo is None else f"{call.excinfo.typename}: {call.excinfo.value}"
    with open(OUTCOMES, "a") as file:
        file.write(json.dumps({"test": item.nodeid, "error": error[:600]}) + "\n")
