"""A state that one machine has issued is valid on another, whatever the times since their starts."""

from contextlib import closing
from pathlib import Path

import pytest

from latchkey.storage import open_store
from latchkey.storage.states import EXPIRATION_SECONDS, States
from tests.support.clocks import Clock
from tests.support.database.postgresql import DatabaseLocation


@pytest.mark.parametrize("uptime", [0.0, 5.0, 1e6])
def test_a_state_is_consumed_on_another_machine_until_it_expires(
    location: DatabaseLocation, tmp_path: Path, uptime: float
) -> None:
    clock = Clock()
    with closing(open_store(location, tmp_path / "keyring", clock=clock)) as store:
        one = States(store._records, store._writes, clock, lambda: 1000.0, machine="one")
        other = States(store._records, store._writes, clock, lambda: uptime, machine="other")
        state, late = one.issue(), one.issue()
        assert other.consume(state)
        assert not one.consume(state)
        clock.now += EXPIRATION_SECONDS
        assert not other.consume(late)
