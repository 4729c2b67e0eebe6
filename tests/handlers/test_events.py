"""POST /slack/events: verification, responses, and the listeners that run."""

import asyncio
import json
import socket
import threading
import time
from typing import Any
from urllib.parse import urlencode

import pytest
from slack_sdk.oauth.installation_store import Installation
from tornado.httpclient import AsyncHTTPClient

from latchkey.dispatch import App
from latchkey.handlers.services import Services
from latchkey.simulator import FORM, JSON, Slack, sign
from latchkey.storage import Store
from tests.handlers.conftest import SIGNING_SECRETS
from tests.support.clocks import Clock
from tests.support.counts import count
from tests.support.waiting import until


@pytest.mark.gen_test
async def test_event_runs_its_listeners_and_gets_an_empty_200(
    http_server: object, installed: Slack, listeners: App
) -> None:
    seen: list[str] = []

    @listeners.event("app_mention")
    async def first(event: dict[str, Any], say: Any) -> None:
        seen.append(event["text"])
        await say("hi")

    @listeners.event("app_mention")
    def second(event: dict[str, Any]) -> None:
        seen.append("second")

    answer = await installed.sender.mention(installed.workspace(), "hello")
    assert (answer.status, answer.body) == (200, "")
    await until(lambda: len(seen) == 2 and installed.world.messages)
    assert installed.world.messages[-1].text == "hi"


@pytest.mark.gen_test
async def test_rate_limited_listener_waits_and_its_event_is_not_retried(
    http_server: object, installed: Slack, listeners: App, services: Services
) -> None:
    listeners.event("app_mention")(answer_hi)
    installed.fail("chat.postMessage", status=429)
    assert (await installed.sender.mention(installed.workspace(), "hello")).status == 200
    await until(lambda: installed.world.messages)
    assert installed.world.messages[-1].text == "hi"
    await until(lambda: count(services.metrics, "events_finished") == 1)
    assert count(services.metrics, "events_retried") == 0


async def answer_hi(say: Any) -> None:
    await say("hi")


@pytest.mark.gen_test
async def test_verified_event_without_listener_gets_200(http_server: object, slack: Slack) -> None:
    """Bolt answers 404, so Slack retries the event and may disable the subscription."""
    answer = await slack.sender.event(slack.workspace(), {"type": "reaction_added", "user": "U1"})
    assert (answer.status, answer.body) == (200, "")


@pytest.mark.gen_test
@pytest.mark.parametrize("secret", SIGNING_SECRETS)
async def test_accepts_each_configured_signing_secret(http_server: object, slack: Slack, secret: str) -> None:
    assert (await slack.sender.mention(slack.workspace(), "x", secret=secret)).status == 200


@pytest.mark.gen_test
@pytest.mark.parametrize(("age", "status"), [(299, 200), (300, 200), (301, 403), (-300, 200), (-301, 403)])
async def test_rejects_timestamps_more_than_five_minutes_off(
    http_server: object, slack: Slack, clock: Clock, age: int, status: int
) -> None:
    clock.now = float(int(time.time()))
    body = slack.sender.event_body(slack.workspace(), {"type": "x", "user": "U1"})
    timestamp = str(int(clock.now) - age)
    headers = {
        "X-Slack-Request-Timestamp": timestamp,
        "X-Slack-Signature": sign(SIGNING_SECRETS[0], timestamp, body),
    }
    assert (await slack.sender.send("event", body, JSON, headers=headers)).status == status


BAD_HEADERS = [
    {"X-Slack-Signature": ""},
    {"X-Slack-Signature": "v0=" + "0" * 64},
    {"X-Slack-Signature": "v1=" + "0" * 64},
    {"X-Slack-Signature": "v0="},
    {"X-Slack-Signature": "é" * 67},
    {"X-Slack-Signature": "x" * 5000},
    {"X-Slack-Request-Timestamp": ""},
    {"X-Slack-Request-Timestamp": "yesterday"},
    {"X-Slack-Request-Timestamp": "1e9"},
    {"X-Slack-Request-Timestamp": "-1"},
    {"X-Slack-Request-Timestamp": "+1700000000"},
    {"X-Slack-Request-Timestamp": " 1700000000"},
    {"X-Slack-Request-Timestamp": "1_700_000_000"},
    {"X-Slack-Request-Timestamp": "9" * 400},
    {"X-Slack-Request-Timestamp": "nan"},
]


