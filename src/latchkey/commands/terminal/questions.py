"""Asks the operator to confirm what a command is about to change."""

from __future__ import annotations

import sys

import click

from latchkey.commands.terminal.output import say

EXIT_UNCONFIRMED = 3


def confirm(question: str, *, yes: bool) -> None:
    """Return if the operator agrees; otherwise end the command with EXIT_UNCONFIRMED."""
    if yes:
        return
    if not sys.stdin.isatty():
        say(f"latchkey: {question} Aborted: not a terminal, so it cannot be confirmed.")
        say("hint: add --yes")
        sys.exit(EXIT_UNCONFIRMED)
    if not click.confirm(question, err=True):
        say("latchkey: aborted")
        sys.exit(EXIT_UNCONFIRMED)


def confirm_by_typing(question: str, word: str, *, yes: bool) -> None:
    """Like `confirm`, for actions that cannot be undone: the operator must type `word`."""
    if yes or not sys.stdin.isatty():
        confirm(question, yes=yes)
    elif click.prompt(f"{question} Type {word} to confirm", default="", show_default=False, err=True) != word:
        say("latchkey: aborted")
        sys.exit(EXIT_UNCONFIRMED)
