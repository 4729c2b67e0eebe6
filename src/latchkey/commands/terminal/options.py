"""Options that several commands have, and the group that commands such as `keys` are."""

from __future__ import annotations

from pathlib import Path

import click

config_option = click.option(
    "--config",
    "config_path",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="config.toml to use (default: $LATCHKEY_CONFIG, else the one in this folder)",
)
json_option = click.option("--json", "as_json", is_flag=True, help="print one JSON document")
yes_option = click.option("--yes", is_flag=True, help="do not ask for confirmation")


class CommandGroup(click.Group):
    """A group whose help shows the first paragraph of each command in full."""

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            rows = [(name, (command.help or "").partition("\n\n")[0]) for name, command in self.commands.items()]
            formatter.write_dl([(name, " ".join(text.split())) for name, text in rows])
