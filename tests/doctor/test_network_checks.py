"""Checks of the server, systemd, DNS, clock, certificate, proxy, and the app at Slack."""

import asyncio
import json
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from slack_sdk.oauth.installation_store import Installation

from tests.doctor.conftest import Home
from tests.doctor.fake_server import Responder, fake_server
from tests.support.network.certificates import certificate
from tests.support.network.connect_proxy import connect_proxy


def echo(body: bytes) -> tuple[int, bytes]:
    """Respond to a challenge as the server does."""
    return 200, json.loads(body)["challenge"].encode() if b"challenge" in body else b"{}"


class World:
    """Fake servers in place of Slack and of the public address."""

    def __init__(self, home: Home, stack: ExitStack) -> None:
        self.home = home
        self._stack = stack
        self.home.offline = False
        self.slack(lambda body: (200, b'{"ok":false,"error":"invalid_code"}'))
        self.public(echo)

    def slack(self, respond: Responder) -> None:
        self.home.environ["LATCHKEY_SLACK_API_URL"] = self._stack.enter_context(fake_server(respond)) + "/api/"

    def public(self, respond: Responder, **tls: object) -> int:
        """Serve at the public address; return the port."""
        url = self._stack.enter_context(fake_server(respond, **tls))  # type: ignore[arg-type]
        self.home.environ["LATCHKEY_SERVER_PUBLIC_URL"] = url
        return int(url.rpartition(":")[2])

    def codes(self) -> set[str]:
        return self.home.codes() - {"server-down"}


@pytest.fixture
def world(home: Home) -> Iterator[World]:
    with ExitStack() as stack:
        yield World(home, stack)


def test_a_working_environment_has_no_findings(world: World) -> None:
    # The fake Slack answers every call with invalid_code, which does not mean that a token is revoked.
    assert world.codes() == set()


@pytest.mark.parametrize("ahead", [-400, 400])
def test_reports_a_wrong_clock(world: World, ahead: float) -> None:
    world.home.ahead = ahead
    assert "clock-off" in world.codes()


def test_reports_a_name_that_cannot_be_resolved(world: World) -> None:
    world.home.environ["LATCHKEY_SERVER_PUBLIC_URL"] = "https://nowhere.invalid"
    assert world.codes() == {"dns-failed"}


def test_reports_an_unreachable_slack(world: World) -> None:
    world.home.environ["LATCHKEY_SLACK_API_URL"] = "http://localhost:9/api/"
    assert world.codes() == {"slack-unreachable"}


def test_reports_an_unreachable_public_address(world: World) -> None:
    world.home.environ["LATCHKEY_SERVER_PUBLIC_URL"] = "http://localhost:9"
    assert world.codes() == {"public-unreachable"}


@pytest.mark.parametrize(
    ("response", "code"),
    [((404, b""), "proxy-path"), ((200, b""), "proxy-path"), ((301, b""), "proxy-path"), ((403, b""), "proxy-body")],
)
def test_reports_a_proxy_that_does_not_forward_requests_unchanged(
    world: World, response: tuple[int, bytes], code: str
) -> None:
    world.public(lambda body: response)
    assert world.codes() == {code}


def test_reports_an_untrusted_certificate(world: World, tmp_path: Path) -> None:
    world.public(echo, context=certificate(tmp_path, "localhost")[0])
    assert world.codes() == {"certificate-invalid"}


@pytest.mark.parametrize(("days", "codes"), [(60, set()), (5, {"certificate-expiring"}), (-1, {"certificate-invalid"})])
def test_reports_a_certificate_that_expires_soon(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, days: int, codes: set[str]
) -> None:
    context, file = certificate(tmp_path, "localhost", days=days)
    monkeypatch.setenv("SSL_CERT_FILE", str(file))
    world.public(echo, context=context)
    # aiohttp created its own SSL context before the test; it trusts only the system's certificates.
    assert world.codes() - {"public-unreachable"} == codes


