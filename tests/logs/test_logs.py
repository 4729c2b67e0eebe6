"""The format of log lines, and the secrets that are removed from them."""

import io
import json
import logging
import os
import re
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

import pytest

from latchkey import logs
from latchkey.logs import configuring

TOKENS = [
    "xoxb-1234567890-abcdefABCDEF", "xoxp-1-2-3", "xoxe.xoxb-1-abc", "xoxe-1-abc", "xoxa-2-x", "xapp-1-A1-2-abc", "xoxc-1", "xwfp-1-x",
]  # fmt: skip


@pytest.fixture(autouse=True)
def _logging_as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    quiet = {name: logging.getLogger(name).level for name in (*configuring._QUIET, "latchkey.events")}
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    for name, before in quiet.items():
        logging.getLogger(name).setLevel(before)
    logging.captureWarnings(False)


def lines(form: str, level: str = "debug") -> io.StringIO:
    stream = io.StringIO()
    logs.configure(level, form, ["sentinel-secret", "sentinel-second"], logs.LogStream(stream))
    return stream


@pytest.mark.parametrize("level", ["debug", "info", "warning", "error"])
@pytest.mark.parametrize("events", [True, False])
def test_ends_of_events_are_logged_at_any_level_if_wanted(level: str, events: bool) -> None:
    stream = io.StringIO()
    logs.configure(level, "text", [], logs.LogStream(stream), events=events)
    logging.getLogger("latchkey.events").info("ended")
    assert ("ended" in stream.getvalue()) is events


@pytest.mark.parametrize("form", ["text", "json"])
def test_half_a_surrogate_pair_is_written_as_an_escape(form: str) -> None:
    stream = lines(form, "info")
    logging.getLogger("anybody").info("cut %s", "\ud83d", extra={"fields": {"team": "\ud83d"}})
    line = stream.getvalue()
    message = json.loads(line) if form == "json" else {"message": line, "team": line}
    assert "cut \\ud83d" in message["message"]
    assert "\\ud83d" in message["team"]
    assert message["message"].encode()


@pytest.mark.parametrize("form", ["text", "json"])
@pytest.mark.parametrize(
    "message",
    [
        "the secret is sentinel-secret", "sentinel-second", "GET /cb?code=sentinel&state=sentinel", "{'code': 'sentinel', 'a': 1}",
        '{"access_token": "sentinel"}', "Authorization: Bearer sentinel", "Basic c2VudGluZWw=", "token=sentinel",
        "client_secret = sentinel", '"state": "sentinel"', "v0=" + "ab" * 32, "trigger_id=sentinel",
        "response_url='https://hooks.slack.com/sentinel'", "postgresql://someone:sentinel@db/latchkey", "password=sentinel",
        "https://:sentinel@proxy:3128", "host=db sslpassword='sentinel sentinel'", *(f"a {token} b" for token in TOKENS),
    ],
)  # fmt: skip
def test_secrets_in_messages_are_hidden(form: str, message: str) -> None:
    stream = lines(form)
    logging.getLogger("anybody").error(message)
    written = stream.getvalue()
    assert logs.HIDDEN in written
    assert "sentinel" not in written
    assert not any(token in written for token in TOKENS)
    assert "abababab" not in written
    assert "c2VudGluZWw" not in written


@pytest.mark.parametrize("form", ["text", "json"])
def test_an_app_that_formats_every_handler_does_not_show_secrets(form: str) -> None:
    stream = lines(form)
    for handler in logging.getLogger().handlers:
        handler.setFormatter(logging.Formatter("%(thread)d %(message)s"))
    logging.getLogger("theirs").error("the token is %s", TOKENS[0])
    assert f"the token is {logs.HIDDEN}" in stream.getvalue()


def test_a_handler_of_an_app_may_show_the_thread_and_the_process() -> None:
    lines("text")
    theirs = io.StringIO()
    handler = logging.StreamHandler(theirs)
    handler.setFormatter(logging.Formatter("%(process)d %(thread)d %(lineno)d %(message)s"))
    logging.getLogger().addHandler(handler)
    logging.getLogger("theirs").error("hello")
    assert re.fullmatch(rf"{os.getpid()} {threading.get_ident()} \d+ hello\n", theirs.getvalue())


@pytest.mark.parametrize("form", ["text", "json"])
def test_secrets_in_tracebacks_and_fields_are_hidden(form: str) -> None:
    stream = lines(form)
    try:
        raise ValueError("xoxb-sentinel and sentinel-secret")
    except ValueError:
        logging.getLogger("anybody").exception("it failed", extra={"fields": {"team": "token=sentinel"}})
    assert "ValueError" in stream.getvalue()
    assert "sentinel" not in stream.getvalue()


