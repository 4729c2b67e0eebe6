"""Values that pass from an install link to the installation: signed ones, and unsigned ones that are named."""

import html
import re
import time
from pathlib import Path
from urllib.parse import urlencode

import pytest

from latchkey.errors import StoreUnavailable
from latchkey.simulator import Browser, Slack
from latchkey.storage import Store, read_keyring, seal_values
from latchkey.storage.crypto import Sealer
from tests.handlers.install.flow import authorize_url_of
from tests.support.clocks import Clock
from tests.support.waiting import until


@pytest.fixture
def settings() -> dict[str, object]:
    return {"unsigned_metadata": ["ref", "lang"]}


@pytest.fixture
def keyring(store: Store, tmp_path: Path) -> Path:
    return tmp_path / "keys" / "keyring"


def signed(keyring: Path, expires_at: float = 1e12, **values: str) -> str:
    return seal_values(read_keyring(keyring), values, expires_at)


def install_url(base_url: str, **query: str) -> str:
    return f"{base_url}/slack/install?{urlencode(query)}"


async def install(browser: Browser, slack: Slack, url: str) -> int:
    callback = slack.approve(await authorize_url_of(browser, url))
    return (await browser.open(callback)).code


def values_in(store: Store, user_id: str | None = None) -> dict[str, object]:
    found = store.installations.find_installation(enterprise_id=None, team_id="T0ACME", user_id=user_id)
    assert found is not None
    return found.custom_values


