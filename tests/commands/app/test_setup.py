"""`latchkey setup`: creates one app, stores its credentials for the server, and continues after it was stopped."""

import asyncio
import json
import signal
from pathlib import Path
from typing import Any

import pytest

from tests.commands.app.app_at_slack import INSTALL_URL, app_at_slack
from tests.support.command_line import CREDENTIALS
from tests.support.slack_manifest import check_manifest

DIES_AT = """
import os, signal, sys
from latchkey.cli import main
left, fsync = int(os.environ.pop("DIES_AT")), os.fsync
def dying(descriptor):
    global left
    left -= 1
    if left == 0:
        os.kill(os.getpid(), signal.SIGKILL)
    fsync(descriptor)
os.fsync = dying
sys.exit(main())
"""
"""A program like `latchkey` that is killed before it syncs a file or folder for the DIES_AT-th time."""


@pytest.mark.gen_test(timeout=60)
async def test_creates_the_app_and_stores_its_credentials_where_the_server_reads_them(
    tmp_path: Path, unused_addresses: dict[str, str]
) -> None:
    async with app_at_slack(tmp_path) as it:
        done = await it.set_up("--json")
        assert (done.returncode, done.stderr) == (0, "")
        document = json.loads(done.stdout)
        assert document["created"] is True
        assert document["app_id"] == it.slack.world.app.app_id
        assert document["install_url"] == INSTALL_URL
        it.check_credentials()
        check_manifest(it.slack.world.manifest)
        assert it.slack.world.manifest["features"]["slash_commands"][0]["command"] == "/deploy"
        shown = json.loads((await it.run("config", "show", "--json")).stdout)
        assert shown["slack.client_id"] == {"value": it.slack.world.app.client_id, "from": "secrets/client_id"}
        assert shown["slack.client_secret"] == {"value": "********", "from": "secrets/client_secret"}
        assert shown["slack.signing_secret"] == {"value": "********", "from": "secrets/signing_secret"}
        checked = await it.run("config", "check", **unused_addresses)
        assert checked.returncode == 0, checked.stderr


@pytest.mark.gen_test(timeout=60)
async def test_a_second_run_creates_nothing(tmp_path: Path) -> None:
    async with app_at_slack(tmp_path) as it:
        await it.set_up()
        done = await it.set_up(typed="")
        assert done.returncode == 0
        assert f"the app {it.slack.world.app.app_id} exists" in done.stdout
        assert INSTALL_URL in done.stderr
        assert "Start the server: latchkey serve\n" in done.stderr
        assert len(it.calls("apps.manifest.create")) == 1
        own_path = await it.run("setup", "--json", LATCHKEY_INSTALL_PATH="/install")
        assert json.loads(own_path.stdout)["install_url"] == "https://slack.example.com/install"


@pytest.mark.gen_test(timeout=60)
async def test_creates_nothing_unless_it_is_confirmed(tmp_path: Path) -> None:
    async with app_at_slack(tmp_path) as it:
        done = await it.run("setup", typed=it.new_token())
        assert done.returncode == 3
        assert it.calls("apps.manifest.create") == []
        # The token is kept, so that it need not be generated again.
        assert (await it.set_up(typed="")).returncode == 0
        it.check_credentials()


@pytest.mark.parametrize("only_refresh", [True, False])
@pytest.mark.gen_test(timeout=60)
async def test_a_refresh_token_is_used_once_and_the_new_pair_is_stored(tmp_path: Path, only_refresh: bool) -> None:
    async with app_at_slack(tmp_path) as it:
        assert (await it.run("setup", "--token", typed=it.new_token(only_refresh=only_refresh))).returncode == 0
        assert (await it.set_up(typed="")).returncode == 0
        assert len(it.calls("tooling.tokens.rotate")) == 1
        assert it.record()["refresh_token"] not in it.issued
        forgotten = await it.run("setup", "--forget-token")
        assert forgotten.returncode == 0
        assert not {"token", "refresh_token"} & set(it.record())


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("", "there is no app configuration token on standard input"),
        ("xoxb-1-abcdefghijkl\n", "line 1 of the input is not an app configuration token"),
        ("xoxe.xoxp-1-abcdefgh\nxoxe.xoxp-1-abcdefgh\n", "line 2 of the input is not an app configuration token"),
        ("xoxe-1-never-issued\n", "does not accept the refresh token of the app configuration token (invalid_refresh_token)"),
        ("xoxe.xoxp-1-never-issued\n", "does not accept the app configuration token (apps.manifest.validate: invalid_auth)"),
    ],
)  # fmt: skip
@pytest.mark.gen_test(timeout=60)
async def test_explains_a_token_that_does_not_work(tmp_path: Path, typed: str, expected: str) -> None:
    async with app_at_slack(tmp_path) as it:
        done = await it.set_up(typed=typed)
        assert done.returncode == 1
        assert expected in done.stderr
        assert "Your App Configuration Tokens" in done.stderr
        assert it.calls("apps.manifest.create") == []
        # A token that Slack refuses is not used again.
        assert (await it.set_up()).returncode == 0