@pytest.mark.parametrize(
    "name", ["tornado.access", "tornado.general", "slack_sdk.web", "aiohttp.access", "asyncio", "sqlitedict"]
)
def test_libraries_that_log_bodies_are_silent_below_warning(name: str) -> None:
    stream = lines("text", "debug")
    logging.getLogger(name).debug("body")
    logging.getLogger(name).info("body")
    assert stream.getvalue() == ""


def test_text_line_has_time_level_name_message_and_fields() -> None:
    stream = lines("text")
    logging.getLogger("latchkey.access").info("GET / %d", 200, extra={"fields": {"ms": "1.4", "team": None}})
    assert re.fullmatch(
        r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z INFO latchkey\.access GET / 200 ms=1\.4\n", stream.getvalue()
    )


def test_json_line_is_one_document() -> None:
    stream = lines("json")
    logging.getLogger("latchkey.access").info("GET / %d", 200, extra={"fields": {"ms": "1.4", "team": "T1"}})
    document = json.loads(stream.getvalue())
    assert document.keys() == {"time", "level", "logger", "message", "ms", "team"}
    assert (document["level"], document["logger"], document["message"]) == ("INFO", "latchkey.access", "GET / 200")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", document["time"])


def test_line_break_in_a_message_starts_no_new_line() -> None:
    stream = lines("text")
    logging.getLogger("x").info("one\r\n2026-01-01T00:00:00.000Z ERROR forged")
    assert stream.getvalue().count("\n") == 1


def test_line_writer_writes_the_same_line_as_logging() -> None:
    stream = io.StringIO()
    write = logs.configure("info", "text", ["sentinel"], logs.LogStream(stream))
    assert write is not None
    write("latchkey.access", "GET /x?code=1 sentinel", {"ms": "1.0", "team": None})
    logging.getLogger("latchkey.access").info("GET /x?code=1 sentinel", extra={"fields": {"ms": "1.0", "team": None}})
    short, long = (line[24:] for line in stream.getvalue().splitlines())
    assert short == long == " INFO latchkey.access GET /x?code=[hidden] [hidden] ms=1.0"


def test_no_line_writer_for_json_or_above_level_info() -> None:
    assert logs.configure("warning", "text", [], logs.LogStream(io.StringIO())) is None
    assert logs.configure("info", "json", [], logs.LogStream(io.StringIO())) is None


@pytest.fixture
def journal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[TextIO]:
    """A stream that `$JOURNAL_STREAM` names as connected to the journal."""
    with open(tmp_path / "journal", "w+") as stream:
        status = os.fstat(stream.fileno())
        monkeypatch.setenv("JOURNAL_STREAM", f"{status.st_dev}:{status.st_ino}")
        yield stream


def written(stream: TextIO) -> list[str]:
    stream.seek(0)
    return stream.read().splitlines()


@pytest.mark.parametrize("form", ["text", "json"])
def test_journal_lines_begin_with_their_priority(journal: TextIO, form: str) -> None:
    logs.configure("debug", form, [], logs.LogStream(journal))
    for level in (logging.DEBUG, logging.INFO, logging.WARNING, logging.ERROR, logging.CRITICAL):
        logging.getLogger("x").log(level, "hello")
    assert [line[:3] for line in written(journal)] == ["<7>", "<6>", "<4>", "<3>", "<2>"]
    assert all((line[3] == "{") == (form == "json") for line in written(journal))


@pytest.mark.parametrize("form", ["text", "json"])
def test_journal_traceback_is_one_entry(journal: TextIO, form: str) -> None:
    logs.configure("info", form, ["sentinel"], logs.LogStream(journal))
    try:
        raise ValueError("of sentinel")
    except ValueError:
        logging.getLogger("x").exception("it failed")
    (line,) = written(journal)
    assert line.startswith("<3>")
    assert "Traceback (most recent call last):\\n" in line
    assert "ValueError: of [hidden]" in line


def test_line_writers_journal_lines_have_a_priority(journal: TextIO) -> None:
    write = logs.configure("info", "text", [], logs.LogStream(journal))
    assert write is not None
    write("latchkey.access", "GET / 200", {})
    assert written(journal)[0].startswith("<6>")


def test_lines_outside_the_journal_have_no_priority(tmp_path: Path, journal: TextIO) -> None:
    """Children inherit the variable even if their standard error is a file or a terminal."""
    with open(tmp_path / "file", "w+") as stream:
        logs.configure("info", "text", [], logs.LogStream(stream))
        logging.getLogger("x").info("hello")
        assert " INFO x hello" in written(stream)[0]
        assert not written(stream)[0].startswith("<")