@pytest.mark.parametrize(("days", "code"), [(60, None), (5, "certificate-expiring"), (-1, "certificate-invalid")])
def test_checks_the_public_address_through_the_proxy(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, days: int, code: str | None
) -> None:
    context, file = certificate(tmp_path, "app.example.invalid", days=days)
    monkeypatch.setenv("SSL_CERT_FILE", str(file))

    async def codes() -> set[str]:
        routes = {"app.example.invalid:443": world.public(echo, context=context)}
        async with connect_proxy(routes, "clerk:sentinel") as proxy:
            world.home.environ["LATCHKEY_SERVER_PUBLIC_URL"] = "https://app.example.invalid"
            world.home.environ["HTTPS_PROXY"] = proxy.url
            found = await asyncio.to_thread(world.codes)
        assert set(proxy.asked_for) == {"app.example.invalid:443"}
        return found

    assert asyncio.run(codes()) - {"public-unreachable"} == ({code} if code else set())


def test_reports_an_unusable_proxy_and_sends_no_request(world: World) -> None:
    world.home.environ["LATCHKEY_SLACK_API_URL"] = "https://slack.com/api/"
    world.home.environ["HTTPS_PROXY"] = "socks5://sentinel:1080"
    [found] = [item for item in world.home.findings() if item.code != "server-down"]
    assert found.code == "config-invalid"
    assert found.message.startswith("HTTPS_PROXY: expected http://HOST:PORT")


@pytest.mark.parametrize("error", ["invalid_client_id", "bad_client_secret"])
def test_reports_credentials_that_slack_refuses(world: World, error: str) -> None:
    world.slack(lambda body: (200, json.dumps({"ok": False, "error": error}).encode()))
    assert world.codes() == {"credentials-refused"}


def test_reports_revoked_tokens(world: World) -> None:
    world.slack(lambda body: (200, b'{"ok":false,"error":"token_revoked"}'))
    found = {item.code: item for item in world.home.findings()}
    assert "tokens-revoked" in found
    assert "xoxb" not in found["tokens-revoked"].message


def test_checks_org_wide_installations_before_the_others(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("latchkey.doctor.check_slack_app.MAX_WORKSPACES", 1)
    with world.home.opened() as store:
        store.installations.save(
            Installation(enterprise_id="E0FOREST", user_id="U1", bot_token="xoxb-org", is_enterprise_install=True)
        )
    world.slack(lambda body: (200, b'{"ok":false,"error":"token_revoked"}'))
    found = {item.code: item for item in world.home.findings()}
    assert "E0FOREST" in found["tokens-revoked"].message


def test_offline_sends_no_request(world: World) -> None:
    world.home.offline = True
    requests: list[bytes] = []
    world.slack(lambda body: (requests.append(body), (500, b""))[1])
    world.public(lambda body: (requests.append(body), (500, b""))[1])
    assert world.codes() == set()
    assert not requests


def fake_commands(folder: Path, monkeypatch: pytest.MonkeyPatch, **outputs: str) -> None:
    for name, text in outputs.items():
        command = folder / name.replace("_", "-")
        command.write_text(f"#!/bin/sh\ncat <<'END'\n{text}\nEND\n")
        command.chmod(0o755)
    monkeypatch.setenv("PATH", str(folder), prepend=":")


@pytest.mark.parametrize(
    ("state", "restarts", "exposure", "codes"),
    [
        ("active", 0, "1.1", set()),
        ("failed", 5, "1.1", {"unit-failed"}),
        ("active", 9, "1.1", {"unit-failed"}),
        ("active", 0, "9.2", {"sandbox-weak"}),
    ],
)
def test_reports_what_systemd_says_about_the_unit(
    home: Home,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    state: str,
    restarts: int,
    exposure: str,
    codes: set[str],
) -> None:
    commands = tmp_path / "commands"
    commands.mkdir()
    fake_commands(
        commands,
        monkeypatch,
        systemctl=f"LoadState=loaded\nActiveState={state}\nResult=exit-code\nNRestarts={restarts}",
        systemd_analyze=f"→ Overall exposure level for latchkey.service: {exposure} OK",
    )
    assert home.codes() - {"server-down"} == codes
