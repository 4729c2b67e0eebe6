"""`latchkey manifest --apply`: changes what Latchkey manages, keeps everything else, and names conflicts."""

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from tests.commands.app.app_at_slack import AppAtSlack, app_at_slack
from tests.support.command_line import run
from tests.support.slack_manifest import check_manifest


def add_listener(it: AppAtSlack, name: str) -> None:
    """Add a command to the app."""
    path = it.folder / "our_app.py"
    path.write_text(path.read_text() + f"\n    @app.command('{name}')\n    def another(ack): ack()\n")


def commands_at_slack(it: AppAtSlack) -> list[str]:
    return [command["command"] for command in it.slack.world.manifest["features"]["slash_commands"]]


@pytest.mark.gen_test(timeout=60)
async def test_changes_what_latchkey_manages_and_keeps_everything_else(tmp_path: Path) -> None:
    async with app_at_slack(tmp_path) as it:
        await it.set_up()
        own: dict[str, Any] = {"mcp_servers": {"ours": {"url": "https://mcp.example.com", "auth_type": "no_auth"}}}
        manifest = it.slack.world.manifest
        manifest |= own
        manifest["display_information"]["background_color"] = "#4a154b"
        manifest["features"]["unfurl_domains"] = ["example.com"]
        manifest["features"]["slash_commands"][0]["should_escape"] = True
        before = copy.deepcopy(manifest)
        add_listener(it, "/status")
        done = await it.run("manifest", "--apply", "--yes")
        assert done.returncode == 0
        assert done.stdout.splitlines() == [
            "features.slash_commands: missing at Slack: /status",
            f"changed 1 value of the app {it.slack.world.app.app_id}",
        ]
        assert commands_at_slack(it) == ["/deploy", "/status"]
        check_manifest(it.slack.world.manifest)
        before["features"]["slash_commands"].append(it.slack.world.manifest["features"]["slash_commands"][1])
        assert it.slack.world.manifest == before
        again = await it.run("manifest", "--apply", "--json")
        assert json.loads(again.stdout) == {"app_id": it.slack.world.app.app_id, "applied": False, "changes": []}
        assert again.returncode == 0


@pytest.mark.gen_test(timeout=60)
async def test_changes_nothing_unless_it_is_confirmed(tmp_path: Path) -> None:
    async with app_at_slack(tmp_path) as it:
        await it.set_up()
        add_listener(it, "/status")
        unconfirmed = await it.run("manifest", "--apply", "--json")
        assert unconfirmed.returncode == 3
        assert json.loads(unconfirmed.stdout)["changes"] == [
            {"path": "features.slash_commands", "here": "/status", "slack": None, "conflict": False}
        ]
        assert (await it.run("manifest", "--apply")).returncode == 3
        assert commands_at_slack(it) == ["/deploy"]
        assert it.calls("apps.manifest.update") == []


@pytest.mark.gen_test(timeout=60)
async def test_names_what_somebody_has_changed_at_slack_and_replaces_it_only_if_asked(tmp_path: Path) -> None:
    async with app_at_slack(tmp_path) as it:
        await it.set_up()
        it.slack.world.manifest["features"]["slash_commands"][0]["description"] = "By hand"
        it.slack.world.manifest["oauth_config"]["scopes"]["bot"].append("pins:read")
        add_listener(it, "/status")
        refused = await it.run("manifest", "--apply", "--yes")
        assert refused.returncode == 1
        assert refused.stdout.splitlines() == [
            "features.slash_commands[/deploy].description: By hand at Slack, Deploys. here (changed at Slack)",
            "features.slash_commands: missing at Slack: /status",
            "oauth_config.scopes.bot: only at Slack: pins:read (changed at Slack)",
        ]
        assert "2 values would be lost that somebody has set at Slack" in refused.stderr
        assert "--overwrite" in refused.stderr
        document = json.loads((await it.run("manifest", "--apply", "--yes", "--json")).stdout)
        assert [change["conflict"] for change in document["changes"]] == [True, False, True]
        assert document["applied"] is False
        assert it.calls("apps.manifest.update") == []
        done = await it.run("manifest", "--apply", "--yes", "--overwrite")
        assert done.returncode == 0
        assert "workspaces must install the app again" in done.stderr
        assert it.slack.world.manifest["features"]["slash_commands"][0]["description"] == "Deploys."
        assert "pins:read" not in it.slack.world.manifest["oauth_config"]["scopes"]["bot"]


