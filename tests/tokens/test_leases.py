"""The lease of a refresh, which keeps other processes from sending the same refresh token."""

from contextlib import closing
from pathlib import Path

import pytest

from latchkey.storage import Attempt, TokenId, WorkspaceKey, open_store
from tests.storage.conformance.installations.models import installation

NOW = 1_800_000_000.0
BOT = TokenId(WorkspaceKey("", "T1"))


@pytest.mark.parametrize(
    ("later", "is_leased"), [(-30.0, True), (-0.1, True), (0.0, True), (29.9, True), (30.0, False), (-86_400.0, False)]
)
def test_a_lease_counts_also_for_a_process_that_read_the_clock_earlier(
    tmp_path: Path, later: float, is_leased: bool
) -> None:
    """A process reads the clock before it reads the lease; one from before the clock was set back must not last."""
    paths = tmp_path / "data" / "store.sqlite", tmp_path / "keys" / "keyring"
    with closing(open_store(*paths)) as one, closing(open_store(*paths)) as other:
        one.installations.save(installation(bot_refresh_token="xoxe-1", bot_token_expires_at=int(NOW)))
        pair = one.tokens.pair(BOT)
        assert pair is not None
        assert isinstance(one.tokens.begin(BOT, pair, NOW), Attempt)
        begun = other.tokens.begin(BOT, pair, NOW + later)
        assert isinstance(begun, Attempt) is not is_leased
