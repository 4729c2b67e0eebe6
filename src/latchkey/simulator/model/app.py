"""The app as it is configured at Slack."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias
from urllib.parse import urlsplit

from latchkey.simulator.workspaces import APP_ID

DescribeScope: TypeAlias = Callable[[str, bool], str]
"""Called with a scope, and whether it is a user scope; returns what it lets an app do, or an empty string."""

CALLBACK_PATHS = ("/slack/oauth_redirect", "/slack/oauth/callback")


def not_described(scope: str, as_user: bool) -> str:
    """Describe no scope: the consent page then shows its name."""
    return ""


def redirect_uris_at(origin: str, manifest: Mapping[str, Any] | None = None) -> tuple[str, ...]:
    """Return the redirect URLs of an app that is reached at `origin`: Bolt's, Latchkey's, and those in its manifest.

    The manifest's host is that of the app's server on the internet, so only the paths are used.
    """
    urls = ((manifest or {}).get("oauth_config") or {}).get("redirect_urls") or ()
    paths = dict.fromkeys([*CALLBACK_PATHS, *(urlsplit(str(url)).path for url in urls)])
    return tuple(origin + path for path in paths)


@dataclass(frozen=True)
class SlackApp:
    """The app as it is configured at Slack."""

    client_id: str
    client_secret: str
    signing_secret: str
    redirect_uris: tuple[str, ...]
    events_url: str
    token_rotation: bool = False
    bot_optional: tuple[str, ...] = ()
    """Bot scopes that a person may decline."""
    user_optional: tuple[str, ...] = ()
    app_id: str = APP_ID
    name: str = "Latchkey"