@pytest.mark.gen_test(timeout=60)
async def test_changes_an_app_that_was_created_by_hand(tmp_path: Path) -> None:
    async with app_at_slack(tmp_path) as it:
        it.slack.world.manifest = {"display_information": {"name": "Our App"}, "features": {"agent_view": {}}}
        assert (await it.run("setup", "--token", typed=it.new_token())).returncode == 0
        unknown = await it.run("manifest", "--apply", "--yes")
        assert unknown.returncode == 1
        assert "it is not known which app to change" in unknown.stderr
        done = await it.run("manifest", "--apply", "--yes", "--app-id", it.slack.world.app.app_id)
        assert done.returncode == 0
        assert commands_at_slack(it) == ["/deploy"]
        assert it.slack.world.manifest["features"]["agent_view"] == {}
        assert it.record()["app_id"] == it.slack.world.app.app_id
        other = await it.run("manifest", "--apply", "--yes", "--app-id", "A0OTHER")
        assert f"is for the app {it.slack.world.app.app_id}" in other.stderr


@pytest.mark.gen_test(timeout=60)
async def test_a_kill_while_slack_changes_the_app_is_no_conflict_afterwards(tmp_path: Path) -> None:
    async with app_at_slack(tmp_path) as it:
        await it.set_up()
        add_listener(it, "/status")
        await it.killed_during("apps.manifest.update", "manifest", "--apply", "--yes")
        # Slack has /status now. It is not needed any longer, and removing it is no conflict.
        path = it.folder / "our_app.py"
        path.write_text(path.read_text().replace("/status", "/state"))
        done = await it.run("manifest", "--apply", "--yes")
        assert (done.returncode, done.stderr) == (0, "")
        assert commands_at_slack(it) == ["/deploy", "/state"]


@pytest.mark.gen_test(timeout=60)
async def test_an_expired_token_is_rotated_and_a_revoked_one_explained(tmp_path: Path) -> None:
    async with app_at_slack(tmp_path) as it:
        await it.set_up()
        path = it.secrets / "app.json"
        record = it.record()
        path.write_text(json.dumps({**record, "expires_at": 1}))
        add_listener(it, "/status")
        assert (await it.run("manifest", "--apply", "--yes")).returncode == 0
        assert it.record()["token"] != record["token"]
        it.slack.world.configuration_tokens.revoke(it.record()["token"])
        done = await it.run("manifest", "--apply", "--yes")
        assert done.returncode == 1
        assert "does not accept the app configuration token (apps.manifest.export: invalid_auth)" in done.stderr
        assert "latchkey setup --token" in done.stderr


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        ({"status": 503}, "Slack did not answer apps.manifest.export (status 503)"),
        ({"body": b'{"ok": true}'}, "its response lacks a manifest"),
        (
            {"body": b'{"ok": true, "manifest": {"display_information": {"name": "Our App"}, "features": [1]}}'},
            "the manifest at Slack has an unexpected form at features",
        ),
    ],
    ids=["unavailable", "empty", "odd"],
)  # fmt: skip
@pytest.mark.gen_test(timeout=60)
async def test_changes_nothing_after_an_odd_answer(tmp_path: Path, fault: dict[str, Any], expected: str) -> None:
    async with app_at_slack(tmp_path) as it:
        await it.set_up()
        it.slack.fail("apps.manifest.export", **fault)
        done = await it.run("manifest", "--apply", "--yes", "--overwrite")
        assert done.returncode == 1
        assert expected in done.stderr
        assert it.calls("apps.manifest.update") == []


@pytest.mark.parametrize(
    "arguments",
    [("--yes",), ("--app-id", "A1"), ("--overwrite",), ("--apply", "--yaml"), ("--apply", "--diff", "x"), ("--apply", "--app-id", "a1")],
    ids=" ".join,
)  # fmt: skip
def test_refuses_options_that_do_not_belong_together(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    done = run(tmp_path, "manifest", *arguments, LATCHKEY_SERVER_PUBLIC_URL="https://slack.example.com")
    assert done.returncode == 2
