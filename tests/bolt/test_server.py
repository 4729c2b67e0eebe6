"""The server as a process with a Bolt app: its log, its shutdown, and what the next start resumes."""

from pathlib import Path

import pytest

from tests.support.running import running
from tests.support.waiting import until

APP = """
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


@pytest.mark.gen_test(timeout=40)
async def test_a_stop_during_a_listener_loses_nothing_and_the_log_hides_tokens(tmp_path: Path) -> None:
    (tmp_path / "their_app.py").write_text(APP)
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
