"""The app configuration token: reads it from standard input, rotates it, and explains when Slack refuses it.

Invariant: a refresh token works once, so the new pair is on disk before it is used. Tokens come from standard input,
where other users of the machine cannot see them, and are never shown.
"""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

import click

from latchkey.commands.app.app_file import AppFile
from latchkey.commands.terminal import say
from latchkey.config import Settings
from latchkey.errors import LatchkeyError, SlackRefused, SlackUnavailable
from latchkey.slackapi.app_configuration import TOKEN_ERRORS, AppConfiguration

MARGIN_SECONDS = 600
"""A token that expires within this time is rotated first."""
WHERE = "generate one at https://api.slack.com/apps, under Your App Configuration Tokens"
_STORE = f"{WHERE}, and store it with `latchkey setup --token`"
_ACCESS = re.compile(r"xoxe\.[\x21-\x7e]{8,1000}", re.ASCII)
_REFRESH = re.compile(r"xoxe-[\x21-\x7e]{8,1000}", re.ASCII)
_HINT = f"{WHERE}; give the token (xoxe.xoxp-…) and its refresh token (xoxe-…), one per line"


def app_configuration(settings: Settings) -> AppConfiguration:
    """Return the calls to Slack; a wait for the rate limit is reported on stderr."""
    return AppConfiguration(
        settings.slack.api_url,
        proxy_for=settings.proxies.arguments,
        on_wait=lambda seconds: say(f"Slack limits the rate of such calls; waiting {seconds:.0f} s"),
    )


def read_token(file: AppFile) -> None:
    """Read a token and its refresh token from standard input, and store them. Raises LatchkeyError."""
    token, refresh_token = _tokens(_lines())
    file.change(token=token, refresh_token=refresh_token, expires_at=0, rotating=False)


def usable_token(file: AppFile, slack: AppConfiguration, clock: Callable[[], float] = time.time) -> str:
    """Return a token that is valid for some minutes, and rotate the stored one if it is not. Raises LatchkeyError."""
    record = file.record
    if record.token and clock() < record.expires_at - MARGIN_SECONDS:
        return record.token
    if not record.refresh_token:
        if record.token:
            return record.token
        raise LatchkeyError("there is no app configuration token", hint=_STORE)
    file.change(rotating=True)
    try:
        pair = slack.rotate(record.refresh_token)
    except SlackRefused as error:
        if error.reason not in TOKEN_ERRORS:
            raise
        forget_token(file)
        cause = " An earlier rotation was interrupted, and its answer is lost." if record.rotating else ""
        raise LatchkeyError(
            f"Slack does not accept the refresh token of the app configuration token ({error.reason}).{cause}",
            hint=_STORE,
        ) from None
    file.change(token=pair.token, refresh_token=pair.refresh_token, expires_at=pair.expires_at, rotating=False)
    return pair.token


def forget_token(file: AppFile) -> None:
    """Delete the stored token and its refresh token here."""
    file.change(token="", refresh_token="", expires_at=0, rotating=False)


@contextmanager
def explained_refusals(file: AppFile) -> Iterator[None]:
    """Say what to do if Slack refuses the configuration token, or does not answer.

    A refused token is deleted, so that the next command asks for another one or uses the refresh token.
    """
    try:
        yield
    except SlackRefused as error:
        if error.reason in TOKEN_ERRORS:
            file.change(token="", expires_at=0)
            raise LatchkeyError(
                f"Slack does not accept the app configuration token ({error.method}: {error.reason})",
                hint=_STORE,
            ) from None
        raise
    except SlackUnavailable as error:
        error.hint = error.hint or "nothing was changed; run the command again later"
        raise


def _lines() -> list[str]:
    if not sys.stdin.isatty():
        return [line.strip() for line in sys.stdin if line.strip()]
    say(f"An app configuration token is needed: {WHERE}.")
    prompts = ("token (xoxe.xoxp-…)", "refresh token (xoxe-…)")
    given = [
        click.prompt(f"{each}, not shown", default="", show_default=False, hide_input=True, err=True)
        for each in prompts
    ]
    return [line.strip() for line in given if line.strip()]


def _tokens(lines: Iterable[str]) -> tuple[str, str]:
    """Return the token and the refresh token, one of which may be empty; an error shows no line's content."""
    token = refresh_token = ""
    for number, line in enumerate(lines, 1):
        if _ACCESS.fullmatch(line) and not token:
            token = line
        elif _REFRESH.fullmatch(line) and not refresh_token:
            refresh_token = line
        else:
            raise LatchkeyError(f"line {number} of the input is not an app configuration token", hint=_HINT)
    if not (token or refresh_token):
        raise LatchkeyError("there is no app configuration token on standard input", hint=_HINT)
    return token, refresh_token
