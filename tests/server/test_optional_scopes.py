"""Optional scopes are requested at each install, and the page says that they can be declined."""

import html
import re
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.support.running import running

ENVIRONMENT = {
    "LATCHKEY_SLACK_SCOPES": "chat:write,pins:write",
    "LATCHKEY_SLACK_OPTIONAL_SCOPES": "pins:write,files:write",
    "LATCHKEY_SLACK_USER_SCOPES": "users:read",
    "LATCHKEY_SLACK_OPTIONAL_USER_SCOPES": "search:read",
}


@pytest.mark.gen_test(timeout=30)
async def test_an_install_requests_optional_scopes_and_its_page_says_so(tmp_path: Path) -> None:
    async with running(tmp_path, environment=ENVIRONMENT) as it:
        page = (await it.browser.get(it.server.url + "/slack/install")).body.decode()
    [link] = re.findall(r'href="([^"]*authorize[^"]*)"', page)
    query = parse_qs(urlsplit(html.unescape(link)).query)
    assert query["scope"] == ["chat:write,pins:write,files:write"]
    assert query["user_scope"] == ["users:read,search:read"]
    optional = re.findall(r"<code>([^<]+)</code> \(optional: you can decline it\)", page)
    assert optional == ["pins:write", "files:write", "search:read"]
