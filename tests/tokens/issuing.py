"""Issues token pairs of a simulated Slack directly into a store, without the pages of an install."""

from typing import Any

from slack_sdk.oauth.installation_store import Installation

from latchkey.simulator import SimulatedWorkspace, Slack, Token
from latchkey.storage import Store


def pair_of(slack: Slack, team_id: str, user_id: str, *, is_bot: bool) -> dict[str, Any]:
    workspace = SimulatedWorkspace(team_id, team_id)
    return slack.world.token_book.issue_pair(Token(workspace, user_id, is_bot, False, "chat:write"))


def save_pairs(
    slack: Slack, store: Store, team_id: str, user_id: str, now: float, *, bot: bool = True, user: bool = True
) -> Installation:
    """Save an installation with a bot's and a user's pair, as an install does."""
    fields: dict[str, Any] = {}
    for kind, wanted, owner in (("bot", bot, "UBOT"), ("user", user, user_id)):
        if wanted:
            pair = pair_of(slack, team_id, owner, is_bot=kind == "bot")
            fields |= {
                f"{kind}_token": pair["access_token"],
                f"{kind}_refresh_token": pair["refresh_token"],
                f"{kind}_token_expires_at": int(now) + pair["expires_in"],
                f"{kind}_scopes": ["chat:write"],
            }
    installation = Installation(app_id="A0LATCHKEY", team_id=team_id, user_id=user_id, installed_at=now, **fields)
    store.installations.save(installation)
    return installation
