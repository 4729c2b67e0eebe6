"""`latchkey installs add`: one workspace's tokens from standard input, checked with Slack first."""

import json
from pathlib import Path

import pytest

from latchkey.storage import Store
from tests.commands.installs.at_slack import at_slack
from tests.support.command_line import run

BOT, USER = "xoxb-sentinel-1", "xoxp-sentinel-1"


@pytest.mark.gen_test(timeout=30)
async def test_stores_a_bot_token_with_the_ids_from_slack(tmp_path: Path, store: Store) -> None:
    async with at_slack(tmp_path) as it:
        it.knows("T0ACME", BOT)
        done = await it.run("add", typed=f"{BOT}\n")
        assert (done.returncode, done.stdout) == (0, "stored T0ACME (Acme): its bot token\n"), done.stderr
        bot = store.installations.find_bot(enterprise_id=None, team_id="T0ACME")
        assert bot is not None
        assert (bot.bot_token, bot.bot_id, bot.bot_user_id, bot.bot_scopes, bot.team_name) == (
            BOT, "B0ACME", "UBOT", ["chat:write"], "Acme",
        )  # fmt: skip
        assert bot.bot_token_expires_at is None


@pytest.mark.gen_test(timeout=30)
async def test_stores_both_tokens_with_their_refresh_tokens(tmp_path: Path, store: Store) -> None:
    async with at_slack(tmp_path) as it:
        it.knows("T0ACME", "xoxe.xoxb-sentinel-1", "xoxe.xoxp-sentinel-1")
        it.slack.world.tokens["xoxe.xoxb-sentinel-1"].is_bot = True
        lines = ["xoxe.xoxb-sentinel-1", "xoxe-sentinel-bot", "", "xoxe.xoxp-sentinel-1", "xoxe-sentinel-user"]
        done = await it.run("add", "--json", typed="\n".join(lines))
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout) == {
            "team_id": "T0ACME", "enterprise_id": "", "name": "Acme", "bot": True, "user_id": "UBOT",
        }  # fmt: skip
        found = store.installations.find_installation(enterprise_id=None, team_id="T0ACME")
        assert found is not None
        assert (found.bot_refresh_token, found.user_refresh_token) == ("xoxe-sentinel-bot", "xoxe-sentinel-user")
        # When they expire is unknown, so the server refreshes them soon.
        assert found.bot_token_expires_at is not None
        assert found.bot_token_expires_at - found.installed_at < 2 * 3600


@pytest.mark.gen_test(timeout=30)
async def test_a_later_token_replaces_an_earlier_one(tmp_path: Path, store: Store) -> None:
    async with at_slack(tmp_path) as it:
        it.knows("T0ACME", BOT, "xoxb-sentinel-2")
        for token in (BOT, "xoxb-sentinel-2"):
            assert (await it.run("add", typed=token)).returncode == 0
        bot = store.installations.find_bot(enterprise_id=None, team_id="T0ACME")
        assert bot is not None
        assert bot.bot_token == "xoxb-sentinel-2"


@pytest.mark.gen_test(timeout=30)
async def test_stores_nothing_that_slack_refuses_or_that_belongs_to_two_workspaces(
    tmp_path: Path, store: Store
) -> None:
    async with at_slack(tmp_path) as it:
        it.knows("T0ACME", BOT)
        it.knows("T0BIRCH", USER)
        refused = await it.run("add", typed="xoxb-sentinel-unknown")
        assert (refused.returncode, "invalid_auth" in refused.stderr) == (1, True)
        mixed = await it.run("add", typed=f"{BOT}\n{USER}")
        assert (mixed.returncode, "different workspaces" in mixed.stderr) == (1, True)
        it.slack.fail("auth.test", times=9, status=500)
        down = await it.run("add", typed=BOT)
        assert (down.returncode, "nothing was stored" in down.stderr) == (1, True)
        assert not list(store.workspaces.all())


