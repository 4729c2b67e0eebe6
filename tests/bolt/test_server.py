"""The server and the commands as processes with a Bolt app."""

import json
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from latchkey.storage import open_store
from tests.handlers.install.flow import authorize_url_of
from tests.support.command_line import run
from tests.support.running import running
from tests.support.waiting import until

WAITING_APP = """
import logging, os, signal, threading
from slack_bolt import App

logging.basicConfig(level=logging.INFO, force=True)
logging.disable(logging.NOTSET)
signal.signal(signal.SIGTERM, signal.SIG_IGN)
app = App(token="xoxb-sentinel-own", signing_secret=os.environ["SLACK_SIGNING_SECRET"])

@app.event("app_mention")
def mention(event, say, context):
    logging.getLogger("theirs").info("the token is %s", context.bot_token)
    if "wait" in event["text"] and not os.path.exists("waited"):
        open("waited", "w").close()
        threading.Event().wait()
    say(f"heard {event['text'].split()[-1]}")
"""
OAUTH_APP = """
from slack_bolt import App, BoltResponse
from slack_bolt.oauth.callback_options import CallbackOptions
from slack_bolt.oauth.oauth_settings import OAuthSettings

def success(args):
    return BoltResponse(status=200, body=f"welcome {args.installation.user_id}")

def failure(args):
    return BoltResponse(status=args.suggested_status_code, body=f"no: {args.reason}")

app = App(
    oauth_settings=OAuthSettings(
        scopes="chat:write", install_path="/start", redirect_uri_path="/back", state_expiration_seconds=120,
        callback_options=CallbackOptions(success=success, failure=failure),
    )
)
"""


@pytest.mark.gen_test(timeout=40)
async def test_a_stop_during_a_listener_loses_nothing_and_the_log_hides_tokens(tmp_path: Path) -> None:
    (tmp_path / "their_app.py").write_text(WAITING_APP)
    bolt = {
        "LATCHKEY_BOLT_APP": "their_app:app",
        "LATCHKEY_LISTENERS_MODULES": "",
        "LATCHKEY_SERVER_DRAIN_SECONDS": "1",
    }
    async with running(tmp_path, environment=bolt) as it:
        assert await it.install() == 200
        acme = it.slack.workspace()

        def heard() -> list[str]:
            return [message.text for message in it.slack.world.messages if message.text.startswith("heard")]

        await it.slack.sender.mention(acme, "hi")
        await until(lambda: heard() == ["heard hi"])
        await it.slack.sender.mention(acme, "wait")
        await until(lambda: (tmp_path / "waited").exists())
        assert await it.server.stop() == 0
        assert heard() == ["heard hi"]
        await it.server.start(it.slack)
        await until(lambda: heard() == ["heard hi", "heard wait"])
        log = it.server.log.read_text()
        assert "1 events unfinished" in log
        assert "the token is [hidden]" in log
        assert all(token not in log for token in it.slack.world.tokens)
        assert "xoxb-sentinel-own" not in log


@pytest.mark.gen_test(timeout=40)
async def test_people_install_through_the_apps_own_path_and_get_its_pages(tmp_path: Path) -> None:
    (tmp_path / "their_app.py").write_text(OAUTH_APP)
    bolt = {"LATCHKEY_BOLT_APP": "their_app:app", "LATCHKEY_LISTENERS_MODULES": ""}
    async with running(tmp_path, environment=bolt) as it:
        it.slack.configure(redirect_uris=[f"{it.server.url}/back"], events_url=f"{it.server.url}/slack/events")
        url = await authorize_url_of(it.browser, f"{it.server.url}/start")
        assert parse_qs(urlsplit(url).query)["scope"] == ["chat:write"]
        done = await it.browser.open(it.slack.approve(url))
        assert (done.code, done.body) == (200, b"welcome U0ALICE")
        failed = await it.browser.get(f"{it.server.url}/back?error=access_denied")
        assert (failed.code, failed.body) == (200, b"no: access_denied")
        begun = await it.browser.get(f"{it.server.url}/start")
        assert "Max-Age=120" in begun.headers["Set-Cookie"]
        assert f"install the app at {it.server.url}/start" in it.server.log.read_text()


def test_the_commands_know_the_apps_paths_also_before_the_app_exists_at_slack(tmp_path: Path) -> None:
    (tmp_path / "their_app.py").write_text(OAUTH_APP)
    environ = {
        "LATCHKEY_BOLT_APP": "their_app:app",
        "LATCHKEY_SERVER_PUBLIC_URL": "https://app.example",
        "LATCHKEY_SERVER_LISTEN": "127.0.0.1:8080",
    }
    printed = run(tmp_path, "manifest", **environ)
    assert json.loads(printed.stdout)["oauth_config"]["redirect_urls"] == ["https://app.example/back"]
    known = json.loads(run(tmp_path, "config", "show", "--json", **environ).stdout)
    assert known["install.path"] == {"value": "/start", "from": "their_app:app"}
    assert "@public path / /slack/* /start /back" in run(tmp_path, "proxy-config", "caddy", **environ).stdout
    open_store(tmp_path / "data" / "store.sqlite", tmp_path / "keys" / "keyring").close()
    link = run(tmp_path, "install-link", "--set", "a=b", **environ).stdout
    assert link.startswith("https://app.example/start?")


def test_a_command_works_with_a_warning_if_the_app_cannot_be_loaded(tmp_path: Path) -> None:
    (tmp_path / "their_app.py").write_text("import missing_package_of_theirs\n")
    shown = run(tmp_path, "config", "show", "--json", LATCHKEY_BOLT_APP="their_app:app")
    assert (shown.returncode, json.loads(shown.stdout)["install.path"]["from"]) == (0, "default")
    assert shown.stderr.startswith("warning: the app's own settings are missing here, because it cannot be loaded: ")
