"""The owner of tokens that are added without asking Slack (`latchkey installs add --offline`)."""

from __future__ import annotations

import re
from typing import NamedTuple

from latchkey.config import SlackSection
from latchkey.errors import LatchkeyError
from latchkey.slackapi.administration import TokenOwner

_ID = re.compile(r"[A-Z][A-Z0-9]{1,30}")
_HINT = "Slack's auth.test returns the ids: team_id, enterprise_id, user_id and bot_id"
_FIRST_LETTERS = {"team": "T", "enterprise": "E", "user": "UW", "bot_user": "UW", "bot_id": "B"}


class NamedOwner(NamedTuple):
    """What the operator has said on the command line, by option."""

    team: str | None
    enterprise: str | None
    user: str | None
    bot_user: str | None
    bot_id: str | None

    def owners(self, *, has_bot: bool, has_user: bool, granted: SlackSection) -> list[TokenOwner]:
        """Return the owner of each token, the bot's first, with the configured scopes that are not optional.

        Raises LatchkeyError if an id is missing, wrong, or of no use.
        """
        self._check(has_bot=has_bot, has_user=has_user)
        owners = []
        if has_bot:
            owners.append(self._owner(self.bot_user or "", self.bot_id, granted.scopes))
        if has_user:
            owners.append(self._owner(self.user or "", None, granted.user_scopes))
        return owners

    def _owner(self, user_id: str, bot_id: str | None, scopes: list[str]) -> TokenOwner:
        return TokenOwner(self.team, None, self.enterprise, user_id, bot_id, self.team is None, tuple(scopes))

    def _check(self, *, has_bot: bool, has_user: bool) -> None:
        given = {name: value for name, value in self._asdict().items() if value is not None}
        for name, value in given.items():
            if not _ID.fullmatch(value) or value[0] not in _FIRST_LETTERS[name]:
                letters = " or ".join(f"{letter}…" for letter in _FIRST_LETTERS[name])
                raise LatchkeyError(f"{_option(name)}: expected an id such as {letters}")
        if not (self.team or self.enterprise):
            raise LatchkeyError("--offline needs --team, or --enterprise if the app is installed for the whole org")
        needed = {"bot_user": (has_bot, "bot"), "bot_id": (has_bot, "bot"), "user": (has_user, "user")}
        for name, (has_token, kind) in needed.items():
            if has_token and name not in given:
                raise LatchkeyError(f"--offline needs {_option(name)} for a {kind} token", hint=_HINT)
            if not has_token and name in given:
                raise LatchkeyError(f"{_option(name)} is given, but no {kind} token", hint=_HINT)


def _option(name: str) -> str:
    """Return how an option is written on the command line."""
    return "--" + name.replace("_", "-")
