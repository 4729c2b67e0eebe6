"""What lies around the store: the server, systemd, names, clocks, certificates, the proxy, and the app at Slack."""

import asyncio
import json
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from latchkey.simulator import Slack
from latchkey.storage import make_backup
from latchkey.storage.store import READY_SECONDS
from tests.doctor.conftest import Home
from tests.doctor.fake_server import Answer, answering, certificate
from tests.support.command_line import run
from tests.support.running import Running, running


def echo(body: bytes) -> tuple[int, bytes]:
    """Do as the server does with a challenge that it can verify."""
    return 200, json.loads(body)["challenge"].encode() if b"challenge" in body else b"{}"


class World:
    """Fake servers in place of Slack and of the public address."""

    def __init__(self, home: Home, stack: ExitStack) -> None:
        self.home = home
        self._stack = stack
        self.home.offline = False
        self.slack(lambda body: (200, b'{"ok":false,"error":"invalid_code"}'))
        self.public(echo)

    def slack(self, answer: Answer) -> None:
        self.home.environ["LATCHKEY_SLACK_API_URL"] = self._stack.enter_context(answering(answer)) + "/api/"

    def public(self, answer: Answer, **tls: object) -> None:
        url = self._stack.enter_context(answering(answer, **tls))  # type: ignore[arg-type]
        self.home.environ["LATCHKEY_SERVER_PUBLIC_URL"] = url

    def codes(self) -> set[str]:
        return self.home.codes() - {"server-down"}


@pytest.fixture
def world(home: Home) -> Iterator[World]:
    with ExitStack() as stack:
        yield World(home, stack)


def test_sound_surroundings(world: World) -> None:
    # The fake Slack answers every call with invalid_code, which does not mean that a token is revoked.
    assert world.codes() == set()


@pytest.mark.parametrize("ahead", [-400, 400])
def test_a_clock_that_is_off(world: World, ahead: float) -> None:
    world.home.ahead = ahead
    assert "clock-off" in world.codes()


def test_a_name_without_an_address(world: World) -> None:
    world.home.environ["LATCHKEY_SERVER_PUBLIC_URL"] = "https://nowhere.invalid"
    assert world.codes() == {"dns-failed"}


def test_slack_that_cannot_be_reached(world: World) -> None:
    world.home.environ["LATCHKEY_SLACK_API_URL"] = "http://localhost:9/api/"
    assert world.codes() == {"slack-unreachable"}


def test_a_public_address_that_does_not_answer(world: World) -> None:
    world.home.environ["LATCHKEY_SERVER_PUBLIC_URL"] = "http://localhost:9"
    assert world.codes() == {"public-unreachable"}


@pytest.mark.parametrize(
    ("answer", "code"),
    [((404, b""), "proxy-path"), ((200, b""), "proxy-path"), ((301, b""), "proxy-path"), ((403, b""), "proxy-body")],
)
def test_a_proxy_that_does_not_pass_on_what_it_should(world: World, answer: tuple[int, bytes], code: str) -> None:
    world.public(lambda body: answer)
    assert world.codes() == {code}


def test_a_certificate_that_nobody_trusts(world: World, tmp_path: Path) -> None:
    world.public(echo, context=certificate(tmp_path, 60)[0])
    assert world.codes() == {"certificate-invalid"}


@pytest.mark.parametrize(("days", "codes"), [(60, set()), (5, {"certificate-expiring"}), (-1, {"certificate-invalid"})])
def test_a_certificate_is_judged_by_its_last_day(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, days: int, codes: set[str]
) -> None:
    context, file = certificate(tmp_path, days)
    monkeypatch.setenv("SSL_CERT_FILE", str(file))
    world.public(echo, context=context)
    # aiohttp has made its own context before the test, and trusts the machine's certificates alone.
    assert world.codes() - {"public-unreachable"} == codes


@pytest.mark.parametrize("error", ["invalid_client_id", "bad_client_secret"])
def test_credentials_that_slack_does_not_know(world: World, error: str) -> None:
    world.slack(lambda body: (200, json.dumps({"ok": False, "error": error}).encode()))
    assert world.codes() == {"credentials-refused"}


def test_tokens_that_slack_takes_no_more(world: World) -> None:
    world.slack(lambda body: (200, b'{"ok":false,"error":"token_revoked"}'))
    found = {item.code: item for item in world.home.findings()}
    assert "tokens-revoked" in found
    assert "xoxb" not in found["tokens-revoked"].what


