"""What Slack never sends in an exchange, but something between it and us might."""

import gzip
import json
import tracemalloc
from typing import Any

import pytest

from latchkey.errors import SlackUnavailable
from latchkey.slackapi.oauth import OAuthClient
from tests.slackapi.test_oauth import GOOD, with_slack


async def exchange(oauth: OAuthClient) -> Any:
    return await oauth.exchange("c")


def good(**changes: Any) -> bytes:
    return json.dumps({**GOOD, **changes}).encode()


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (b"[" * 200_000, "its JSON is nested too deeply"),
        (b'{"ok":true,"x":' * 100_000, "its JSON is nested too deeply"),
        (good()[:-1], "not a JSON object"),
        (b"\xff\xfe", "UnicodeDecodeError"),
        (b"", "not a JSON object"),
        (b"[]", "not a JSON object"),
        (b"[1]", "not a JSON object"),
        (b"null", "not a JSON object"),
        (b'"ok"', "not a JSON object"),
        (b"7", "not a JSON object"),
    ],
    ids=["arrays", "objects", "cut", "not UTF-8", "nothing", "empty array", "array", "null", "string", "number"],
)
def test_an_unreadable_response_is_a_slack_that_is_unavailable(answer: bytes, reason: str) -> None:
    with pytest.raises(SlackUnavailable, match=reason) as caught:
        with_slack(answer, exchange)
    assert "sentinel" not in repr(caught.value)


def test_a_lone_surrogate_in_a_name_can_be_stored() -> None:
    installation, _ = with_slack(good(team={"id": "T1", "name": "cut \ud83d"}), exchange)
    assert installation.team_name == "cut \ufffd"


@pytest.mark.parametrize("seconds", [-1, 10**12, 10**400, "43200", True, 1e5, None])
def test_an_expiry_that_cannot_be_a_time_is_ignored(seconds: object) -> None:
    answer = good(expires_in=seconds)
    installation, _ = with_slack(answer, exchange)
    assert installation.bot_token_expires_at is None


def test_a_response_that_unpacks_to_gigabytes_takes_bounded_memory() -> None:
    bomb = gzip.compress(b'{"ok":true,"x":"' + b"x" * (100 << 20) + b'"}', 9)
    assert len(bomb) < 200_000
    tracemalloc.start()
    try:
        with pytest.raises(SlackUnavailable, match="ResponseTooLarge"):
            with_slack(bomb, exchange, headers={"Content-Encoding": "gzip"})
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 40 << 20


def test_a_large_response_within_the_limit_is_read() -> None:
    text = good(padding="x" * (15 << 20))
    installation, _ = with_slack(gzip.compress(text), exchange, headers={"Content-Encoding": "gzip"})
    assert installation.team_id == "T1"


@pytest.mark.parametrize("app_id", ["A2", None, 7, "<script>sentinel"])
def test_an_answer_for_another_app_is_refused_once_ours_is_known(app_id: object) -> None:
    async def exchange_twice(oauth: OAuthClient) -> None:
        assert (await oauth.exchange("c")).app_id == "A1"
        assert (await oauth.exchange("c")).app_id == "A1"
        with pytest.raises(SlackUnavailable, match="its response is for the app .*, not for A1") as caught:
            await oauth.exchange("c")
        assert "sentinel" not in str(caught.value)

    with_slack(iter([good(app_id="A1"), good(app_id="A1"), good(app_id=app_id)]), exchange_twice)


@pytest.mark.parametrize("learned", [None, 7, "", "a1", "A1;", "A" * 40, ["A1"]])
def test_only_an_id_is_learned(learned: object) -> None:
    async def learn(oauth: OAuthClient) -> Any:
        oauth.learn_app(learned)
        assert oauth.app_id is None
        oauth.learn_app("A7")
        oauth.learn_app("A8")
        return await oauth.exchange("c")

    with pytest.raises(SlackUnavailable, match="is for the app A1, not for A7"):
        with_slack(good(app_id="A1"), learn)
