"""`latchkey doctor`, run as a process."""

import asyncio
import json
import shutil
from pathlib import Path

import pytest

from latchkey.preflight import Severity
from latchkey.simulator import Slack
from latchkey.storage import SQLITE_VERSION, has_wal_reset_bug, make_backup
from latchkey.storage.store import READY_CACHE_SECONDS
from tests.doctor.conftest import Home
from tests.support.command_line import CLIENT_ID, SECRET_MARK, run
from tests.support.running import Running, running


async def run_doctor(it: Running, *arguments: str) -> tuple[int, dict[str, object]]:
    environ = {
        **it.server.credentials,
        "LATCHKEY_SERVER_PUBLIC_URL": it.server.url,
        "LATCHKEY_SERVER_LISTEN": f"127.0.0.1:{it.server.port}",
    }
    done = await asyncio.to_thread(run, it.server.folder, "doctor", "--json", *arguments, **environ)
    assert done.stderr == ""
    return done.returncode, json.loads(done.stdout)


@pytest.mark.gen_test(timeout=60)
async def test_a_running_server_has_no_findings_until_its_store_is_read_only(tmp_path: Path) -> None:
    async with running(tmp_path) as it:
        assert await it.install() == 200
        make_backup(it.store, tmp_path / "keys" / "keyring", tmp_path / "backups")
        code, document = await run_doctor(it)
        assert (code, document["ok"], document["findings"]) == (0, True, [])
        it.store.chmod(0o400)
        await asyncio.sleep(READY_CACHE_SECONDS)  # readiness is cached for that long
        code, document = await run_doctor(it)
        assert code == 1
        assert {"server-not-ready"} <= {finding["code"] for finding in document["findings"]}  # type: ignore[union-attr, attr-defined]
        it.store.chmod(0o600)


@pytest.mark.gen_test(timeout=60)
async def test_reports_a_workspace_whose_tokens_were_revoked_without_an_event(tmp_path: Path) -> None:
    async with running(tmp_path) as it:
        await it.install()
        make_backup(it.store, tmp_path / "keys" / "keyring", tmp_path / "backups")
        revoke_all(it.slack)
        code, document = await run_doctor(it)
        assert code == 0, "a warning is not an error"
        assert [finding["code"] for finding in document["findings"]] == ["tokens-revoked"]  # type: ignore[union-attr, attr-defined]


def revoke_all(slack: Slack) -> None:
    for token in slack.world.tokens.values():
        token.revoked = True


def test_prints_the_cause_and_the_fix(home: Home) -> None:
    done = run(home.folder, "doctor", "--offline", **home.environ)
    assert done.returncode == 1
    assert "✘ server-down: " in done.stdout
    assert "  fix: Start it" in done.stdout
    assert "\n1 error, 0 warnings\n" in done.stdout


def test_reports_the_version_of_sqlite_and_that_its_bug_is_prevented(home: Home) -> None:
    done = run(home.folder, "doctor", "--offline", "--json", **home.environ)
    sqlite = {"version": SQLITE_VERSION, "wal_reset_bug": has_wal_reset_bug(), "commits_protected": True}
    assert json.loads(done.stdout)["sqlite"] == sqlite
    assert f"SQLite {SQLITE_VERSION}: " in run(home.folder, "doctor", "--offline", **home.environ).stdout


def test_before_the_first_start_lists_what_is_not_set_up_yet(tmp_path: Path, unused_addresses: dict[str, str]) -> None:
    done = run(tmp_path, "doctor", "--offline", **unused_addresses)
    assert done.returncode == 0
    first, *lines, last, _ = done.stdout.splitlines()
    assert (first, last) == ("Not set up yet:", "no problems found; the setup is not finished")
    codes = [line.split(":")[0] for line in lines if line.startswith("- ")]
    assert codes == ["- slack-not-configured"] * 3 + [
        "- public-url-unset", "- store-missing", "- backup-missing", "- server-down",
    ]  # fmt: skip
    assert f"- server-down: nothing listens on {unused_addresses['LATCHKEY_SERVER_LISTEN']}" in lines
    assert not list(tmp_path.iterdir()), "the doctor changes nothing"


def test_a_broken_listener_is_an_error_before_the_first_start(tmp_path: Path, unused_addresses: dict[str, str]) -> None:
    (tmp_path / "broken_app.py").write_text("def register(app):\n    app.nonsense()\n")
    done = run(tmp_path, "doctor", "--offline", LATCHKEY_LISTENERS_MODULES="broken_app", **unused_addresses)
    assert done.returncode == 1
    assert done.stdout.startswith("✘ listeners-failed: listener module broken_app: ")
    assert "\n1 error, 0 warnings\n" in done.stdout


