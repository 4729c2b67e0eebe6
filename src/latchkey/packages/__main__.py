"""`python -m latchkey.packages CHECKOUT [ARGUMENTS…]`: installs the app's packages, for the launcher.

The arguments are those of the command that is about to run; only `--config` matters.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from latchkey.errors import PackagesError
from latchkey.logs import print_error
from latchkey.packages import (
    Installation,
    install,
    is_complete_release,
    read_locks,
    requirement_files,
)


def main(arguments: Sequence[str], environ: Mapping[str, str]) -> int:
    """Install them unless they are installed; returns the exit code."""
    checkout = Path(arguments[0])
    files = requirement_files(_base(arguments[1:], environ), checkout)
    if not files or is_complete_release(checkout):
        return 0
    environment = Path(sys.prefix)
    locks = read_locks(checkout, environment)
    try:
        install(files, locks, Installation(environment, checkout / ".venv.lock"), _say)
    except PackagesError as error:
        if error.output:
            print(error.output, file=sys.stderr)  # noqa: T201
        print_error(error)
        return error.exit_code
    return 0


def _base(arguments: Sequence[str], environ: Mapping[str, str]) -> Path | None:
    """Return the folder of the config.toml that the command will read, or None if there is none."""
    named = environ.get("LATCHKEY_CONFIG") or "config.toml"
    for argument, following in zip(arguments, [*arguments[1:], ""], strict=True):
        if argument == "--config":
            named = following
        elif argument.startswith("--config="):
            named = argument.partition("=")[2]
    return Path(named).absolute().parent if Path(named).is_file() else None


def _say(line: str) -> None:
    print(f"latchkey: {line}", file=sys.stderr, flush=True)  # noqa: T201


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:], os.environ))
    except KeyboardInterrupt:
        sys.exit(130)