@pytest.mark.gen_test
@pytest.mark.parametrize("headers", BAD_HEADERS)
@pytest.mark.parametrize("body", [b"{}", b"", b"\xff\xfe", b"payload=%7B", "text=é".encode("latin-1")])
async def test_any_unsigned_request_gets_403(
    http_server: object, slack: Slack, headers: dict[str, str], body: bytes
) -> None:
    """The SDK's verifier raises for a text timestamp, a non-ASCII signature and a body that is not UTF-8."""
    answer = await slack.sender.send("forged", body, FORM, headers=headers)
    assert (answer.status, answer.body) == (403, "invalid request")


@pytest.mark.gen_test
@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        (JSON, b"{"), (JSON, b"[]"), (JSON, b"null"), (JSON, b"{}"),
        (JSON, b'{"type":["event_callback"]}'),
        (JSON, b'{"type":"url_verification"}'), (JSON, b'{"type":"url_verification","challenge":{}}'),
        (JSON, b"[" * 100_000), (JSON, b"9" * 5000), (JSON, b'"\\ud800"'), (JSON, b"\xff"),
        (JSON, b'{"type":"event_callback","event":{"type":"tokens_revoked"},"team_id":"T1"}'),
        (JSON, b'{"type":"event_callback","event":{"type":"tokens_revoked","tokens":{"bot":7}},"team_id":"T1"}'),
        (FORM, b""), (FORM, b"payload="), (FORM, b"payload=%7B%7D"), (FORM, b"payload=[]"), (FORM, b"a&b&c"),
        (FORM, b"command=/x&command=/y"), (FORM, b"&".join(b"a%d=1" % n for n in range(500))), (FORM, b"\xff=\xff"),
        (FORM, b"command=%f"), (FORM, b"command=%"), (FORM, b"command=%5"), (FORM, b"a=%gg"), ("text/plain", b"{}"), ("", b"{}"), ("multipart/form-data; boundary=x", b"--x--"),
    ],
)  # fmt: skip
async def test_malformed_signed_body_gets_400(
    http_server: object, slack: Slack, content_type: str, body: bytes
) -> None:
    assert (await slack.sender.send("odd", body, content_type)).status == 400


@pytest.mark.gen_test
async def test_answers_only_signed_challenges(http_server: object, slack: Slack) -> None:
    answer = await slack.sender.url_verification("3eZbrw1aBm2rZgRNFdxV2595E9CY3gmdALWMmHkvFXO7tYXAYM8P")
    assert (answer.status, answer.body) == (200, "3eZbrw1aBm2rZgRNFdxV2595E9CY3gmdALWMmHkvFXO7tYXAYM8P")
    assert answer.content_type.startswith("text/plain")
    body = json.dumps({"type": "url_verification", "challenge": "x"}).encode()
    assert (await slack.sender.send("forged", body, JSON, secret="wrong")).status == 403


@pytest.mark.gen_test
@pytest.mark.parametrize("headers", [{}, {"X-Slack-Signature": "v0=00"}])
async def test_unsigned_ssl_check_gets_200_and_does_nothing(
    http_server: object, slack: Slack, base_url: str, installed: Slack, listeners: App, headers: dict[str, str]
) -> None:
    """A command in the same body is not run."""
    ran = []
    listeners.command("/x")(lambda ack: ran.append(1))
    body = urlencode({"ssl_check": "1", "token": "x", "command": "/x", "team_id": "T0ACME"})
    response = await AsyncHTTPClient().fetch(
        base_url + "/slack/events",
        method="POST",
        body=body,
        headers={"Content-Type": FORM, **headers},
        raise_error=False,
    )
    assert response.code == (403 if headers else 200)
    assert not ran


@pytest.mark.gen_test
async def test_logs_and_counts_rate_limited_events(
    http_server: object, slack: Slack, services: Services, all_logs: pytest.LogCaptureFixture
) -> None:
    body = json.dumps({"type": "app_rate_limited", "team_id": "T0ACME", "minute_rate_limited": 1, "api_app_id": "A"})
    assert (await slack.sender.send("limited", body.encode(), JSON)).status == 200
    assert "Slack limits this workspace's events" in all_logs.text
    assert count(services.metrics, "events_rate_limited") == 1


@pytest.mark.gen_test
async def test_ack_of_a_command_becomes_the_response(http_server: object, installed: Slack, listeners: App) -> None:
    @listeners.command("/hello")
    async def hello(ack: Any, command: dict[str, Any]) -> None:
        await ack("hello " + command["text"])

    answer = await installed.people.command(installed.workspace(), "/hello", "you")
    assert (answer.status, answer.body) == (200, "hello you")
    assert answer.content_type.startswith("text/plain")


@pytest.mark.gen_test
async def test_command_without_listener_gets_404(http_server: object, installed: Slack) -> None:
    assert (await installed.people.command(installed.workspace(), "/nobody")).status == 404
    assert (await installed.people.click(installed.workspace(), {"action_id": "nobody"})).status == 404


