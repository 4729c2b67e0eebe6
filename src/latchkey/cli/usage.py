"""Says what is wrong with a command line, and what was probably meant."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from difflib import get_close_matches

import click
from click.exceptions import NoSuchCommand, NoSuchOption

from latchkey.errors import LatchkeyError
from latchkey.logs import without_tokens

_SYNONYMS = {"start": "serve", "run": "serve", "up": "serve"}
"""What other tools call our commands."""
_VERY_CLOSE = 0.75
"""A misspelt word (`difflib`), rather than a different one. Looking for that one imports all commands."""


def explain(error: click.ClickException, command: click.Command, name: str, arguments: Sequence[str]) -> LatchkeyError:
    """Return the error as a message and a hint; it was raised when `command` was run by this name."""
    if not isinstance(error, click.UsageError):
        return LatchkeyError(_in_our_style(error))
    # click does not know the context of an option without its value.
    context = error.ctx or _called(click.Context(command, info_name=name), arguments)
    see = f"see `{context.command_path} --help`"
    match error:
        case NoSuchCommand(command_name=name):
            assert isinstance(context.command, click.Group)
            group = "" if context.parent is None else f" of `{context.command_path}`"
            meant = _did_you_mean(_commands_like(name, context.command, context))
            return LatchkeyError(f"no such command {name!r}{group}{meant}", hint=see)
        case NoSuchOption(option_name=name):
            options = [option for parameter in context.command.get_params(context) for option in parameter.opts]
            return LatchkeyError(f"no such option {name}{_did_you_mean(get_close_matches(name, options, 1))}", hint=see)
        case click.MissingParameter(param=click.Parameter() as parameter):
            pieces = " ".join(context.command.collect_usage_pieces(context))
            return LatchkeyError(
                f"{_name_of(parameter, context)} is missing", hint=f"usage: {context.command_path} {pieces}"
            )
        case click.BadOptionUsage(option_name=name):
            return LatchkeyError(f"{name} {_missing_or_needless_value(name, context)}", hint=see)
        case click.BadParameter(param=click.Option() as option):
            return LatchkeyError(f"{_name_of(option, context)}: {error.message}", hint=see)
        case click.BadParameter(param=click.Argument()):
            return LatchkeyError(error.message, hint=see)
    return LatchkeyError(_in_our_style(error), hint=see)


def _in_our_style(error: click.ClickException) -> str:
    message = error.format_message().rstrip(".")
    # A token that somebody passes as an argument would be quoted.
    return without_tokens(message[:1].lower() + message[1:])


def _called(context: click.Context, arguments: Sequence[str]) -> click.Context:
    """Return the context of the innermost command that these arguments name."""
    for argument in arguments:
        if not isinstance(context.command, click.Group):
            break
        command = context.command.get_command(context, argument)
        if command is not None:
            context = click.Context(command, parent=context, info_name=argument)
    return context


def _missing_or_needless_value(name: str, context: click.Context) -> str:
    options = [item for item in context.command.get_params(context) if isinstance(item, click.Option)]
    is_flag = any(item.is_flag for item in options if name in item.opts)
    return "takes no value" if is_flag else "needs a value"


def _did_you_mean(names: Iterable[str]) -> str:
    *others, last = [repr(name) for name in names] or [""]
    quoted = f"{', '.join(others)} or {last}" if others else last
    return f"; did you mean {quoted}?" if quoted else ""


def _commands_like(name: str, group: click.Group, context: click.Context) -> list[str]:
    """Return the commands that were probably meant; at the top level, also those of the groups."""
    names = group.list_commands(context)
    close = get_close_matches(name, names, 3)
    if context.parent is not None or get_close_matches(name, names, 1, _VERY_CLOSE):
        return close
    inner: dict[str, str] = {}
    for outer in names:
        command = group.get_command(context, outer)
        if isinstance(command, click.Group):
            inner |= {f"{outer} {each}": each for each in command.list_commands(context)}
    same = [path for path, each in inner.items() if each == name]
    synonyms = [_SYNONYMS[name]] if name in _SYNONYMS else []
    return synonyms or same or close or [path for path, each in inner.items() if get_close_matches(name, [each])]


def _name_of(parameter: click.Parameter, context: click.Context) -> str:
    """Return the longest name of an option, or an argument as the usage line shows it."""
    if isinstance(parameter, click.Option):
        return max(parameter.opts, key=len)
    return parameter.make_metavar(context).strip("[]{}")