def test_offline_asks_nobody(world: World) -> None:
    world.home.offline = True
    asked: list[bytes] = []
    world.slack(lambda body: (asked.append(body), (500, b""))[1])
    world.public(lambda body: (asked.append(body), (500, b""))[1])
    assert world.codes() == set()
    assert not asked


def fake_commands(folder: Path, monkeypatch: pytest.MonkeyPatch, **said: str) -> None:
    for name, text in said.items():
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
def test_what_systemd_says(
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


async def examined(it: Running, *arguments: str) -> tuple[int, dict[str, object]]:
    environ = {
        **it.server.credentials,
        "LATCHKEY_SERVER_PUBLIC_URL": it.server.url,
        "LATCHKEY_SERVER_LISTEN": f"127.0.0.1:{it.server.port}",
    }
    done = await asyncio.to_thread(run, it.server.folder, "doctor", "--json", *arguments, **environ)
    assert done.stderr == ""
    return done.returncode, json.loads(done.stdout)


@pytest.mark.gen_test(timeout=60)
async def test_a_running_system_is_sound_and_one_with_a_locked_store_is_not(tmp_path: Path) -> None:
    async with running(tmp_path) as it:
        assert await it.install() == 200
        make_backup(it.store, tmp_path / "keys" / "keyring", tmp_path / "backups")
        assert await examined(it) == (0, {"ok": True, "findings": []})
        it.store.chmod(0o400)
        await asyncio.sleep(READY_SECONDS)  # so long it believes to be ready
        code, document = await examined(it)
        assert code == 1
        assert {"server-not-ready"} <= {finding["code"] for finding in document["findings"]}  # type: ignore[union-attr, attr-defined]
        it.store.chmod(0o600)


@pytest.mark.gen_test(timeout=60)
async def test_a_workspace_that_has_removed_the_app_unheard_is_found(tmp_path: Path) -> None:
    async with running(tmp_path) as it:
        await it.install()
        make_backup(it.store, tmp_path / "keys" / "keyring", tmp_path / "backups")
        revoke_all(it.slack)
        code, document = await examined(it)
        assert code == 0, "a warning is no error"
        assert [finding["code"] for finding in document["findings"]] == ["tokens-revoked"]  # type: ignore[union-attr, attr-defined]


def revoke_all(slack: Slack) -> None:
    for token in slack.world.tokens.values():
        token.revoked = True


def test_people_are_told_why_and_what_to_do(home: Home) -> None:
    done = run(home.folder, "doctor", "--offline", **home.environ)
    assert done.returncode == 1
    assert "✘ server-down: " in done.stdout
    assert "  fix: Start it" in done.stdout
    assert done.stdout.rstrip().endswith("1 error, 0 warnings")


def test_the_support_file_holds_no_secret_and_no_id(home: Home) -> None:
    home.environ["LATCHKEY_SLACK_SCOPES"] = "users:read"
    done = run(home.folder, "doctor", "--offline", "--support", **home.environ)
    [file] = home.folder.glob("latchkey-support-*.json")
    assert f"written: {file.name}" in done.stderr
    assert file.stat().st_mode & 0o777 == 0o600
    text = file.read_text()
    for secret in ("sentinel", "SENTINEL", "xoxb", '1.2"', "app.example.com"):
        assert secret not in text, secret
    document = json.loads(text)
    assert [item["code"] for item in document["findings"]] == ["server-down", "scopes-missing"]
    assert document["settings"]["slack.client_secret"] == {"value": True, "from": None}


def exported(home: Home, folder: Path) -> Path:
    """What Slack exports of an app that is as it should be."""
    file = folder / "exported.json"
    file.write_text(run(home.folder, "manifest", **home.environ).stdout)
    return file


def test_the_apps_settings_at_slack_are_compared_with_what_is_needed(home: Home, tmp_path: Path) -> None:
    file = exported(home, tmp_path)
    arguments = ("doctor", "--offline", "--json", "--app", str(file))
    codes = [item["code"] for item in json.loads(run(home.folder, *arguments, **home.environ).stdout)["findings"]]
    assert codes == ["server-down"]
    manifest = json.loads(file.read_text())
    manifest["oauth_config"]["redirect_urls"] = ["https://elsewhere.example.com/slack/oauth/callback"]
    manifest["settings"]["event_subscriptions"]["bot_events"].remove("app_uninstalled")
    file.write_text(json.dumps(manifest))
    found = json.loads(run(home.folder, *arguments, **home.environ).stdout)["findings"]
    told = " ".join(item["what"] for item in found if item["code"] == "app-settings")
    assert "redirect_urls" in told
    assert "app_uninstalled" in told
