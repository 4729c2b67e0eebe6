"""The administrator's front door: `latchkey COMMAND`.

Rule: an error is one line on stderr, and a line `hint:` says what to do. Exit
codes: 0 done, 1 failed, 2 usage, 3 confirmation needed and not given, 4 another
run holds the lock, 78 bad configuration.
"""

from __future__ import annotations

import sys

import click

from commands import backup, config, doctor, events, installs, keys, manifest, proxy_config, restore
from commands.output import EXIT_ANOTHER_RUN, EXIT_FAILED, VERSION, say
from errors import EXIT_CONFIG, AnotherRun, ConfigError, LatchkeyError

_EXIT_CODES = {ConfigError: EXIT_CONFIG, AnotherRun: EXIT_ANOTHER_RUN}


@click.group(
    name="latchkey",
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Also: serve (the server), demo (try it without a Slack account), test, bench; each has --help.",
)
@click.version_option(VERSION, prog_name="latchkey")
def cli() -> None:
    """Latchkey, a self-hosted Slack app server."""


cli.add_command(backup.command)
cli.add_command(config.group)
cli.add_command(doctor.command)
cli.add_command(events.group)
cli.add_command(installs.group)
cli.add_command(keys.group)
cli.add_command(manifest.command)
cli.add_command(proxy_config.command)
cli.add_command(restore.command)


def main() -> int:
    """Run the command on the command line; returns the exit code."""
    try:
        return int(cli.main(standalone_mode=False) or 0)
    except LatchkeyError as error:
        for line in error.lines:
            say(f"latchkey: {line}")
        if error.hint:
            say(f"hint: {error.hint}")
        return _EXIT_CODES.get(type(error), EXIT_FAILED)
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except click.Abort:
        return EXIT_FAILED


if __name__ == "__main__":
    sys.exit(main())