@pytest.mark.gen_test
async def test_command_in_a_workspace_without_the_app_gets_the_install_link(
    http_server: object, slack: Slack, listeners: App, base_url: str
) -> None:
    listeners.command("/hello")(lambda ack: ack())
    answer = await slack.people.command(slack.workspace("T0BIRCH"), "/hello")
    assert (answer.status, answer.body) == (
        200,
        f"Please install this app first! {base_url}/slack/install",
    )


@pytest.mark.gen_test
@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
async def test_uninstall_events_remove_everything_in_any_order_and_repeatedly(
    http_server: object, installed: Slack, store: Store, order: tuple[int, int]
) -> None:
    acme = installed.workspace()
    bot = installed.world.bot_user_id(acme)
    events = [
        {"type": "tokens_revoked", "tokens": {"oauth": ["U0ALICE"], "bot": [bot]}},
        {"type": "app_uninstalled"},
    ]
    for number in (*order, *order):
        answer = await installed.sender.event(acme, events[number], wrapper={"authorizations": None})
        assert answer.status == 200
    assert store.installations.find_bot(enterprise_id=None, team_id="T0ACME") is None
    assert not store.installations.page().installations


@pytest.mark.gen_test
async def test_late_uninstall_event_keeps_a_newer_installation(
    http_server: object, installed: Slack, store: Store
) -> None:
    answer = await installed.sender.event(
        installed.workspace(), {"type": "app_uninstalled"}, wrapper={"event_time": 1_699_999_999}
    )
    assert answer.status == 200
    assert store.installations.find_bot(enterprise_id=None, team_id="T0ACME") is not None


@pytest.mark.gen_test
async def test_uninstall_event_of_an_org_removes_the_orgs_installation(
    http_server: object, slack: Slack, store: Store
) -> None:
    store.installations.save(
        Installation(
            enterprise_id="E0FOREST", team_id=None, user_id="U1", bot_token="xoxb-1", is_enterprise_install=True,
            installed_at=1_700_000_000.0,
        )
    )  # fmt: skip
    wrapper = {"authorizations": None, "is_enterprise_install": True}
    answer = await slack.sender.event(slack.workspace("T0CEDAR"), {"type": "app_uninstalled"}, wrapper=wrapper)
    assert answer.status == 200
    assert not store.installations.page().installations


@pytest.mark.gen_test
async def test_unavailable_store_is_503_with_retry_after(
    http_server: object, slack: Slack, store: Store, listeners: App, base_url: str
) -> None:
    listeners.command("/hello")(lambda ack: ack())
    store.close()
    begun = time.monotonic()
    assert (await slack.people.command(slack.workspace(), "/hello")).status == 503
    assert (await slack.sender.event(slack.workspace(), {"type": "app_uninstalled"})).status == 503
    assert time.monotonic() - begun < 2.5
    assert (await AsyncHTTPClient().fetch(base_url + "/healthz")).code == 200


@pytest.mark.gen_test
async def test_command_finishes_even_if_the_sender_disconnects(
    http_server: object, installed: Slack, listeners: App, services: Services, base_url: str
) -> None:
    started, disconnected, done = asyncio.Event(), asyncio.Event(), asyncio.Event()

    @listeners.command("/slow")
    async def slow(ack: Any) -> None:
        started.set()
        await disconnected.wait()
        await ack()
        done.set()

    body = urlencode({"command": "/slow", "team_id": "T0ACME", "user_id": "U1"}).encode()
    timestamp = str(int(time.time()))
    head = (
        f"POST /slack/events HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\nContent-Type: {FORM}\r\n"
        f"X-Slack-Request-Timestamp: {timestamp}\r\nX-Slack-Signature: {sign(SIGNING_SECRETS[0], timestamp, body)}\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", int(base_url.rpartition(":")[2]))) as client:
        client.sendall(head.encode() + body)
        await started.wait()
    disconnected.set()
    await done.wait()
    assert await services.in_flight.wait(1) == 0


@pytest.mark.gen_test
async def test_blocking_listener_does_not_delay_other_requests(
    http_server: object, installed: Slack, listeners: App, base_url: str
) -> None:
    """Bolt's sync Tornado adapter held up a health check for as long as its listener ran."""
    running, finish = threading.Event(), threading.Event()

    @listeners.event("app_mention")
    def block() -> None:
        running.set()
        finish.wait()

    await installed.sender.mention(installed.workspace(), "x")
    await until(running.is_set)
    assert (await AsyncHTTPClient().fetch(base_url + "/healthz")).code == 200
    finish.set()