@pytest.mark.gen_test(timeout=30)
async def test_stores_nothing_of_a_workspace_that_the_configuration_does_not_list(tmp_path: Path, store: Store) -> None:
    async with at_slack(tmp_path) as it:
        it.knows("T0ACME", BOT)
        refused = await it.run("add", typed=BOT, LATCHKEY_INSTALL_WORKSPACES="T0BIRCH,E0FOREST")
        assert (refused.returncode, "`[install] workspaces` does not list T0ACME" in refused.stderr) == (1, True)
        assert not list(store.workspaces.all())
        assert (await it.run("add", typed=BOT, LATCHKEY_INSTALL_WORKSPACES="T0BIRCH,T0ACME")).returncode == 0


OFFLINE = ("--offline", "--team", "T0ACME", "--enterprise", "E0FOREST", "--bot-user", "UBOT", "--bot-id", "B0ACME")


def test_stores_tokens_of_the_named_workspace_without_asking_slack(tmp_path: Path, store: Store) -> None:
    (tmp_path / "config.toml").write_text(
        '[slack]\napi_url = "http://127.0.0.1:9/api/"\nscopes = ["chat:write"]\nuser_scopes = ["search:read"]\n'
    )
    done = run(tmp_path, "installs", "add", *OFFLINE, "--user", "U0ALICE", typed=f"{BOT}\n{USER}\n")
    assert (done.returncode, done.stdout) == (
        0, "stored T0ACME: its bot token and the token of the user U0ALICE\n",
    ), done.stderr  # fmt: skip
    found = store.installations.find_installation(enterprise_id="E0FOREST", team_id="T0ACME", user_id="U0ALICE")
    assert found is not None
    assert (found.bot_token, found.bot_id, found.bot_user_id, found.bot_scopes) == (
        BOT, "B0ACME", "UBOT", ["chat:write"],
    )  # fmt: skip
    assert (found.user_token, found.user_scopes) == (USER, ["search:read"])


def test_stores_the_token_of_a_named_org_without_asking_slack(tmp_path: Path, store: Store) -> None:
    arguments = ("--offline", "--enterprise", "E0FOREST", "--bot-user", "UBOT", "--bot-id", "B0ACME")
    assert run(tmp_path, "installs", "add", *arguments, typed=BOT).returncode == 0
    bot = store.installations.find_bot(enterprise_id="E0FOREST", team_id=None, is_enterprise_install=True)
    assert bot is not None
    assert (bot.bot_token, bot.is_enterprise_install) == (BOT, True)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--team", "T0ACME"), "ids are given without --offline"),
        (("--offline",), "--offline needs --team, or --enterprise"),
        (("--offline", "--team", "acme"), "--team: expected an id such as T…"),
        (("--offline", "--team", BOT), "--team: expected an id such as T…"),
        (("--offline", "--team", "T0ACME", "--bot-user", "UBOT"), "--offline needs --bot-id for a bot token"),
        ((*OFFLINE, "--user", "U0ALICE"), "--user is given, but no user token"),
    ],
)
def test_says_which_id_is_missing_wrong_or_of_no_use(
    tmp_path: Path, store: Store, arguments: tuple[str, ...], said: str
) -> None:
    done = run(tmp_path, "installs", "add", *arguments, typed=BOT)
    assert (done.returncode, said in done.stderr) == (1, True), done.stderr
    assert BOT not in done.stderr
    assert not list(store.workspaces.all())


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("", "there is no token on standard input"),
        ("hunter22\n", "line 1 of the input: no token that is expected here"),
        ("xoxe-hunter22\nxoxb-1\n", "line 1 of the input: no token that is expected here"),
        ("xoxb-1\nxoxb-hunter22\n", "line 2 of the input: a second bot token"),
        ("xoxe.xoxb-hunter22\n", "the bot token expires, and its refresh token is missing"),
    ],
)
def test_says_what_is_wrong_with_the_input_and_shows_none_of_it(
    tmp_path: Path, store: Store, typed: str, said: str
) -> None:
    done = run(tmp_path, "installs", "add", typed=typed)
    assert done.returncode == 1
    assert said in done.stderr
    assert "hint: give one token per line" in done.stderr
    assert "hunter22" not in done.stderr


def test_takes_no_token_from_the_command_line(tmp_path: Path, store: Store) -> None:
    done = run(tmp_path, "installs", "add", BOT)
    assert done.returncode == 2
    assert "extra argument ([hidden])" in done.stderr
