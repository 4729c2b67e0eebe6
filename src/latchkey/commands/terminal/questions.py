"""Asks the operator to confirm what a command is about to change."""

from __future__ import annotations

import sys
from typing import NoReturn

import click

from latchkey.commands.terminal.output import say

EXIT_UNCONFIRMED = 3


def confirm(question: str, *, yes: bool) -> None:
    """Return if the operator agrees; otherwise, or at Ctrl-C, end the command with EXIT_UNCONFIRMED."""
    if yes:
        return
    if not sys.stdin.isatty():
        _end(f"{question} Not done: there is no terminal to ask on", hint="add --yes")
    try:
        agreed = click.confirm(question, err=True)
    except click.Abort:
        say("")  # Ctrl-C or Ctrl-D has left the cursor behind the question
        agreed = False
    if not agreed:
        _end("not done")


def confirm_by_typing(question: str, word: str, *, yes: bool) -> None:
    """Like `confirm`, for actions that cannot be undone: the operator must type `word`."""
    if yes or not sys.stdin.isatty():
        confirm(question, yes=yes)
        return
    try:
        typed = click.prompt(f"{question} Type {word} to confirm", default="", show_default=False, err=True)
    except click.Abort:
        say("")
        typed = ""
    if typed != word:
        _end("not done")


def _end(reason: str, *, hint: str = "") -> NoReturn:
    say(f"latchkey: {reason}")
    if hint:
        say(f"hint: {hint}")
    sys.exit(EXIT_UNCONFIRMED)
