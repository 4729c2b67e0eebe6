"""Installations to save, and look-ups with short arguments."""

from typing import Any

from slack_sdk.oauth.installation_store import Bot, Installation

from latchkey.storage import BOTS, INSTALLATIONS, WORKSPACES, Store


def installation(team_id: str | None = "T1", user_id: str = "U1", **values: Any) -> Installation:
    defaults: dict[str, Any] = {
        "app_id": "A1",
        "team_id": team_id,
        "user_id": user_id,
        "bot_token": f"xoxb-{team_id}-{user_id}",
        "bot_id": "B1",
        "bot_user_id": "UB1",
        "bot_scopes": ["chat:write"],
        "installed_at": 1_700_000_000.5,
    }
    return Installation(**{**defaults, **values})


def user_only(user_id: str = "U2", **values: Any) -> Installation:
    return installation(
        user_id=user_id,
        bot_token=None,
        bot_id=None,
        bot_user_id=None,
        bot_scopes=[],
        **{"user_token": f"xoxp-{user_id}", **values},
    )


def find(store: Store, team_id: str | None = "T1", **ids: Any) -> Installation | None:
    return store.installations.find_installation(enterprise_id=ids.pop("enterprise_id", None), team_id=team_id, **ids)


def find_bot(store: Store, team_id: str | None = "T1", **ids: Any) -> Bot | None:
    return store.installations.find_bot(enterprise_id=ids.pop("enterprise_id", None), team_id=team_id, **ids)


def count_records(store: Store) -> int:
    """Return the number of records of all installations."""
    use = store.keys.use()
    return sum(sum(use[table].values()) for table in (BOTS, INSTALLATIONS, WORKSPACES))
