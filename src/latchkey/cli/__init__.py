"""The command line."""

from collections.abc import Sequence

from latchkey.cli.interrupts import quiet_interrupts


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command on the command line; returns the exit code."""
    with quiet_interrupts():
        from latchkey.cli.commands import cli
        from latchkey.cli.run import run
    return run(cli, "latchkey", arguments)


__all__ = ["main"]
