"""Installs an app into a simulated workspace through its server's pages, as a person does."""

from __future__ import annotations

import html
import re

from latchkey.simulator.browser import Browser
from latchkey.simulator.pages import ConsentRefused
from latchkey.simulator.slack import Slack

_LINK = re.compile(r'href="([^"]*/oauth/v2/authorize[^"]*)"')


class NotInstalled(Exception):
    """The app could not be installed; the message says at which step."""


async def install_app(server_url: str, slack: Slack, team_id: str = "T0ACME") -> None:
    """Install the app of the server at this URL. Raises NotInstalled."""
    browser = Browser()
    try:
        page = await browser.get(f"{server_url}/slack/install")
        # With [install] page = false it redirects.
        authorize = page.headers.get("Location") or _link_in(page.body.decode())
        end = await browser.open(slack.approve(authorize, team_id))
        if end.code != 200:
            raise NotInstalled(f"the page at the end of the install has status {end.code}")
    except ConsentRefused as refused:
        raise NotInstalled(f"Slack refuses it: {refused}") from None
    finally:
        browser.close()


def _link_in(page: str) -> str:
    link = _LINK.search(page)
    if link is None:
        raise NotInstalled("the install page has no link to Slack")
    return html.unescape(link[1])
