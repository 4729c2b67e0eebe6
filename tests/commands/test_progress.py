"""Progress: how much is done, how fast, and how long it still takes; now and then, and never in the way."""

import sys
from collections.abc import Iterator

import pytest

from latchkey.commands.progress import OTHER_SECONDS, TERMINAL_SECONDS, Progress


def reports(progress: Progress) -> None:
    for done in range(0, 1001, 100):
        progress("checked", done, 1000)


def ticking(step: float) -> Iterator[float]:
    now = 0.0
    while True:
        yield now
        now += step


def test_elsewhere_it_is_a_line_every_ten_seconds(capsys: pytest.CaptureFixture[str]) -> None:
    clock = ticking(OTHER_SECONDS / 2)
    progress = Progress(lambda: next(clock))
    reports(progress)
    progress.close()
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.splitlines() == [
        "checked: 200 of 1,000, 20 a second, 40 s left",
        "checked: 400 of 1,000, 20 a second, 30 s left",
        "checked: 600 of 1,000, 20 a second, 20 s left",
        "checked: 800 of 1,000, 20 a second, 10 s left",
        "checked: 1,000 of 1,000, 20 a second, 0 s left",
    ]


def test_what_is_done_at_once_is_not_reported(capsys: pytest.CaptureFixture[str]) -> None:
    progress = Progress(lambda: 1.0)
    reports(progress)
    progress.close()
    assert capsys.readouterr().err == ""


def test_on_a_terminal_it_is_one_line_that_is_gone_at_the_end(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    clock = ticking(TERMINAL_SECONDS)
    progress = Progress(lambda: next(clock))
    reports(progress)
    progress.close()
    shown = capsys.readouterr().err
    assert "\n" not in shown
    assert "\rchecked: 500 of 1,000, 500 a second, 1 s left\x1b[K" in shown
    assert shown.endswith("\r\x1b[K")


def test_each_kind_of_work_has_a_rate_of_its_own(capsys: pytest.CaptureFixture[str]) -> None:
    clock = ticking(OTHER_SECONDS)
    progress = Progress(lambda: next(clock))
    for what, done in (("sealed again", 0), ("sealed again", 100), ("checked", 0), ("checked", 50)):
        progress(what, done, 100)
    assert [line.partition(":")[0] for line in capsys.readouterr().err.splitlines()] == ["sealed again", "checked"]
