"""A recorded request that is sent again while its signature is valid."""

import asyncio
import json
from typing import Any
from urllib.parse import urlencode

import pytest
from tornado.httpclient import AsyncHTTPClient, HTTPResponse

from latchkey.dispatch import App
from latchkey.handlers.services import Services
from latchkey.simulator import FORM, JSON, Slack, sign
from latchkey.slackapi.requests import SeenSignatures
from latchkey.storage import Store
from tests.handlers.conftest import SIGNING_SECRETS
from tests.support.clocks import Clock
from tests.support.counts import count

VIEW = {"id": "V1", "type": "modal", "callback_id": "form", "state": {"values": {}}}


def command() -> bytes:
    return urlencode({"command": "/do", "team_id": "T0ACME", "user_id": "U1"}).encode()


def interaction(kind: str, **fields: Any) -> bytes:
    document = {"type": kind, "team": {"id": "T0ACME"}, "user": {"id": "U1"}, **fields}
    return urlencode({"payload": json.dumps(document)}).encode()


ONCE = {
    "command": command(),
    "action": interaction("block_actions", actions=[{"action_id": "button", "block_id": "b", "type": "button"}]),
    "shortcut": interaction("shortcut", callback_id="short"),
    "message shortcut": interaction("message_action", callback_id="short"),
    "submission": interaction("view_submission", view=VIEW),
    "closed view": interaction("view_closed", view=VIEW),
}


@pytest.fixture
def ran(listeners: App) -> list[str]:
    """The kinds of the requests whose listeners have run."""
    ran: list[str] = []

    async def run(ack: Any, body: dict[str, Any]) -> None:
        ran.append(body.get("type", "command"))
        await ack(options=[]) if body.get("type") == "block_suggestion" else await ack()

    listeners.command("/do")(run)
    listeners.action("button")(run)
    listeners.shortcut("short")(run)
    listeners.view("form")(run)
    listeners.view_closed("form")(run)
    listeners.options("menu")(run)
    return ran


async def send(base_url: str, timestamp: float, body: bytes, secret: str = SIGNING_SECRETS[0]) -> HTTPResponse:
    stamp = str(int(timestamp))
    headers = {
        "Content-Type": JSON if body.startswith(b"{") else FORM,
        "X-Slack-Request-Timestamp": stamp,
        "X-Slack-Signature": sign(secret, stamp, body),
    }
    url = base_url + "/slack/events"
    return await AsyncHTTPClient().fetch(url, method="POST", headers=headers, body=body, raise_error=False)


@pytest.mark.gen_test
async def test_a_copy_runs_nothing_and_gets_an_empty_200(
    http_server: object, base_url: str, installed: Slack, ran: list[str], clock: Clock, services: Services
) -> None:
    begun = clock.now
    for number, body in enumerate(ONCE.values(), 1):
        for seconds in (0, 0, 299, 0):
            clock.now = begun + seconds
            response = await send(base_url, begun, body)
            assert (response.code, response.body) == (200, b"")
        assert len(ran) == number
    assert count(services.metrics, "interactions_deduplicated") == 3 * len(ONCE)


@pytest.mark.gen_test
async def test_ten_copies_at_once_run_once(
    http_server: object, base_url: str, installed: Slack, ran: list[str], clock: Clock
) -> None:
    responses = await asyncio.gather(*(send(base_url, clock.now, ONCE["command"]) for _ in range(10)))
    assert {response.code for response in responses} == {200}
    assert ran == ["command"]


@pytest.mark.gen_test
async def test_a_copy_from_the_future_is_recognised_until_its_signature_expires(
    http_server: object, base_url: str, installed: Slack, ran: list[str], clock: Clock
) -> None:
    clock.now = float(int(clock.now))
    timestamp = clock.now + 300
    for seconds in (0, 300, 599, 600):
        clock.now = timestamp - 300 + seconds
        assert (await send(base_url, timestamp, ONCE["command"])).code == 200
    clock.now = timestamp + 301
    assert (await send(base_url, timestamp, ONCE["command"])).code == 403
    assert ran == ["command"]


@pytest.mark.gen_test
async def test_the_same_request_signed_again_is_a_new_one(
    http_server: object, base_url: str, installed: Slack, ran: list[str], clock: Clock
) -> None:
    for seconds in range(3):
        await send(base_url, clock.now + seconds, ONCE["command"])
    assert ran == ["command"] * 3


@pytest.mark.gen_test
@pytest.mark.parametrize(
    "body",
    [
        interaction("block_suggestion", action_id="menu", block_id="b", value="x"),
        b'{"type":"url_verification","challenge":"c"}',
        b"ssl_check=1&token=x",
        b'{"type":"event_callback","event":{"type":"event_without_listeners"},"event_id":"Ev1","team_id":"T0ACME"}',
    ],
    ids=["options", "url_verification", "ssl_check", "event"],
)
async def test_other_requests_are_answered_each_time(
    http_server: object, base_url: str, installed: Slack, ran: list[str], clock: Clock, services: Services, body: bytes
) -> None:
    answers = [await send(base_url, clock.now, body) for _ in range(3)]
    assert {answer.code for answer in answers} == {200}
    assert len({answer.body for answer in answers}) == 1
    assert count(services.metrics, "interactions_deduplicated") == 0
    assert len(ran) in {0, 3}


@pytest.mark.gen_test
async def test_a_request_that_could_not_be_carried_out_may_come_again(
    http_server: object, base_url: str, store: Store, installed: Slack, ran: list[str], clock: Clock, services: Services
) -> None:
    store.close()
    assert [(await send(base_url, clock.now, ONCE["command"])).code for _ in range(2)] == [503, 503]
    assert count(services.metrics, "interactions_deduplicated") == 0


@pytest.mark.gen_test
async def test_an_unsigned_copy_is_refused_and_does_not_block_the_real_one(
    http_server: object, base_url: str, installed: Slack, ran: list[str], clock: Clock
) -> None:
    assert (await send(base_url, clock.now, ONCE["command"], secret="wrong")).code == 403
    assert (await send(base_url, clock.now, ONCE["command"])).code == 200
    assert ran == ["command"]


def test_oldest_signatures_are_forgotten_at_the_limit() -> None:
    seen = SeenSignatures(Clock(), limit=3)
    assert all(seen.add(signature) for signature in "abcd")
    assert [seen.add(signature) for signature in "dcb"] == [False, False, False]
    assert seen.add("a")


def test_signatures_are_forgotten_when_they_are_no_longer_valid() -> None:
    clock = Clock()
    seen = SeenSignatures(clock, limit=3)
    seen.add("a")
    clock.now += 601.5
    assert seen.add("a")
