"""How a log line looks, and what may never stand in one.

Rule: every line and every traceback passes one scrubber on its way out. It
takes away the configured secrets, anything shaped like a Slack token, and the
values of `code`, `state` and their like, whoever logged them. In systemd's
journal each event is one entry: one line, with its priority in front.
"""

from __future__ import annotations

import asyncio
import logging
import os
import re
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TextIO, TypeAlias

from latchkey.errors import LatchkeyError

HIDDEN = "[hidden]"

WriteLine: TypeAlias = Callable[[str, str, Mapping[str, object]], None]
"""Takes a logger's name, a message and its fields."""

_PRIORITIES = {"CRITICAL": "<2>", "ERROR": "<3>", "WARNING": "<4>", "INFO": "<6>", "DEBUG": "<7>"}
"""How a level stands at the beginning of a line (sd-daemon(3))."""

# Each of these logs bodies, headers or whole URLs at debug or info.
_QUIET = ("tornado", "slack_sdk", "slack_bolt", "aiohttp", "asyncio", "sqlitedict", "urllib3")

_TOKEN = r"xox[a-z]?[.\-][\w.\-]+|xapp-[\w\-]+|xwfp-[\w\-]+"
_SIGNATURE = r"v0=[0-9a-fA-F]{16,}"
_BEARER = r"(?:Bearer|Basic)\s+[\w.~+/=\-]+"
_NAMED = (
    r"""(?P<name>\b(?:code|state|token|access_token|refresh_token|bot_token|user_token|client_secret|"""
    r"""signing_secret|challenge|trigger_id|response_url)["']?\s*[=:]\s*)(?:"[^"]*"|'[^']*'|[^\s&,;"'<>)}\]]+)"""
)
# One of these stands in every text that the patterns could match; most lines have none and are not searched.
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
    """Takes out of a text what must not be logged."""

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
    """`2026-11-24T12:00:00.123Z INFO latchkey.access POST … 200 …`, one line a record but for tracebacks."""

    def __init__(self, scrub: Scrubber, *, journal: bool = False) -> None:
        super().__init__()
        self._scrub = scrub
        self._journal = journal
        self._second = -1
        self._stamp = ""

    def format(self, record: logging.LogRecord) -> str:
        message = record.getMessage()
        if "\n" in message or "\r" in message:
            # A line break that came in with a request must not begin a line of its own.
            message = message.replace("\r", "\\r").replace("\n", "\\n")
        line = self.line(record.created, record.levelname, record.name, message, getattr(record, "fields", None))
        if record.exc_info:
            traceback = "\n" + self._scrub(self.formatException(record.exc_info))
            line += traceback.replace("\n", "\\n") if self._journal else traceback
        return line

    def line(self, now: float, level: str, name: str, message: str, fields: Mapping[str, object] | None) -> str:
        """Return one line; `now` is Unix seconds."""
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
    """Return whether systemd's journal reads what is written to this stream (systemd.exec(5), `$JOURNAL_STREAM`)."""
    try:
        status = os.fstat(stream.fileno())
    except (OSError, ValueError):
        return False
    return environ.get("JOURNAL_STREAM") == f"{status.st_dev}:{status.st_ino}"


def print_error(error: LatchkeyError) -> None:
    """Print an error that ends the process, and its hint, on standard error."""
    priority = _PRIORITIES["ERROR"] if goes_to_journal(sys.stderr, os.environ) else ""
    for line in [*(f"latchkey: {line}" for line in error.lines), *([f"hint: {error.hint}"] if error.hint else [])]:
        sys.stderr.write(f"{priority}{line}\n")
    sys.stderr.flush()


def _json_formatter(scrub: Scrubber, *, journal: bool) -> logging.Formatter:
    from pythonjsonlogger.json import JsonFormatter  # only where it is asked for

    class ScrubbedJsonFormatter(JsonFormatter):
        def add_fields(self, log_data: dict[str, Any], record: logging.LogRecord, message_dict: dict[str, Any]) -> None:
            super().add_fields(log_data, record, message_dict)
            log_data.update(log_data.pop("fields", None) or {})
            # Before it is JSON: there, quotes are escaped, and no pattern would know them.
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


def configure(level: str, form: str, secrets: Iterable[str], stream: TextIO | None = None) -> WriteLine | None:
    """Send all logging through one scrubbed handler to `stream` (standard error by default).

    `level` is debug, info, warning or error; `form` is text or json. Structured fields are passed as
    `extra={"fields": {...}}`.

    Returns a function that writes a line at level info at a third of logging's cost, for the access
    log; None where such lines are not wanted, or are wanted as JSON, which goes through logging.
    """
    scrub = Scrubber(secrets)
    handler = _GatheringHandler(stream or sys.stderr)
    journal = goes_to_journal(handler.stream, os.environ)
    formatter = TextFormatter(scrub, journal=journal) if form == "text" else _json_formatter(scrub, journal=journal)
    formatter.converter = time.gmtime
    handler.setFormatter(formatter)
    root = logging.getLogger()
    for before in root.handlers:
        before.flush()  # a line that waits for the end of this turn of the loop stands before
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for name in _QUIET:
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level))
    logging.captureWarnings(True)
    _collect_no_more_than_is_shown()
    if isinstance(formatter, TextFormatter) and root.isEnabledFor(logging.INFO):
        return _line_writer(formatter, handler)
    return None


class _GatheringHandler(logging.StreamHandler[TextIO]):
    """A handler that also takes finished lines, and writes those of one turn of the event loop at once."""

    def __init__(self, stream: TextIO) -> None:
        super().__init__(stream)
        self._lines: list[str] = []

    def write_line(self, line: str) -> None:
        """Write a line at the end of this turn of the loop, or at once where none runs."""
        with self.lock:  # type: ignore[union-attr]  # logging's own, made by its constructor
            self._lines.append(line)
            if len(self._lines) > 1:
                return
        try:
            asyncio.get_running_loop().call_soon(self.flush)
        except RuntimeError:
            self.flush()

    def emit(self, record: logging.LogRecord) -> None:
        self.flush()  # what happened before stands before
        super().emit(record)

    def flush(self) -> None:
        with self.lock:  # type: ignore[union-attr]
            lines, self._lines = self._lines, []
            try:
                if lines:
                    self.stream.write("\n".join(lines) + "\n")
                self.stream.flush()
            except (OSError, ValueError):
                # The disk under the log is full or the stream is closed; the server goes on without these lines.
                return


def _line_writer(formatter: TextFormatter, handler: _GatheringHandler) -> WriteLine:
    def write(name: str, message: str, fields: Mapping[str, object]) -> None:
        handler.write_line(formatter.line(time.time(), "INFO", name, message, fields))

    return write


def _collect_no_more_than_is_shown() -> None:
    """Leave out what no format of ours shows, a third of a line's cost (Python's Logging HOWTO, "Optimization")."""
    logging._srcfile = None
    logging.logThreads = False
    logging.logProcesses = False
    logging.logMultiprocessing = False
