"""Runs a click command for a person or a script: errors in one form, plain text if asked for, no traceback.

Exit codes: 0 done, 1 failed, 2 usage, 3 confirmation needed and not given, 4 another command holds the lock,
78 bad configuration. An error is one line on stderr; a line that begins with `hint:` says what to do.
"""

from __future__ import annotations

import codecs
import io
import os
import signal
import sys
from collections.abc import Sequence

import click

from latchkey.cli.usage import explain
from latchkey.errors import EXIT_FAILED, LatchkeyError
from latchkey.logs import print_error

_ASCII = str.maketrans(
    {"✔": "ok", "✘": "FAIL", "“": '"', "”": '"', "\N{RIGHT SINGLE QUOTATION MARK}": "'", "…": "...", "→": "->"}
)
_PLAIN = "latchkey_ascii"
"""Our names of an encoding, and of the handler for characters that it lacks."""


def run(command: click.Command, name: str, arguments: Sequence[str] | None = None) -> int:
    """Run the command with these arguments, by default those of the process; returns the exit code.

    `name` is what the person typed to run it. Ctrl-C ends the process with SIGINT.
    """
    _print_in_any_encoding()
    try:
        return _run(command, name, arguments)
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        print_error(LatchkeyError(f"{where}{error.strerror or str(error) or type(error).__name__}"))
        _discard_unwritten()
        return EXIT_FAILED


def _run(command: click.Command, name: str, arguments: Sequence[str] | None) -> int:
    try:
        code = command.main(arguments, prog_name=name, standalone_mode=False, color=_color())
    except LatchkeyError as error:
        print_error(error)
        return error.exit_code
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        return error.exit_code
    except click.ClickException as error:
        print_error(explain(error, command, name, sys.argv[1:] if arguments is None else arguments))
        return error.exit_code
    except click.Abort:
        print_error(LatchkeyError("interrupted"))
        # Shells end a script only if its command was ended by the signal.
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        signal.raise_signal(signal.SIGINT)
        return EXIT_FAILED
    return int(code or 0)


def _color() -> bool | None:
    """Return False for plain text; None lets click decide, which prints colors on a terminal only."""
    return False if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb" else None


def _print_in_any_encoding() -> None:
    """Write characters that the terminal's encoding lacks as their nearest ASCII text, or as an escape."""
    codecs.register(_plain_ascii)
    codecs.register_error(_PLAIN, _to_ascii)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper) and not stream.encoding.lower().startswith("utf"):
            is_ascii = codecs.lookup(stream.encoding).name == "ascii"
            stream.reconfigure(encoding=_PLAIN if is_ascii else stream.encoding, errors=_PLAIN)


def _plain_ascii(name: str) -> codecs.CodecInfo | None:
    """Return ASCII under another name, because click writes UTF-8 to a stream whose encoding is called ASCII."""
    plain = codecs.lookup("ascii")
    if name != _PLAIN:
        return None
    return codecs.CodecInfo(
        plain.encode, plain.decode, plain.streamreader, plain.streamwriter, plain.incrementalencoder,
        plain.incrementaldecoder, name,
    )  # fmt: skip


def _to_ascii(error: UnicodeError) -> tuple[str, int]:
    assert isinstance(error, UnicodeEncodeError)
    text = error.object[error.start : error.end].translate(_ASCII)
    return text.encode("ascii", "backslashreplace").decode("ascii"), error.end


def _discard_unwritten() -> None:
    """Discard output that cannot be written; Python would report it once more at exit."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
