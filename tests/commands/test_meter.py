"""Progress is shown where somebody waits for it, and nowhere else."""

import pytest

from latchkey.commands import meter as module
from latchkey.commands.meter import meter


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """A clock: its one item is the time."""
    now = [100.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: now[0])
    return now


def test_what_is_done_within_a_second_is_not_shown(now: list[float], capsys: pytest.CaptureFixture[str]) -> None:
    with meter("records checked") as show:
        for done in (100, 200):
            show(done, 300)
            now[0] += 0.4
        now[0] += 60
        show(300, 300)
    assert capsys.readouterr() == ("", "")


def test_in_a_pipe_it_is_a_plain_line_now_and_then(now: list[float], capsys: pytest.CaptureFixture[str]) -> None:
    with meter("records checked") as show:
        for done in range(0, 30_000, 1000):
            show(done, 30_000)
            now[0] += 1
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.splitlines() == [
        "1,000 of 30,000 records checked, 1,000 a second, 29 s left",
        "11,000 of 30,000 records checked, 1,000 a second, 19 s left",
        "21,000 of 30,000 records checked, 1,000 a second, 9 s left",
    ]
