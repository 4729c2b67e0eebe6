"""The steps of an install that several tests share."""

import html
import re
from urllib.parse import parse_qs, urlsplit

from latchkey.simulator import Browser

CALLBACK = "/slack/oauth/callback"


async def authorize_url(browser: Browser, base_url: str) -> str:
    return await authorize_url_of(browser, base_url + "/slack/install")


async def authorize_url_of(browser: Browser, install_url: str) -> str:
    """Return the link to Slack on the install page that has this address."""
    page = await browser.get(install_url)
    found = re.search(r'href="([^"]*authorize[^"]*)"', page.body.decode())
    assert found
    return html.unescape(found[1])


def state_in(url: str) -> str:
    return parse_qs(urlsplit(url).query)["state"][0]