@pytest.mark.gen_test(timeout=60)
async def test_never_replaces_existing_credentials_unasked(tmp_path: Path) -> None:
    async with app_at_slack(tmp_path) as it:
        it.secrets.mkdir(mode=0o700)
        (it.secrets / "client_secret").write_text("5ec2e75ec2e75ec2e75ec2e75ec2e7c1\n")
        (it.secrets / "client_secret").chmod(0o600)
        refused = await it.set_up()
        assert refused.returncode == 1
        assert "there are credentials of an app already" in refused.stderr
        assert it.calls("apps.manifest.create") == []
        assert (await it.set_up("--replace")).returncode == 0
        it.check_credentials()
        assert (it.secrets / "client_secret.old").read_text() == "5ec2e75ec2e75ec2e75ec2e75ec2e7c1\n"


@pytest.mark.parametrize(
    "name",
    [
        "SLACK_CLIENT_ID",
        pytest.param("SLACK_CLIENT_SECRET", marks=pytest.mark.long),
        pytest.param("SLACK_SIGNING_SECRET", marks=pytest.mark.long),
    ],
)
@pytest.mark.gen_test(timeout=60)
async def test_refuses_credentials_that_would_hide_the_new_ones(tmp_path: Path, name: str) -> None:
    async with app_at_slack(tmp_path) as it:
        done = await it.run("setup", "--yes", "--replace", typed=it.new_token(), **{name: CREDENTIALS[name]})
        assert done.returncode == 1
        assert f"{name} sets the app's" in done.stderr
        assert it.calls("apps.manifest.create") == []


@pytest.mark.gen_test(timeout=60)
async def test_shows_what_slack_refuses_in_a_manifest_with_its_path(tmp_path: Path) -> None:
    async with app_at_slack(tmp_path) as it:
        typed = it.new_token()
        errors: list[Any] = [
            {"message": "Interactivity requires a Request URL", "pointer": "/settings/interactivity"},
            {"message": f"odd\n\x1b[31m{it.issued[0]}", "pointer": None},
            "no object",
            *({"message": "x" * 1000, "pointer": f"/{number}"} for number in range(60)),
        ]
        refusal = {"ok": False, "error": "invalid_manifest", "errors": errors}
        it.slack.fail("apps.manifest.validate", body=json.dumps(refusal).encode())
        done = await it.set_up(typed=typed)
        assert done.returncode == 1
        lines = done.stderr.splitlines()
        assert "Slack refused apps.manifest.validate (invalid_manifest)" in lines[0]
        assert "/settings/interactivity: Interactivity requires a Request URL" in lines[1]
        assert "/: odd??[31m…" in lines[2]
        assert max(map(len, lines)) < 250
        assert "and 12 more" in lines[-2]
        assert "hint: " in lines[-1]
        assert it.calls("apps.manifest.create") == []


@pytest.mark.gen_test(timeout=60)
async def test_waits_for_the_rate_limit_and_creates_one_app(tmp_path: Path) -> None:
    async with app_at_slack(tmp_path) as it:
        it.slack.fail("apps.manifest.create", status=429)
        done = await it.set_up()
        assert done.returncode == 0
        assert "Slack limits the rate of such calls; waiting 1 s" in done.stderr
        it.check_credentials()


@pytest.mark.gen_test(timeout=60)
async def test_a_refused_request_creates_nothing_and_can_be_repeated(tmp_path: Path) -> None:
    async with app_at_slack(tmp_path) as it:
        it.slack.fail("apps.manifest.create", error="failed_creating_app")
        assert (await it.set_up()).returncode == 1
        it.slack.fail("apps.manifest.create", status=429, retry_after=3600)
        assert (await it.set_up(typed="")).returncode == 1
        assert (await it.set_up(typed="")).returncode == 0
        it.check_credentials()