@pytest.mark.parametrize("left", ["keys/keyring", "backups", "credentials"])
def test_a_missing_store_is_an_error_once_anything_shows_that_there_was_one(home: Home, left: str) -> None:
    shutil.rmtree(home.folder / "data")
    if left != "credentials":
        del home.environ["SLACK_CLIENT_SECRET"]
    if left != "backups":
        shutil.rmtree(home.folder / "backups")
    if left != "keys/keyring":
        shutil.rmtree(home.folder / "keys")
    severities = {item.code: item.severity for item in home.findings()}
    assert severities["store-missing"] is Severity.ERROR
    assert severities["server-down"] is Severity.ERROR


def test_findings_are_printed_although_the_support_file_cannot_be_written() -> None:
    done = run(Path("/proc"), "doctor", "--offline", "--support")
    assert done.returncode == 1
    assert "slack-not-configured" in done.stdout
    [error] = done.stderr.splitlines()
    assert error.startswith("latchkey: latchkey-support-")


def test_support_file_contains_no_secret_and_no_id(home: Home) -> None:
    home.environ["LATCHKEY_SLACK_SCOPES"] = "users:read"
    done = run(home.folder, "doctor", "--offline", "--support", **home.environ)
    [file] = home.folder.glob("latchkey-support-*.json")
    assert f"written: {file.name}" in done.stderr
    assert file.stat().st_mode & 0o777 == 0o600
    text = file.read_text()
    for secret in (SECRET_MARK, "SENTINEL", "xoxb", CLIENT_ID, "app.example.com"):
        assert secret not in text, secret
    document = json.loads(text)
    assert [item["code"] for item in document["findings"]] == ["server-down", "scopes-missing"]
    assert document["settings"]["slack.client_secret"] == {"value": True, "from": None}


def exported(home: Home, folder: Path) -> Path:
    """Write the manifest that Slack would export if the app were configured correctly."""
    file = folder / "exported.json"
    file.write_text(run(home.folder, "manifest", **home.environ).stdout)
    return file


def test_compares_the_exported_settings_with_the_needed_ones(home: Home, tmp_path: Path) -> None:
    file = exported(home, tmp_path)
    arguments = ("doctor", "--offline", "--json", "--app", str(file))
    codes = [item["code"] for item in json.loads(run(home.folder, *arguments, **home.environ).stdout)["findings"]]
    assert codes == ["server-down"]
    manifest = json.loads(file.read_text())
    manifest["oauth_config"]["redirect_urls"] = ["https://elsewhere.example.com/slack/oauth/callback"]
    manifest["settings"]["event_subscriptions"]["bot_events"].remove("app_uninstalled")
    file.write_text(json.dumps(manifest))
    findings = json.loads(run(home.folder, *arguments, **home.environ).stdout)["findings"]
    found = " ".join(item["message"] for item in findings if item["code"] == "app-settings")
    assert "redirect_urls" in found
    assert "app_uninstalled" in found


COUNTING_APP = """
print("this module talks")
with open("registered", "a") as file:
    file.write("x")


def register(app):
    with open("registered", "a") as file:
        file.write("r")
"""


def test_registers_listeners_once_and_keeps_their_output_out_of_the_json(home: Home, tmp_path: Path) -> None:
    file = exported(home, tmp_path)
    home.environ["LATCHKEY_LISTENERS_MODULES"] = "counting_app"
    (home.folder / "counting_app.py").write_text(COUNTING_APP)
    done = run(home.folder, "doctor", "--offline", "--json", "--app", str(file), **home.environ)
    assert "app-settings" in [item["code"] for item in json.loads(done.stdout)["findings"]]
    assert "this module talks" in done.stderr
    assert (home.folder / "registered").read_text() == "xr"


def test_app_without_a_public_url_says_that_it_cannot_compare(home: Home, tmp_path: Path) -> None:
    file = exported(home, tmp_path)
    del home.environ["LATCHKEY_SERVER_PUBLIC_URL"]
    done = run(home.folder, "doctor", "--offline", "--json", "--app", str(file), **home.environ)
    messages = {item["code"]: item["message"] for item in json.loads(done.stdout)["findings"]}
    assert messages["app-settings"] == "cannot be compared: [server] public_url is not set"
