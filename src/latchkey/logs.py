"""Formats log lines and removes secrets from them.

Invariant: every line and traceback, a library's included, passes a scrubber that replaces the configured secrets,
anything shaped like a Slack token, and the values of `code`, `state` and similar names.

In systemd's journal, each record is one line and begins with its priority, so that it becomes one journal entry.
"""

from __future__ import annotations

import asyncio
import logging
import os
import re
import sys
import time
from collections.abc import Iterable, Mapping
from typing import Any, TextIO

from latchkey.errors import LatchkeyError

HIDDEN = "[hidden]"

_PRIORITIES = {"CRITICAL": "<2>", "ERROR": "<3>", "WARNING": "<4>", "INFO": "<6>", "DEBUG": "<7>"}
"""The prefix of a line by level; see sd-daemon(3)."""

# These log bodies, headers or whole URLs at level debug or info.
_QUIET = ("tornado", "slack_sdk", "slack_bolt", "aiohttp", "asyncio", "sqlitedict", "urllib3")

_TOKEN = r"xox[a-z]?[.\-][\w.\-]+|xapp-[\w\-]+|xwfp-[\w\-]+"
_SIGNATURE = r"v0=[0-9a-fA-F]{16,}"
_BEARER = r"(?:Bearer|Basic)\s+[\w.~+/=\-]+"
_NAMED = (
    r"""(?P<name>\b(?:code|state|token|access_token|refresh_token|bot_token|user_token|client_secret|"""
    r"""signing_secret|challenge|trigger_id|response_url)["']?\s*[=:]\s*)(?:"[^"]*"|'[^']*'|[^\s&,;"'<>)}\]]+)"""
)
# Every match of the patterns contains one of these. Most lines contain none, and skip the regular expression.
_MARKS = (
    "xox",
    "xapp-",
    "xwfp-",
    "v0=",
    "earer",
    "asic ",
    "code",
    "state",
    "token",
    "secret",
    "challenge",
    "trigger_id",
    "_url",
)


class Scrubber:
    """Replaces secrets in a text with `[hidden]`; `secrets` are matched exactly, all others by their shape."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        exact = sorted((secret for secret in secrets if secret), key=len, reverse=True)
        patterns = [re.escape(secret) for secret in exact] + [_NAMED, _BEARER, _TOKEN, _SIGNATURE]
        self._pattern = re.compile("|".join(patterns))
        self._marks = (*exact, *_MARKS)

    def __call__(self, text: str) -> str:
        # A loop, not any(): this runs for every line of the access log.
        for mark in self._marks:
            if mark in text:
                return self._pattern.sub(lambda match: (match["name"] or "") + HIDDEN, text)
        return text


class TextFormatter(logging.Formatter):
    """Formats a record as `2026-11-24T12:00:00.123Z INFO latchkey.access POST … 200 …`, and a traceback below it."""

    def __init__(self, scrub: Scrubber, *, journal: bool = False) -> None:
        super().__init__()
        self._scrub = scrub
        self._journal = journal
        self._second = -1
        self._stamp = ""

    def format(self, record: logging.LogRecord) -> str:
        message = record.getMessage()
        if "\n" in message or "\r" in message:
            # Text from a request may contain line breaks, which must not start a (forged) log line.
            message = message.replace("\r", "\\r").replace("\n", "\\n")
        line = self.line(record.created, record.levelname, record.name, message, getattr(record, "fields", None))
        if record.exc_info:
            traceback = "\n" + self._scrub(self.formatException(record.exc_info))
            line += traceback.replace("\n", "\\n") if self._journal else traceback
        return line

    def line(self, now: float, level: str, name: str, message: str, fields: Mapping[str, object] | None) -> str:
        """Return a scrubbed line; `now` is in Unix seconds, and fields that are None are left out."""
        second = int(now)
        if second != self._second:
            self._second, self._stamp = second, time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second))
        line = f"{self._stamp}.{int((now - second) * 1000):03d}Z {level} {name} {message}"
        if fields:
            for field, value in fields.items():
                if value is not None:
                    line += f" {field}={value}"
        line = self._scrub(line)
        return _PRIORITIES.get(level, "<6>") + line if self._journal else line


def goes_to_journal(stream: TextIO, environ: Mapping[str, str]) -> bool:
    """Return whether this stream is connected to systemd's journal (`$JOURNAL_STREAM` in systemd.exec(5))."""
    try:
        status = os.fstat(stream.fileno())
    except (OSError, ValueError):
        return False
    return environ.get("JOURNAL_STREAM") == f"{status.st_dev}:{status.st_ino}"