@pytest.mark.parametrize(
    "fault",
    [
        {"closes": True, "acts": True},
        pytest.param({"status": 503}, marks=pytest.mark.long),
        pytest.param({"status": 503, "acts": True}, marks=pytest.mark.long),
        pytest.param({"body": b'{"ok": true}'}, marks=pytest.mark.long),
        {"body": b'{"ok": true, "app_id": "A1", "credentials": {"client_id": "1.2", "client_secret": "a b", "signing_secret": 7}}'},
        pytest.param({"body": b'{"ok": true, "app_id": ["A1"], "credentials": "xoxe.xoxp-1-secret"}'}, marks=pytest.mark.long),
        pytest.param({"body": b"<html>"}, marks=pytest.mark.long),
    ],
)  # fmt: skip
@pytest.mark.gen_test(timeout=60)
async def test_a_lost_answer_is_named_before_another_app_is_created(tmp_path: Path, fault: dict[str, Any]) -> None:
    async with app_at_slack(tmp_path) as it:
        it.slack.fail("apps.manifest.create", **fault)
        lost = await it.set_up()
        assert lost.returncode == 1
        assert "the app may have been created or not" in lost.stderr
        calls = len(it.calls("apps.manifest.create"))
        refused = await it.set_up(typed="")
        assert refused.returncode == 1
        assert "Slack's answer is lost: it may exist" in refused.stderr
        assert "latchkey setup --again" in refused.stderr
        assert len(it.calls("apps.manifest.create")) == calls
        assert (await it.set_up("--again", typed="")).returncode == 0
        it.check_credentials()


@pytest.mark.gen_test(timeout=120)
async def test_a_kill_before_the_new_token_is_stored_costs_only_a_new_token(tmp_path: Path) -> None:
    async with app_at_slack(tmp_path) as it:
        await it.killed_during("tooling.tokens.rotate", "setup", "--yes", typed=it.new_token())
        done = await it.set_up(typed="")
        assert done.returncode == 1
        assert "An earlier rotation was interrupted, and its answer is lost." in done.stderr
        assert (await it.run("setup", "--token", typed=it.new_token())).returncode == 0
        assert (await it.set_up(typed="")).returncode == 0
        it.check_credentials()


@pytest.mark.gen_test(timeout=120)
async def test_a_kill_while_slack_creates_the_app_is_named(tmp_path: Path) -> None:
    async with app_at_slack(tmp_path) as it:
        await it.killed_during("apps.manifest.create", "setup", "--yes", typed=it.new_token())
        done = await it.set_up(typed="")
        assert done.returncode == 1
        assert "Slack's answer is lost: it may exist" in done.stderr
        assert len(it.calls("apps.manifest.create")) == 1


SYNCS = [
    pytest.param(number, marks=() if number in (9, 12) else pytest.mark.long) for number in range(1, 21)
]  # fmt: skip


@pytest.mark.parametrize("number", SYNCS)
@pytest.mark.gen_test(timeout=120)
async def test_continues_after_a_kill_at_any_step(tmp_path: Path, number: int) -> None:
    async with app_at_slack(tmp_path) as it:
        killed = await it.run("setup", "--yes", typed=it.new_token(), program=DIES_AT, DIES_AT=str(number))
        assert killed.returncode in (-signal.SIGKILL, 0)
        created = len(it.calls("apps.manifest.create"))
        done = await it.set_up(typed=it.new_token())
        if "An earlier rotation was interrupted" in done.stderr:
            await it.run("setup", "--token", typed=it.new_token())
            done = await it.set_up()
        if "Slack's answer is lost" in done.stderr:
            assert len(it.calls("apps.manifest.create")) == created
            done = await it.set_up("--again")
        assert done.returncode == 0
        it.check_credentials()


@pytest.mark.gen_test(timeout=60)
async def test_two_commands_at_once_create_one_app(tmp_path: Path) -> None:
    async with app_at_slack(tmp_path) as it:
        it.slack.fail("apps.manifest.create", acts=True, seconds=2)
        first = asyncio.ensure_future(it.set_up())
        while not it.calls("apps.manifest.create"):
            await asyncio.sleep(0.02)
        second = await it.set_up()
        assert second.returncode == 4
        assert (await first).returncode == 0
        assert len(it.calls("apps.manifest.create")) == 1
        it.check_credentials()


@pytest.mark.gen_test(timeout=60)
async def test_refuses_a_token_file_that_others_can_read(tmp_path: Path) -> None:
    async with app_at_slack(tmp_path) as it:
        await it.set_up()
        (it.secrets / "app.json").chmod(0o640)
        done = await it.set_up(typed="")
        assert done.returncode == 1
        assert "mode 0640 lets others use the token in it" in done.stderr
        assert "chmod 600" in done.stderr
