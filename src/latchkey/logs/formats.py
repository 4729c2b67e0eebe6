"""Formats log lines, as text or as JSON.

In systemd's journal, each record is one line and begins with its priority, so that it becomes one journal entry.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Mapping
from typing import Any, TextIO

from latchkey.logs.scrubbing import Scrubber

PRIORITIES = {"CRITICAL": "<2>", "ERROR": "<3>", "WARNING": "<4>", "INFO": "<6>", "DEBUG": "<7>"}
"""The prefix of a line by level; see sd-daemon(3)."""


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
        return PRIORITIES.get(level, "<6>") + line if self._journal else line


def json_formatter(scrub: Scrubber, *, journal: bool) -> logging.Formatter:
    from pythonjsonlogger.json import JsonFormatter  # an import that text logs don't need

    class ScrubbedJsonFormatter(JsonFormatter):
        def add_fields(self, log_data: dict[str, Any], record: logging.LogRecord, message_dict: dict[str, Any]) -> None:
            super().add_fields(log_data, record, message_dict)
            log_data.update(log_data.pop("fields", None) or {})
            # Scrubbed before serialising: JSON escapes quotes, which the patterns would then not recognise.
            for field, value in log_data.items():
                if isinstance(value, str):
                    # Half of a surrogate pair, which JSON cannot contain, is shown as standard error shows it.
                    log_data[field] = scrub(value).encode(errors="backslashreplace").decode()

        def format(self, record: logging.LogRecord) -> str:
            line = super().format(record)
            return PRIORITIES.get(record.levelname, "<6>") + line if journal else line

    return ScrubbedJsonFormatter(
        "%(asctime)s%(levelname)s%(name)s%(message)s",
        rename_fields={"asctime": "time", "levelname": "level", "name": "logger"},
        datefmt="%Y-%m-%dT%H:%M:%SZ",
    )


def goes_to_journal(stream: TextIO, environ: Mapping[str, str]) -> bool:
    """Return whether this stream is connected to systemd's journal (`$JOURNAL_STREAM` in systemd.exec(5))."""
    try:
        status = os.fstat(stream.fileno())
    except (OSError, ValueError):
        return False
    return environ.get("JOURNAL_STREAM") == f"{status.st_dev}:{status.st_ino}"
