"""Sends all logging through one scrubbing handler."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
import time
from collections.abc import Iterable, Mapping

from latchkey.errors import LatchkeyError
from latchkey.logs.formats import PRIORITIES, TextFormatter, goes_to_journal, json_formatter
from latchkey.logs.log_stream import LogStream
from latchkey.logs.scrubbing import Scrubber

_EVENTS = "latchkey.events"
"""The logger that says when the listeners of an event have ended."""
# These log bodies, headers or whole URLs at level debug or info.
_QUIET = ("tornado", "slack_sdk", "slack_bolt", "aiohttp", "asyncio", "sqlitedict", "urllib3")


class LineWriter:
    """Writes a line at level info, at a third of what `logging` costs; for the access log."""

    def __init__(self, formatter: TextFormatter, handler: _BufferingHandler) -> None:
        self._formatter = formatter
        self._handler = handler

    def __call__(self, name: str, message: str, fields: Mapping[str, object]) -> None:
        """Write `message` and `fields` as the logger `name` would."""
        self._handler.write_line(self._formatter.line(time.time(), "INFO", name, message, fields))


def configure(
    level: str, form: str, secrets: Iterable[str], stream: LogStream | None = None, *, events: bool = False
) -> LineWriter | None:
    """Send all logging through one scrubbing handler to `stream` (standard error by default).

    `level` is debug, info, warning or error; `form` is text or json. Structured fields are passed as
    `extra={"fields": {...}}`. `events`: whether to log, at any level, when the listeners of an event have ended.

    Returns a faster writer for lines at level info. Returns None if `level` hides such lines, or if `form`
    is json: then use `logging`.
    """
    scrub = Scrubber(secrets)
    stream = stream or LogStream(sys.stderr)
    journal = goes_to_journal(stream.stream, os.environ)
    formatter = TextFormatter(scrub, journal=journal) if form == "text" else json_formatter(scrub, journal=journal)
    formatter.converter = time.gmtime
    handler = _BufferingHandler(stream, formatter)
    stream.describe_dropped(handler.format_dropped)
    root = logging.getLogger()
    for before in root.handlers:
        before.flush()  # its buffered lines are older than the next one
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for name in _QUIET:
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level))
    logging.getLogger(_EVENTS).setLevel(logging.INFO if events else logging.WARNING)
    logging.captureWarnings(True)
    _skip_unused_record_fields()
    if isinstance(formatter, TextFormatter) and root.isEnabledFor(logging.INFO):
        return LineWriter(formatter, handler)
    return None


class _BufferingHandler(logging.Handler):
    """Also accepts formatted lines, and writes those of one event loop iteration in one call."""

    def __init__(self, stream: LogStream, formatter: logging.Formatter) -> None:
        super().__init__()
        self.formatter = formatter
        self._stream = stream
        self._lines: list[str] = []

    def setFormatter(self, fmt: logging.Formatter | None) -> None:  # noqa: N802  # the name in `logging`
        """Keep the formatter: some apps give every handler one of their own, which would not hide secrets."""

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
        try:
            self._stream.write(self.format(record) + "\n")
        except Exception:  # noqa: BLE001  # a mistake in the arguments of a call must not fail the caller
            self.handleError(record)

    def flush(self) -> None:
        with self.lock:  # type: ignore[union-attr]
            lines, self._lines = self._lines, []
            if lines:
                self._stream.write("\n".join(lines) + "\n")

    def close(self) -> None:
        """Called when the process ends."""
        self.flush()
        self._stream.close()
        super().close()

    def format_dropped(self, lines: int) -> str:
        """Return the line that says how many were dropped."""
        text = "%d log lines were dropped: nothing read the log, and there was no room to keep more"
        return self.format(logging.LogRecord("latchkey", logging.WARNING, "", 0, text, (lines,), None)) + "\n"


def print_error(error: LatchkeyError) -> None:
    """Print an error that ends the process, and its hint, to standard error."""
    priority = PRIORITIES["ERROR"] if goes_to_journal(sys.stderr, os.environ) else ""
    lines = []
    for part in error.parts:
        lines += [f"latchkey: {line}" for line in part.lines] + ([f"hint: {part.hint}"] if part.hint else [])
    text = "".join(f"{priority}{line}\n" for line in lines)
    # With the stream's replacements for characters that a terminal cannot show.
    encoding = sys.stderr.encoding or "utf-8"
    text = text.encode(encoding, sys.stderr.errors or "strict").decode(encoding)
    stream = LogStream(sys.stderr, waits=False)
    stream.write(text)
    stream.close()


def _skip_unused_record_fields() -> None:
    """Don't look for the caller, a third of a line's cost ("Optimization" in the Logging HOWTO).

    The numbers of the thread and the process stay: an app's own handler that shows them would fail without them.
    """
    logging._srcfile = None
    logging.logMultiprocessing = False