@pytest.mark.gen_test
async def test_slacks_retry_of_a_known_event_gets_200_and_runs_nothing(
    http_server: object, installed: Slack, listeners: App, services: Services
) -> None:
    ran: list[int] = []
    listeners.event("app_mention")(lambda: ran.append(1))
    body = installed.sender.event_body(installed.workspace(), {"type": "app_mention", "user": "U1", "text": "x"})
    answers = [(await installed.sender.send("event", body, JSON, retry=retry)).status for retry in (None, 1, 2, 3)]
    await until(lambda: ran)
    assert answers == [200] * 4
    assert (len(ran), count(services.metrics, "events_deduplicated")) == (1, 3)


@pytest.mark.gen_test
@pytest.mark.parametrize("settings", [{"events": {"inbox_events": 1}}])
async def test_retry_of_a_refused_event_is_run(
    http_server: object, installed: Slack, listeners: App, services: Services
) -> None:
    ran: list[dict[str, Any]] = []
    released = asyncio.Event()

    @listeners.event("app_mention")
    async def wait(context: dict[str, Any]) -> None:
        ran.append(context)
        await released.wait()

    assert (await installed.sender.mention(installed.workspace(), "fills the inbox")).status == 200
    body = installed.sender.event_body(installed.workspace(), {"type": "app_mention", "user": "U1", "text": "x"})
    assert (await installed.sender.send("event", body, JSON)).status == 503
    assert count(services.metrics, "events_refused") == 1
    released.set()
    async with asyncio.timeout(3):
        while (await installed.sender.send("event", body, JSON, retry=1)).status == 503:
            await asyncio.sleep(0.01)
    await until(lambda: len(ran) == 2)
    assert (ran[1]["retry_num"], ran[1]["attempt"]) == (1, 1)


@pytest.mark.gen_test
@pytest.mark.parametrize("settings", [{"events": {"inbox_events": 3}}])
async def test_full_inbox_asks_slack_to_retry(
    http_server: object, installed: Slack, listeners: App, services: Services, base_url: str
) -> None:
    """`x-slack-no-retry` would make Slack drop the event: https://docs.slack.dev/apis/events-api/#retries."""
    released = asyncio.Event()

    @listeners.event("app_mention")
    async def wait() -> None:
        await released.wait()

    answers = [(await installed.sender.mention(installed.workspace(), "x")).status for _ in range(5)]
    assert answers == [200, 200, 200, 503, 503]
    body = installed.sender.event_body(installed.workspace(), {"type": "app_mention", "user": "U1", "text": "x"})
    timestamp = str(int(time.time()))
    headers = {
        "Content-Type": JSON,
        "X-Slack-Request-Timestamp": timestamp,
        "X-Slack-Signature": sign(SIGNING_SECRETS[0], timestamp, body),
    }
    response = await AsyncHTTPClient().fetch(
        base_url + "/slack/events", method="POST", headers=headers, body=body, raise_error=False
    )
    released.set()
    assert (response.code, response.headers["Retry-After"]) == (503, "5")
    assert "x-slack-no-retry" not in {name.lower() for name in response.headers}
    assert count(services.metrics, "events_refused") == 3


@pytest.mark.gen_test
async def test_view_with_a_late_listener_stays_open_and_shows_an_error(
    http_server: object, installed: Slack, listeners: App, services: Services
) -> None:
    @listeners.view("form")
    async def slow() -> None:
        await asyncio.sleep(0.6)

    view = {"type": "modal", "callback_id": "form", "blocks": [{"type": "input", "block_id": "b1"}]}
    fields = {"view": {**view, "id": "V1", "state": {"values": {}}}}
    answer = await installed.sender.interaction(installed.workspace(), "view_submission", fields)
    assert answer.document == {
        "response_action": "errors",
        "errors": {"b1": "The app is slow to respond right now. Please try again."},
    }
    assert count(services.metrics, "acks_on_behalf") == 1


@pytest.mark.gen_test
async def test_log_identifies_the_request_without_its_content(
    http_server: object, installed: Slack, listeners: App, all_logs: pytest.LogCaptureFixture
) -> None:
    @listeners.command("/fail")
    async def fail(command: dict[str, Any]) -> None:
        raise ValueError("a reason")

    answer = await installed.people.command(installed.workspace(), "/fail", "sentinel-text")
    await installed.sender.mention(installed.workspace(), "sentinel-text")
    await installed.sender.send("forged", b"sentinel-body", FORM, secret="sentinel-other")
    assert answer.status == 200
    request_id = answer.body.rpartition(" ")[2].rstrip(".")
    assert f"raised ValueError request_id={request_id}" in all_logs.text
    assert "team" in all_logs.records[-1].fields  # type: ignore[attr-defined]
    assert "sentinel" not in all_logs.text
    assert "a reason" not in answer.body
