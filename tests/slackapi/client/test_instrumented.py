"""What is told of each request to Slack: a method, one word, and seconds."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from aiohttp import web
from slack_sdk.errors import SlackClientError

from latchkey.errors import SlackUnavailable
from latchkey.slackapi.client.factory import WebClients, open_session
from latchkey.slackapi.client.instrumented import outcome_of
from latchkey.slackapi.requests import WorkspaceId

ACME = WorkspaceId(None, "T0ACME", False)


def told(
    use: Callable[[WebClients, str], Awaitable[Any]],
    answers: list[Callable[[], web.Response | None]],
) -> list[tuple[str, str]]:
    """Return what the watcher was told while `use` called a Slack that gives these answers, one after another (None: never)."""
    seen: list[tuple[str, str]] = []

    def watch(method: str, outcome: str, seconds: float) -> None:
        assert 0 <= seconds < 5
        seen.append((method, outcome))

    async def answer(_: web.Request) -> web.Response:
        made = answers.pop(0)()
        if made is None:
            await asyncio.sleep(60)
        return made

    async def main() -> None:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", answer)
        runner = web.AppRunner(app, handler_cancellation=True)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        async with open_session() as session:
            await use(WebClients(api_url=f"{url}/api/", session=session, watch=watch), url)
        await runner.shutdown()
        await runner.cleanup()

    asyncio.run(main())
    return seen


async def call(clients: WebClients, _: str) -> None:
    try:
        await clients.retrying_client("xoxb-1", ACME).users_info(user="U1")
    except (SlackClientError, SlackUnavailable):
        pass


def test_a_call_is_told_with_slacks_own_error_code() -> None:
    assert told(call, [lambda: web.json_response({"ok": True})]) == [("users.info", "ok")]
    denied = [lambda: web.json_response({"ok": False, "error": "missing_scope"})]
    assert told(call, denied) == [("users.info", "missing_scope")]


def test_each_repetition_is_told() -> None:
    limited = lambda: web.json_response({"ok": False, "error": "ratelimited"}, status=429, headers={"Retry-After": "0"})  # noqa: E731
    answers = [limited, lambda: web.Response(status=503), lambda: web.json_response({"ok": True})]
    assert told(call, answers) == [("users.info", "ratelimited"), ("users.info", "http_503"), ("users.info", "ok")]


def test_nothing_of_an_odd_answer_becomes_a_name() -> None:
    odd = [lambda: web.json_response({"ok": False, "error": "xoxb-1 <b>\n" * 9})]
    assert told(call, odd) == [("users.info", "unreadable")]
    page = [lambda: web.Response(text="<html>", content_type="text/html")]
    assert told(call, page)[0] == ("users.info", "unreadable")


def test_a_slack_that_is_not_there_is_told_as_unreachable() -> None:
    seen: list[str] = []

    async def main() -> None:
        async with open_session() as session:
            watch = lambda method, outcome, seconds: seen.append(outcome)  # noqa: E731
            clients = WebClients(api_url="http://127.0.0.1:9/api/", session=session, watch=watch)
            with pytest.raises(OSError, match="Cannot connect"):
                await clients.client("xoxb-1").auth_test()

    asyncio.run(main())
    assert seen == ["unreachable"]


def test_a_call_that_nobody_waits_for_any_more_is_told_as_cancelled() -> None:
    async def give_up(clients: WebClients, _: str) -> None:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(clients.client("xoxb-1").auth_test(), 0.2)

    assert told(give_up, [lambda: None]) == [("auth.test", "cancelled")]


def test_a_message_to_a_response_url_is_told_as_well() -> None:
    async def respond(clients: WebClients, url: str) -> None:
        await clients.post_response_url(f"{url}/response/1", {"text": "x"})
        with pytest.raises(SlackUnavailable):
            await clients.post_response_url(f"{url}/response/1", {"text": "x"})

    answers = [lambda: web.Response(text="ok"), lambda: web.Response(status=404)]
    assert told(respond, answers) == [("response_url", "ok"), ("response_url", "http_404")]


@pytest.mark.parametrize(
    ("status", "data", "outcome"),
    [
        (200, {"ok": True}, "ok"),
        (200, b"a file", "ok"),
        (200, {"ok": False, "error": "a" * 61}, "unreadable"),
        (429, {}, "http_429"),
        (999, None, "unreadable"),
        (200, {}, "unreadable"),
    ],
)
def test_an_answer_is_one_word_of_few(status: int, data: object, outcome: str) -> None:
    assert outcome_of(status, data) == outcome