def print_error(error: LatchkeyError) -> None:
    """Print an error that ends the process, and its hint, to standard error."""
    priority = _PRIORITIES["ERROR"] if goes_to_journal(sys.stderr, os.environ) else ""
    for line in [*(f"latchkey: {line}" for line in error.lines), *([f"hint: {error.hint}"] if error.hint else [])]:
        sys.stderr.write(f"{priority}{line}\n")
    sys.stderr.flush()


def _json_formatter(scrub: Scrubber, *, journal: bool) -> logging.Formatter:
    from pythonjsonlogger.json import JsonFormatter  # an import that text logs don't need

    class ScrubbedJsonFormatter(JsonFormatter):
        def add_fields(self, log_data: dict[str, Any], record: logging.LogRecord, message_dict: dict[str, Any]) -> None:
            super().add_fields(log_data, record, message_dict)
            log_data.update(log_data.pop("fields", None) or {})
            # Scrubbed before serialising: JSON escapes quotes, which the patterns would then not recognise.
            for field, value in log_data.items():
                if isinstance(value, str):
                    log_data[field] = scrub(value)

        def format(self, record: logging.LogRecord) -> str:
            line = super().format(record)
            return _PRIORITIES.get(record.levelname, "<6>") + line if journal else line

    return ScrubbedJsonFormatter(
        "%(asctime)s%(levelname)s%(name)s%(message)s",
        rename_fields={"asctime": "time", "levelname": "level", "name": "logger"},
        datefmt="%Y-%m-%dT%H:%M:%SZ",
    )


class LineWriter:
    """Writes a line at level info, at a third of what `logging` costs; for the access log."""

    def __init__(self, formatter: TextFormatter, handler: _BufferingHandler) -> None:
        self._formatter = formatter
        self._handler = handler

    def __call__(self, name: str, message: str, fields: Mapping[str, object]) -> None:
        """Write `message` and `fields` as the logger `name` would."""
        self._handler.write_line(self._formatter.line(time.time(), "INFO", name, message, fields))


def configure(level: str, form: str, secrets: Iterable[str], stream: TextIO | None = None) -> LineWriter | None:
    """Send all logging through one scrubbing handler to `stream` (standard error by default).

    `level` is debug, info, warning or error; `form` is text or json. Structured fields are passed as
    `extra={"fields": {...}}`.

    Returns a faster writer for lines at level info. Returns None if `level` hides such lines, or if `form`
    is json: then use `logging`.
    """
    scrub = Scrubber(secrets)
    handler = _BufferingHandler(stream or sys.stderr)
    journal = goes_to_journal(handler.stream, os.environ)
    formatter = TextFormatter(scrub, journal=journal) if form == "text" else _json_formatter(scrub, journal=journal)
    formatter.converter = time.gmtime
    handler.setFormatter(formatter)
    root = logging.getLogger()
    for before in root.handlers:
        before.flush()  # its buffered lines are older than the next one
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for name in _QUIET:
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level))
    logging.captureWarnings(True)
    _skip_unused_record_fields()
    if isinstance(formatter, TextFormatter) and root.isEnabledFor(logging.INFO):
        return LineWriter(formatter, handler)
    return None


class _BufferingHandler(logging.StreamHandler[TextIO]):
    """Also accepts formatted lines, and writes those of one event loop iteration in one call."""

    def __init__(self, stream: TextIO) -> None:
        super().__init__(stream)
        self._lines: list[str] = []

    def write_line(self, line: str) -> None:
        """Write a line in the next iteration of the event loop, or immediately if none is running."""
        with self.lock:  # type: ignore[union-attr]  # logging's own, made by its constructor
            self._lines.append(line)
            if len(self._lines) > 1:
                return
        try:
            asyncio.get_running_loop().call_soon(self.flush)
        except RuntimeError:
            self.flush()

    def emit(self, record: logging.LogRecord) -> None:
        self.flush()  # keeps the lines in order
        super().emit(record)

    def flush(self) -> None:
        with self.lock:  # type: ignore[union-attr]
            lines, self._lines = self._lines, []
            try:
                if lines:
                    self.stream.write("\n".join(lines) + "\n")
                self.stream.flush()
            except (OSError, ValueError):
                # The disk is full or the stream is closed: losing these lines is better than failing the request.
                return


def _skip_unused_record_fields() -> None:
    """Don't collect what our formats never show, a third of a line's cost ("Optimization" in the Logging HOWTO)."""
    logging._srcfile = None
    logging.logThreads = False
    logging.logProcesses = False
    logging.logMultiprocessing = False
