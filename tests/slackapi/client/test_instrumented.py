"""The report on each request to Slack: method, outcome and duration."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from aiohttp import web
from slack_sdk.errors import SlackClientError

from latchkey.errors import SlackUnavailable
from latchkey.slackapi.client.factory import WebClients
from latchkey.slackapi.client.outcomes import outcome_of
from latchkey.slackapi.requests import WorkspaceId
from tests.slackapi.served import served

ACME = WorkspaceId(None, "T0ACME", False)


def reported(
    use: Callable[[WebClients, str], Awaitable[Any]],
    responses: list[Callable[[], web.Response | None]],
) -> list[tuple[str, str]]:
    """Return the reports while `use` called a Slack that gives these responses in turn (None: it never responds)."""
    seen: list[tuple[str, str]] = []

    def on_call(method: str, outcome: str, seconds: float) -> None:
        assert 0 <= seconds < 5
        seen.append((method, outcome))

    async def respond(_: web.Request) -> web.Response:
        made = responses.pop(0)()
        if made is None:
            await asyncio.sleep(60)
        return made

    async def main() -> None:
        async with (
            served(respond, handler_cancellation=True) as url,
            WebClients(api_url=f"{url}/api/", on_call=on_call) as clients,
        ):
            await use(clients, url)

    asyncio.run(main())
    return seen


async def call(clients: WebClients, _: str) -> None:
    try:
        await clients.retrying_client("xoxb-1", ACME).users_info(user="U1")
    except (SlackClientError, SlackUnavailable):
        pass


def test_reports_slacks_own_error_code() -> None:
    assert reported(call, [lambda: web.json_response({"ok": True})]) == [("users.info", "ok")]
    denied = [lambda: web.json_response({"ok": False, "error": "missing_scope"})]
    assert reported(call, denied) == [("users.info", "missing_scope")]


def test_reports_each_retry() -> None:
    limited = lambda: web.json_response({"ok": False, "error": "ratelimited"}, status=429, headers={"Retry-After": "0"})  # noqa: E731
    responses = [limited, lambda: web.Response(status=503), lambda: web.json_response({"ok": True})]
    assert reported(call, responses) == [
        ("users.info", "ratelimited"),
        ("users.info", "http_503"),
        ("users.info", "ok"),
    ]


def test_a_strange_response_does_not_become_a_label() -> None:
    odd = [lambda: web.json_response({"ok": False, "error": "xoxb-1 <b>\n" * 9})]
    assert reported(call, odd) == [("users.info", "unreadable")]
    page = [lambda: web.Response(text="<html>", content_type="text/html")]
    assert reported(call, page)[0] == ("users.info", "unreadable")


def test_reports_a_slack_without_a_connection_as_unreachable() -> None:
    seen: list[str] = []

    async def main() -> None:
        async with WebClients(
            api_url="http://127.0.0.1:9/api/", on_call=lambda _, outcome, __: seen.append(outcome)
        ) as clients:
            with pytest.raises(OSError, match="Cannot connect"):
                await clients.client("xoxb-1").auth_test()

    asyncio.run(main())
    assert seen == ["unreachable"]


def test_reports_a_call_whose_caller_stopped_waiting_as_cancelled() -> None:
    async def give_up(clients: WebClients, _: str) -> None:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(clients.client("xoxb-1").auth_test(), 0.2)

    assert reported(give_up, [lambda: None]) == [("auth.test", "cancelled")]


def test_reports_messages_to_a_response_url() -> None:
    async def respond(clients: WebClients, url: str) -> None:
        await clients.post_response_url(f"{url}/response/1", {"text": "x"})
        with pytest.raises(SlackUnavailable):
            await clients.post_response_url(f"{url}/response/1", {"text": "x"})

    responses = [lambda: web.Response(text="ok"), lambda: web.Response(status=404)]
    assert reported(respond, responses) == [("response_url", "ok"), ("response_url", "http_404")]


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
def test_an_outcome_is_one_of_few_words(status: int, data: object, outcome: str) -> None:
    assert outcome_of(status, data) == outcome
