"""The steps of an install that several tests share."""

import html
import re
from urllib.parse import parse_qs, urlsplit

from latchkey.simulator import Browser

CALLBACK = "/slack/oauth/callback"


async def authorize_url(browser: Browser, base_url: str) -> str:
    page = await browser.get(base_url + "/slack/install")
    found = re.search(r'href="([^"]*authorize[^"]*)"', page.body.decode())
    assert found
    return html.unescape(found[1])


def state_in(url: str) -> str:
    return parse_qs(urlsplit(url).query)["state"][0]
