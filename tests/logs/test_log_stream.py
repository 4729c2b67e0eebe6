"""A log whose reader is slow or has stopped: writing never waits, dropped lines are counted, and nothing else is lost."""

import asyncio
import os
import pty
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

import pytest

from latchkey.logs import LogStream

Read = Callable[[], bytes]
LINE = "x" * 99 + "\n"
KINDS = ["pipe", "socket", "terminal", "another user's pipe"]


@contextmanager
def opened(kind: str) -> Iterator[tuple[TextIO, Read]]:
    """Yield a stream, and a function that reads what is in it."""
    if kind == "socket":
        ours, theirs = (one.detach() for one in socket.socketpair())
    elif kind == "terminal":
        ours, theirs = pty.openpty()
    else:
        ours, theirs = os.pipe()
    os.set_blocking(ours, False)

    def read() -> bytes:
        received = b""
        while True:
            try:
                received += os.read(ours, 1 << 16)
            except BlockingIOError:
                return received.replace(b"\r\n", b"\n")  # a terminal adds the carriage return

    with open(theirs, "w") as stream:
        yield stream, read
    os.close(ours)


@pytest.fixture(params=KINDS)
def unread(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[TextIO, Read]]:
    with opened(request.param) as pair:
        if request.param == "another user's pipe":

            def refuse(*arguments: object) -> int:
                raise PermissionError

            monkeypatch.setattr(os, "open", refuse)
        yield pair


def read_all(stream: LogStream, read: Read) -> bytes:
    """Read until there is nothing more; the log gets the chance to write after each piece."""
    received = b""
    while piece := read():
        received += piece
        stream.write("")
    return received


def test_writing_never_waits_and_what_is_dropped_is_reported(unread: tuple[TextIO, Read]) -> None:
    stream, read = unread
    log = LogStream(stream, waits=False, max_kept=20_000)
    log.describe_dropped(lambda lines: f"{lines} dropped\n")
    counted: list[int] = []
    log.on_dropped(counted.append)
    begun = time.monotonic()
    for number in range(10_000):
        log.write(f"{number:9} {LINE}")
    assert time.monotonic() - begun < 2
    assert log.dropped == sum(counted) > 0
    expected = 0
    for line in read_all(log, read).decode().splitlines():
        number, what = line.split()
        assert what == "dropped" or int(number) == expected
        expected += int(number) if what == "dropped" else 1
    assert expected == 10_000
    log.write("later\n")
    assert read() == b"later\n"
    log.close()


def test_blocking_mode_of_the_stream_is_unchanged(unread: tuple[TextIO, Read]) -> None:
    stream, _ = unread
    log = LogStream(stream, waits=False)
    log.write(LINE)
    assert os.get_blocking(stream.fileno())
    log.close()


def test_closing_writes_everything_for_a_slow_reader(unread: tuple[TextIO, Read]) -> None:
    stream, read = unread
    log = LogStream(stream, waits=False)
    for _ in range(5000):
        log.write(LINE)
    received: list[bytes] = []

    def read_slowly() -> None:
        while sum(map(len, received)) < 500_000:
            time.sleep(0.005)
            received.append(read())

    reader = threading.Thread(target=read_slowly)
    reader.start()
    log.close()
    reader.join(10)
    assert not reader.is_alive()
    assert b"".join(received) == LINE.encode() * 5000
    assert log.dropped == 0


def test_closing_gives_up_if_nothing_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("latchkey.logs.log_stream.FINISH_SECONDS", 0.2)
    with opened("pipe") as (stream, _):
        log = LogStream(stream, waits=False)
        log.write(LINE * 5000)
        begun = time.monotonic()
        log.close()
        assert 0.1 < time.monotonic() - begun < 2


def test_event_loop_writes_what_is_kept_without_another_line() -> None:
    async def later() -> bytes:
        with opened("pipe") as (stream, read):
            log = LogStream(stream, waits=False)
            await asyncio.to_thread(log.write, "")
            log.write(LINE * 2000)
            received = read()
            while len(received) < 200_000:
                await asyncio.sleep(0.01)
                received += read()
            log.close()
            return received

    assert asyncio.run(asyncio.wait_for(later(), 5)) == LINE.encode() * 2000


def test_lines_are_counted_if_the_reader_has_gone() -> None:
    ours, theirs = os.pipe()
    with open(theirs, "w") as stream:
        log = LogStream(stream, waits=False)
        os.close(ours)
        log.write("one\ntwo\n")
        assert log.dropped == 2
        log.close()


def test_file_gets_every_line_at_once(tmp_path: Path) -> None:
    path = tmp_path / "log"
    with open(path, "w") as stream:
        log = LogStream(stream, waits=False)
        log.write("one\n")
        log.write("zwei \ud83d ü\n")
        log.close()
        assert path.read_text() == "one\nzwei \\ud83d ü\n"
