"""What all commands share: options, questions, output and progress.

Results go to stdout, everything else to stderr. `--json` prints one JSON document on stdout and nothing else.
"""

from latchkey.commands.terminal.options import (
    CommandGroup,
    Number,
    Time,
    Word,
    config_option,
    first,
    json_option,
    limit_option,
    yes_option,
)
from latchkey.commands.terminal.output import duration, encode_json, print_json, say, utc
from latchkey.commands.terminal.progress import show_progress
from latchkey.commands.terminal.questions import EXIT_UNCONFIRMED, confirm, confirm_by_typing
from latchkey.commands.terminal.tables import as_text, print_gap, print_table, print_values

__all__ = [
    "EXIT_UNCONFIRMED",
    "CommandGroup",
    "Number",
    "Time",
    "Word",
    "as_text",
    "config_option",
    "confirm",
    "confirm_by_typing",
    "duration",
    "encode_json",
    "first",
    "json_option",
    "limit_option",
    "print_gap",
    "print_json",
    "print_table",
    "print_values",
    "say",
    "show_progress",
    "utc",
    "yes_option",
]
