"""What the tests of refused installs share: an install, the list of workspaces, and the tokens that are left."""

from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlsplit

from slack_sdk.oauth.installation_store import Installation

from latchkey.handlers import Services
from latchkey.simulator import Browser, Slack, Token
from latchkey.storage import Store
from latchkey.tokens import AllowedWorkspaces
from tests.handlers.install.flow import authorize_url


@dataclass
class Page:
    status: int
    text: str


async def install(browser: Browser, base_url: str, slack: Slack, team_id: str = "T0ACME", **options: Any) -> Page:
    page = await browser.open(slack.approve(await authorize_url(browser, base_url), team_id, **options))
    return Page(page.code, page.body.decode())


def allow(services: Services, *ids: str) -> None:
    """Change the list, as a restart with another configuration does."""
    object.__setattr__(services, "allowed_workspaces", AllowedWorkspaces(ids))


def methods(slack: Slack) -> list[str]:
    return [call.method for call in slack.world.calls if call.method != "oauth.v2.access"]


def live_tokens(slack: Slack) -> set[str]:
    now = slack.world.clock()
    return {value for value, token in slack.world.tokens.items() if token.is_live(now)}


def live_refresh_tokens(slack: Slack) -> list[Any]:
    return [found for found in slack.world.refresh_tokens.values() if not found.revoked and not found.access.ended]


async def nothing_left(store: Store) -> bool:
    return not await store.undos.async_all()


def code_for(slack: Slack, services: Services) -> str:
    """Return the code of an approved install."""
    callback = slack.approve(services.oauth.authorize_url("state"))
    return parse_qs(urlsplit(callback).query)["code"][0]


def save(store: Store, slack: Slack, team_id: str = "T0ACME", user_id: str = "U0BOSS", **fields: Any) -> set[str]:
    """Store an installation whose tokens are valid, and return them."""
    workspace = slack.workspace(team_id)
    bot = slack.world.issue_token("xoxb", Token(workspace, "UBOT", True, False, "chat:write"))
    user = slack.world.issue_token("xoxp", Token(workspace, user_id, False, False, "search:read"))
    store.installations.save(
        Installation(
            team_id=team_id,
            enterprise_id=workspace.enterprise_id,
            user_id=user_id,
            bot_token=bot,
            user_token=user,
            **fields,
        )
    )
    return {bot, user}


def bot_of_acme(slack: Slack) -> str:
    return slack.world.issue_token("xoxb", Token(slack.workspace(), "UBOT", True, False, "chat:write"))