class TestSigned:
    @pytest.mark.gen_test
    async def test_values_of_a_signed_link_are_stored_with_the_installation(
        self, browser: Browser, base_url: str, slack: Slack, store: Store, keyring: Path
    ) -> None:
        link = install_url(base_url, values=signed(keyring, tenant="42", plan="größer"))
        assert await install(browser, slack, link) == 200
        assert values_in(store) == {"tenant": "42", "plan": "größer"}

    @pytest.mark.gen_test
    async def test_a_value_cannot_be_read_in_the_link(
        self, base_url: str, keyring: Path, browser: Browser, all_logs: pytest.LogCaptureFixture
    ) -> None:
        text = signed(keyring, tenant="sentinel")
        page = await browser.get(install_url(base_url, values=text))
        assert "sentinel" not in text + all_logs.text + page.body.decode()
        assert text not in all_logs.text

    @pytest.mark.gen_test
    @pytest.mark.parametrize("text", ["", "x", "v1.", "v1.0123456789abcdef.gAAAA", "é", "\0", "x" * 3000])
    async def test_a_link_that_was_not_signed_here_gets_a_page_without_a_button(
        self, browser: Browser, base_url: str, slack: Slack, text: str
    ) -> None:
        page = await browser.get(install_url(base_url, values=text))
        assert page.code == 400
        assert b"This link is not valid" in page.body
        assert b"Start again" not in page.body

    @pytest.mark.gen_test
    async def test_a_changed_or_repeated_link_is_refused(self, browser: Browser, base_url: str, keyring: Path) -> None:
        text = signed(keyring, tenant="42")
        changed = text[:60] + ("A" if text[60] != "A" else "B") + text[61:]
        assert (await browser.get(install_url(base_url, values=changed))).code == 400
        twice = urlencode([("values", text), ("values", text)])
        assert (await browser.get(f"{base_url}/slack/install?{twice}")).code == 400

    @pytest.mark.gen_test
    async def test_a_record_of_the_store_is_not_a_link(self, browser: Browser, base_url: str, keyring: Path) -> None:
        content = {"values": {"tenant": "42"}, "expires_at": 1e12}
        record = Sealer(read_keyring(keyring)).seal("states", "", content).decode().replace(":", ".")
        assert (await browser.get(install_url(base_url, values=record))).code == 400

    @pytest.mark.gen_test
    async def test_an_expired_link_gets_a_page_that_says_so(
        self, browser: Browser, base_url: str, keyring: Path, clock: Clock
    ) -> None:
        link = install_url(base_url, values=signed(keyring, clock.now + 60, tenant="42"))
        assert (await browser.get(link)).code == 200
        clock.now += 60
        page = await browser.get(link)
        assert page.code == 410
        assert b"This link has expired" in page.body

    @pytest.mark.gen_test
    async def test_a_link_stays_valid_during_a_key_rotation_and_ends_with_its_key(
        self, browser: Browser, base_url: str, store: Store, keyring: Path
    ) -> None:
        link = install_url(base_url, values=signed(keyring, tenant="42"))
        old = read_keyring(keyring).primary_key.key_id
        store.keys.add()
        assert (await browser.get(link)).code == 200
        store.keys.retire(old, {}, confirm=lambda needed: None)
        await until(lambda: old not in store.keys._sealer.keyring.key_ids)
        assert (await browser.get(link)).code == 400

    @pytest.mark.gen_test
    async def test_starting_again_after_a_failure_keeps_the_values(
        self, browser: Browser, base_url: str, slack: Slack, store: Store, keyring: Path
    ) -> None:
        link = install_url(base_url, values=signed(keyring, tenant="42"), team="T0ACME", utm_source="mail")
        page = await browser.get(slack.cancel(await authorize_url_of(browser, link)))
        again = await authorize_url_of(browser, base_url + restart_path(page.body.decode()))
        assert "team=T0ACME" in again
        assert (await browser.open(slack.approve(again))).code == 200
        assert values_in(store) == {"tenant": "42"}

    @pytest.mark.gen_test
    async def test_another_browser_cannot_continue_with_the_values(
        self, browser: Browser, base_url: str, slack: Slack, keyring: Path
    ) -> None:
        """Otherwise an attacker's link could bind a victim's workspace to the attacker's tenant."""
        link = install_url(base_url, values=signed(keyring, tenant="42"))
        callback = slack.approve(await authorize_url_of(browser, link))
        victim = Browser()
        page = await victim.get(callback)
        victim.close()
        assert page.code == 400
        assert restart_path(page.body.decode()) == "/slack/install"

    @pytest.mark.gen_test
    async def test_installing_again_without_the_link_keeps_the_workspaces_values(
        self, browser: Browser, base_url: str, slack: Slack, store: Store, keyring: Path
    ) -> None:
        await install(browser, slack, install_url(base_url, values=signed(keyring, tenant="42", plan="a")))
        await install(browser, slack, install_url(base_url, values=signed(keyring, plan="b")))
        await install(browser, slack, install_url(base_url))
        assert values_in(store) == {"tenant": "42", "plan": "b"}

    @pytest.mark.gen_test
    async def test_earlier_values_that_cannot_be_read_lose_no_fresh_token(
        self, browser: Browser, base_url: str, slack: Slack, store: Store, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async def fail(**_: object) -> None:
            raise StoreUnavailable("locked", "the store is locked")

        monkeypatch.setattr(store.installations, "async_find_installation", fail)
        assert await install(browser, slack, install_url(base_url)) == 200
        assert store.installations.find_bot(enterprise_id=None, team_id="T0ACME") is not None


def restart_path(page: str) -> str:
    found = re.search(r'href="([^"]*)">Start again', page)
    assert found
    return html.unescape(found[1])


class TestUnsigned:
    @pytest.mark.gen_test
    async def test_only_the_parameters_that_the_configuration_names_are_stored(
        self, browser: Browser, base_url: str, slack: Slack, store: Store
    ) -> None:
        url = install_url(base_url, ref="mail", tenant="42", lang="", team="T0ACME")
        assert await install(browser, slack, url) == 200
        assert values_in(store) == {"ref": "mail"}

    @pytest.mark.gen_test
    async def test_a_signed_value_wins_over_an_unsigned_one(
        self, browser: Browser, base_url: str, slack: Slack, store: Store, keyring: Path
    ) -> None:
        url = install_url(base_url, ref="forged", values=signed(keyring, ref="true"))
        assert await install(browser, slack, url) == 200
        assert values_in(store) == {"ref": "true"}

    @pytest.mark.gen_test
    @pytest.mark.parametrize(
        "query",
        [
            [("ref", "x" * 501)],
            [("ref", "a\x7fb")],
            [("ref", "a"), ("ref", "b")],
            [("ref", "\u00e9" * 499), ("lang", "\u00e9" * 499)],
        ],
        ids=["long", "unprintable", "repeated", "large together"],
    )
    async def test_parameters_out_of_bounds_get_an_error_page(
        self, browser: Browser, base_url: str, store: Store, query: list[tuple[str, str]]
    ) -> None:
        page = await browser.get(f"{base_url}/slack/install?{urlencode(query)}")
        assert page.code == 400
        assert b"This link is broken" in page.body


class TestStates:
    @pytest.mark.gen_test
    async def test_values_are_encrypted_while_the_install_runs(
        self, browser: Browser, base_url: str, store: Store, keyring: Path, tmp_path: Path
    ) -> None:
        await browser.get(install_url(base_url, values=signed(keyring, tenant="sentinel"), ref="sentinel"))
        assert not any(b"sentinel" in path.read_bytes() for path in (tmp_path / "data").iterdir() if path.is_file())


def test_the_limits_hold_when_a_link_is_made(keyring: Path) -> None:
    many = {f"n{number}": "x" for number in range(21)}
    for values in (many, {"1a": "x"}, {"a b": "x"}, {"a" * 41: "x"}, {"a": ""}, {"a": "x" * 501}, {"a": "x\n"}):
        with pytest.raises(ValueError, match="value"):
            seal_values(read_keyring(keyring), values, time.time())
    longest = {"a": "\u00e9" * 245, "b": "\u00e9" * 245}
    assert len(seal_values(read_keyring(keyring), longest, time.time())) < 1900
