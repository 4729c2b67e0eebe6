"""Progress: shown only for long operations, as a bar on a terminal and as plain lines elsewhere."""

import sys
from collections.abc import Iterator

import pytest

from latchkey.commands.terminal.progress import BAR_DELAY_SECONDS, LINE_SECONDS, show_progress
from latchkey.storage import ProgressCallback


def check(progress: ProgressCallback) -> None:
    for done in range(0, 1001, 100):
        progress("checked", done, 1000)


def ticking(step: float) -> Iterator[float]:
    now = 0.0
    while True:
        yield now
        now += step


def test_prints_a_line_every_ten_seconds_without_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    clock = ticking(LINE_SECONDS / 2)
    with show_progress(lambda: next(clock)) as progress:
        check(progress)
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.splitlines() == [
        "checked: 200 of 1,000, 20 per second, 40 s left",
        "checked: 400 of 1,000, 20 per second, 30 s left",
        "checked: 600 of 1,000, 20 per second, 20 s left",
        "checked: 800 of 1,000, 20 per second, 10 s left",
        "checked: 1,000 of 1,000, 20 per second, 0 s left",
    ]


@pytest.mark.parametrize("is_terminal", [True, False])
def test_shows_nothing_for_a_short_operation(
    is_terminal: bool, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: is_terminal)
    with show_progress(lambda: 1.0) as progress:
        check(progress)
    assert capsys.readouterr() == ("", "")


def test_shows_a_bar_on_a_terminal(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "100")
    clock = ticking(BAR_DELAY_SECONDS)
    with show_progress(lambda: next(clock)) as progress:
        check(progress)
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "checked" in captured.err
    assert "1000/1000" in captured.err
    assert captured.err.endswith("\x1b[2K"), "the bar is erased at the end"


def test_measures_the_rate_of_each_operation_separately(capsys: pytest.CaptureFixture[str]) -> None:
    clock = ticking(LINE_SECONDS)
    with show_progress(lambda: next(clock)) as progress:
        for what, done in (("re-encrypted", 0), ("re-encrypted", 100), ("checked", 0), ("checked", 50)):
            progress(what, done, 100)
    assert capsys.readouterr().err.splitlines() == [
        "re-encrypted: 100 of 100, 10 per second, 0 s left",
        "checked: 50 of 100, 5 per second, 10 s left",
    ]
