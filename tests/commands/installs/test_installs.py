"""`latchkey installs`: list, show, check and remove."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from slack_sdk.oauth.installation_store import Bot

from latchkey.storage import Attempt, Store, TokenId, WorkspaceKey
from tests.commands.installs.at_slack import CREDENTIALS, at_slack
from tests.support.command_line import CLIENT_ID, run, run_json
from tests.support.stores import SENTINELS, fill_open, installation


@pytest.fixture
def filled(store: Store) -> Store:
    """T1 with two installers, T2 in the org E1, the org E1 as a whole, and T9 of which only the bot is known."""
    fill_open(store, "T1")
    store.installations.save(installation("T1", user_id="U2", user_token=None, installed_at=1_795_000_100.0))
    store.installations.save(installation("T2", enterprise_id="E1", user_token=None))
    org = {"enterprise_id": "E1", "enterprise_name": "Forest", "is_enterprise_install": True}
    store.installations.save(installation("T3", **org))
    store.installations.save_bot(
        Bot(app_id="A1", team_id="T9", bot_token="xoxb-sentinel-T9", bot_id="B", bot_user_id="U", installed_at=1.0)
    )
    return store


def test_list_shows_every_workspace_without_a_secret(tmp_path: Path, filled: Store) -> None:
    listed = run_json(tmp_path, "installs", "list")
    assert listed["after"] is None
    assert [(row["enterprise_id"], row["team_id"], row["name"], row["users"]) for row in listed["installs"]] == [
        ("", "T1", "Team T1", 1), ("E1", "", "Forest", 1), ("E1", "T2", "Team T2", 0), ("", "T9", None, 0),
    ]  # fmt: skip
    assert listed["installs"][0] == {
        "team_id": "T1",
        "enterprise_id": "",
        "name": "Team T1",
        "app_id": "A1",
        "bot": True,
        "users": 1,
        "installed": 1_795_000_100.0,
        "missing_scopes": ["app_mentions:read", "commands"],
        "missing_user_scopes": [],
        "must_reinstall": [],
        "unreadable": 0,
    }
    done = run(tmp_path, "installs", "list")
    headings, first, *_ = done.stdout.splitlines()
    assert (
        headings
        == "team_id\tenterprise_id\tname\tapp_id\tbot\tusers\tinstalled\tmissing_scopes\tmissing_user_scopes\tmust_reinstall\tunreadable"
    )
    assert first == "T1\t\tTeam T1\tA1\ttrue\t1\t2026-11-18 11:08:20 UTC\tapp_mentions:read,commands\t\t\t0"


def test_list_names_the_tokens_that_slack_refuses_to_refresh(tmp_path: Path, filled: Store) -> None:
    installed = installation("T1", bot_token_expires_at=1_795_000_000)
    filled.installations.save(installed)
    token_id = TokenId(WorkspaceKey("", "T1"))
    pair = filled.tokens.pair(token_id)
    assert pair is not None
    attempt = filled.tokens.begin(token_id, pair, 1_795_000_000)
    assert isinstance(attempt, Attempt)
    filled.tokens.mark(attempt, "invalid_refresh_token", now=1_795_000_000)
    listed = run_json(tmp_path, "installs", "list", "--team", "T1")["installs"]
    assert listed[0]["must_reinstall"] == ["bot"]
    filled.installations.save(installed)
    assert run_json(tmp_path, "installs", "list", "--team", "T1")["installs"][0]["must_reinstall"] == []


def test_list_names_missing_scopes_but_no_declined_optional_ones(tmp_path: Path, filled: Store) -> None:
    environment = {
        "LATCHKEY_SLACK_SCOPES": "chat:write,commands,files:write",
        "LATCHKEY_SLACK_USER_SCOPES": "search:read,users:read",
        "LATCHKEY_SLACK_OPTIONAL_SCOPES": "files:write,pins:write",
        "LATCHKEY_SLACK_OPTIONAL_USER_SCOPES": "stars:read",
    }
    rows = json.loads(run(tmp_path, "installs", "list", "--json", **environment).stdout)["installs"]
    assert {row["team_id"]: (row["missing_scopes"], row["missing_user_scopes"]) for row in rows} == {
        "T1": (["commands"], ["users:read"]),
        "": (["commands"], ["users:read"]),
        "T2": (["commands"], []),
        "T9": (["chat:write", "commands"], []),
    }


def test_list_filters_by_team_and_enterprise(tmp_path: Path, filled: Store) -> None:
    def teams(*arguments: str) -> list[str]:
        return [row["team_id"] for row in run_json(tmp_path, "installs", "list", *arguments)["installs"]]

    assert teams("--team", "T1") == ["T1"]
    assert teams("--enterprise", "E1") == ["", "T2"]
    assert teams("--enterprise", "E1", "--team", "T1") == []
    assert "no installs" in run(tmp_path, "installs", "list", "--team", "T0").stderr


def test_list_prints_a_cursor_to_continue_with(tmp_path: Path, filled: Store) -> None:
    found, after = [], ""
    while after is not None:
        page = run_json(tmp_path, "installs", "list", "--limit", "1", *(["--after", after] if after else []))
        found += [(row["enterprise_id"], row["team_id"]) for row in page["installs"]]
        after = page["after"]
    assert found == [("", "T1"), ("E1", ""), ("E1", "T2"), ("", "T9")]
    assert "--after i/T1" in run(tmp_path, "installs", "list", "--limit", "1").stderr
    assert run(tmp_path, "installs", "list", "--after", "nonsense").returncode == 2


def test_show_prints_the_bot_and_the_installers(tmp_path: Path, filled: Store) -> None:
    shown = run_json(tmp_path, "installs", "show", "T1")
    assert (shown["bot_user_id"], shown["scopes"], shown["unreadable_records"]) == ("UB1", ["chat:write"], [])
    assert [(item["user_id"], item["token"], item["scopes"]) for item in shown["installers"]] == [
        ("U1", True, ["search:read"]), ("U2", False, ["search:read"]),
    ]  # fmt: skip
    assert run_json(tmp_path, "installs", "show", "--enterprise", "E1")["name"] == "Forest"
    assert "U1\ttrue\tsearch:read\t2026-11-18 11:06:40 UTC\t\n" in run(tmp_path, "installs", "show", "T1").stdout


def test_an_unknown_workspace_exits_1_and_a_missing_argument_2(tmp_path: Path, filled: Store) -> None:
    for command in (("show",), ("remove", "--local", "--yes")):
        done = run(tmp_path, "installs", *command, "T0")
        assert done.returncode == 1
        assert "there is no installation of T0" in done.stderr
        assert run(tmp_path, "installs", *command).returncode == 2


def test_a_team_in_two_orgs_needs_the_enterprise_option(tmp_path: Path, filled: Store) -> None:
    filled.installations.save(installation("T1", enterprise_id="E2"))
    done = run(tmp_path, "installs", "remove", "T1", "--local", "--yes")
    assert done.returncode == 1
    assert "--enterprise" in done.stderr
    assert run(tmp_path, "installs", "remove", "T1", "--enterprise", "E2", "--local", "--yes").returncode == 0
    assert [row["enterprise_id"] for row in run_json(tmp_path, "installs", "list", "--team", "T1")["installs"]] == [""]


def test_an_unreadable_record_is_counted_shown_and_removed(tmp_path: Path, filled: Store) -> None:
    with closing(sqlite3.connect(tmp_path / "data" / "store.sqlite")) as other:
        other.execute("UPDATE bots SET value = substr(CAST(value AS BLOB), 1, 60) WHERE key = '/T1'")
        other.commit()
    assert run_json(tmp_path, "installs", "list", "--team", "T1")["installs"][0]["unreadable"] == 1
    assert "record '/T1' of bots" in run(tmp_path, "installs", "show", "T1").stderr
    assert run(tmp_path, "installs", "remove", "T1", "--local", "--yes").returncode == 0
    assert not run_json(tmp_path, "installs", "list", "--team", "T1")["installs"]


def test_removing_a_workspace_keeps_the_orgs_installation(tmp_path: Path, filled: Store) -> None:
    done = run(tmp_path, "installs", "remove", "T2", "--local", "--yes")
    assert (done.returncode, done.stdout) == (0, "removed the app from T2 (Team T2): 3 records deleted\n")
    [workspace] = filled.workspaces.find("E1", None)
    removed = filled.workspaces.find("E1", "T2")
    assert (workspace.name, removed) == ("Forest", [])


@pytest.mark.parametrize("command", [("show",), ("remove", "--local", "--yes"), ("remove", "--yes")])
@pytest.mark.parametrize("enterprise", [(), ("--enterprise", "E1")])
def test_a_workspace_that_only_its_org_installed_is_not_found_and_the_org_stays(
    tmp_path: Path, filled: Store, command: tuple[str, ...], enterprise: tuple[str, ...]
) -> None:
    done = run(tmp_path, "installs", *command, "T7", *enterprise, **CREDENTIALS)
    assert done.returncode == 1
    assert "it may have the app through its org (E1)" in done.stderr
    assert len(filled.workspaces.find("E1", None)) == 1


def test_removing_an_org_keeps_its_workspaces_with_their_own_installation(tmp_path: Path, filled: Store) -> None:
    assert run(tmp_path, "installs", "remove", "--enterprise", "E1", "--local", "--yes").returncode == 0
    assert filled.workspaces.find("E1", None) == []
    assert len(filled.workspaces.find("E1", "T2")) == 1


def test_remove_keeps_what_was_installed_since(filled: Store) -> None:
    [workspace] = filled.workspaces.find(None, "T1")
    filled.installations.save(installation("T1", installed_at=1_795_000_500.0))
    assert filled.workspaces.remove(workspace, installed_until=1_795_000_200.0) == 1
    [left] = filled.workspaces.find(None, "T1")
    assert [installer.user_id for installer in left.installers] == ["U1"]
    assert left.bot is not None


def test_removing_a_workspace_that_the_server_removed_meanwhile_deletes_nothing(filled: Store) -> None:
    [workspace] = filled.workspaces.find("E1", "T2")
    filled.installations.delete_all(enterprise_id="E1", team_id="T2")
    assert filled.workspaces.remove(workspace, installed_until=2e9) == 0
    assert len(filled.workspaces.find("E1", None)) == 1


@pytest.mark.parametrize("typed", ["", "n\n"])
def test_removes_nothing_without_confirmation(tmp_path: Path, filled: Store, typed: str) -> None:
    for more in ((), ("--local",)):
        done = run(tmp_path, "installs", "remove", "T1", *more, typed=typed, **CREDENTIALS)
        assert done.returncode == 3
        assert "--yes" in done.stderr
    assert filled.workspaces.find(None, "T1")


def test_removing_at_slack_needs_the_credentials(tmp_path: Path, filled: Store) -> None:
    done = run(tmp_path, "installs", "remove", "T1", "--yes")
    assert done.returncode == 78
    assert "SLACK_CLIENT_SECRET: must be set" in done.stderr
    assert "--local" in done.stderr
    assert filled.workspaces.find(None, "T1")


def test_no_output_contains_a_token(tmp_path: Path, filled: Store) -> None:
    for command in (("list",), ("list", "--json"), ("show", "T1"), ("show", "T1", "--json"), ("show", "T9")):
        done = run(tmp_path, "installs", *command)
        assert not [word for word in SENTINELS if word in done.stdout + done.stderr]


@pytest.mark.gen_test(timeout=30)
async def test_remove_uninstalls_at_slack_and_then_deletes_here(tmp_path: Path, filled: Store) -> None:
    async with at_slack(tmp_path) as it:
        it.knows("T0ACME", "xoxb-sentinel-T1", "xoxp-sentinel-T1")
        done = await it.run("remove", "T1", "--yes")
        assert (done.returncode, done.stdout) == (0, "removed the app from T1 (Team T1): 4 records deleted\n")
        [call] = it.slack.world.calls
        assert (call.method, call.arguments) == ("apps.uninstall", {"client_id": CLIENT_ID})
        assert all(token.revoked for token in it.slack.world.tokens.values())
        assert not filled.workspaces.find(None, "T1")


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ({"error": "token_revoked"}, "Slack refused apps.uninstall (token_revoked); nothing was deleted here"),
        ({"error": "client_id_token_mismatch"}, "(client_id_token_mismatch); nothing was deleted here"),
        ({"status": 500}, "Slack did not answer apps.uninstall (status 500); nothing was deleted here"),
        ({"status": 429}, "Slack did not answer apps.uninstall (status 429); nothing was deleted here"),
    ],
)
@pytest.mark.gen_test(timeout=30)
async def test_deletes_nothing_if_slack_refuses(
    tmp_path: Path, filled: Store, fault: dict[str, Any], said: str
) -> None:
    async with at_slack(tmp_path) as it:
        it.knows("T0ACME", "xoxb-sentinel-T1")
        it.slack.fail("apps.uninstall", times=9, **fault)
        done = await it.run("remove", "T1", "--yes")
        assert done.returncode == 1
        assert said in done.stderr
        assert "hint: " in done.stderr
        assert len(filled.workspaces.find(None, "T1")) == 1
        local = await it.run("remove", "T1", "--yes", "--local")
        assert local.returncode == 0
        assert not it.slack.world.calls


@pytest.mark.gen_test(timeout=30)
async def test_deletes_nothing_if_slack_is_unreachable(tmp_path: Path, filled: Store) -> None:
    async with at_slack(tmp_path) as it:
        await it.slack.close()
        done = await it.run("remove", "T1", "--yes")
        assert done.returncode == 1
        assert "Slack did not answer apps.uninstall" in done.stderr
        assert len(filled.workspaces.find(None, "T1")) == 1


@pytest.mark.gen_test(timeout=30)
async def test_check_lists_the_tokens_that_slack_refuses(tmp_path: Path, filled: Store) -> None:
    async with at_slack(tmp_path) as it:
        it.knows("T0ACME", "xoxb-sentinel-T1")
        it.knows("T0BIRCH", "xoxb-sentinel-T2", "xoxb-sentinel-T3", "xoxp-sentinel-T3", "xoxb-sentinel-T9")
        it.slack.world.tokens["xoxb-sentinel-T9"].revoked = True
        done = await it.run("check")
        assert done.returncode == 1
        assert "4 of 6 tokens valid\n" in done.stderr
        assert (
            done.stdout
            == "workspace\tname\ttoken of\treason\nT1\tTeam T1\tU1\tinvalid_auth\nT9\t\tbot\ttoken_revoked\n"
        )
        assert (await it.run("check", "--team", "T2")).returncode == 0


@pytest.mark.gen_test(timeout=30)
async def test_check_names_an_org_whose_token_slack_refuses(tmp_path: Path, filled: Store) -> None:
    async with at_slack(tmp_path) as it:
        it.knows("T0BIRCH", "xoxb-sentinel-T3", "xoxp-sentinel-T3")
        it.slack.world.tokens["xoxb-sentinel-T3"].revoked = True
        done = await it.run("check", "--enterprise", "E1")
        assert done.returncode == 1
        assert "E1\tForest\tbot\ttoken_revoked\n" in done.stdout


@pytest.mark.gen_test(timeout=30)
async def test_check_reports_a_token_as_unknown_if_slack_does_not_answer(tmp_path: Path, filled: Store) -> None:
    async with at_slack(tmp_path) as it:
        it.knows("T0BIRCH", "xoxb-sentinel-T2")
        it.slack.fail("auth.test", times=9, error="internal_error")
        done = await it.run("check", "--team", "T2", "--json")
        assert done.returncode == 1
        assert '"revoked": []' in done.stdout
        assert '"reason": "internal_error"' in done.stdout
