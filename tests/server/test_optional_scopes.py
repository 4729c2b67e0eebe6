"""Optional scopes are requested at each install, and the page says that they can be declined."""

import html
import re
from contextlib import closing
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from latchkey.storage import open_for_command
from tests.support.running import Running, running

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


def granted(it: Running) -> tuple[set[str], set[str]]:
    """Return the scopes of the bot and of the installer, of which no required one may be missing."""
    with closing(open_for_command(it.store, it.server.folder / "keys" / "keyring")) as store:
        [workspace] = store.workspaces.all()
    assert workspace.bot is not None
    assert workspace.missing_scopes(["chat:write"]) == workspace.missing_user_scopes(["users:read"]) == []
    return set(workspace.bot.bot_scopes), set(workspace.installers[0].user_scopes or ())


@pytest.mark.gen_test(timeout=30)
async def test_a_declined_scope_can_be_granted_later_and_is_kept(tmp_path: Path) -> None:
    optional = {"bot": ["pins:write", "files:write"], "user": ["search:read"]}
    required = {"chat:write"}, {"users:read"}
    async with running(tmp_path, environment=ENVIRONMENT) as it:
        it.slack.make_optional(**optional)
        found = []
        for declined in (["pins:write", "files:write", "search:read"], ["files:write"], ["pins:write", "search:read"]):
            url = await it.check.begin_install(it.browser)
            assert (await it.browser.open(it.slack.approve(url, declined=declined))).code == 200
            found.append(granted(it))
    assert found[0] == required
    assert found[1] == ({"chat:write", "pins:write"}, {"users:read", "search:read"})
    assert found[2] == ({"chat:write", "pins:write", "files:write"}, {"users:read", "search:read"})
