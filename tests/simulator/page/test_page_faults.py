"""Faults on demand, and requests that are sent again, from the simulator's page."""

import asyncio
import json
from typing import Any

import pytest

from latchkey.simulator import sign
from latchkey.simulator.faults import SendingFaults
from tests.simulator.page.acting import act, install, read
from tests.simulator.simulation import recording_app, simulation
from tests.support.waiting import until


def is_signed(request: Any) -> bool:
    timestamp, signature = (request.headers[f"X-Slack-{name}"] for name in ("Request-Timestamp", "Signature"))
    return bool(signature == sign("sentinel-signing", timestamp, request.body))


def ids(seen: list[Any]) -> list[str]:
    return [json.loads(request.body)["event_id"] for request in seen]


@pytest.mark.gen_test
async def test_signatures_are_wrong_or_old_until_the_faults_end() -> None:
    async with recording_app() as (url, seen), simulation(url) as it:
        await install(it)
        for faults in ({"bad_signature": True}, {"age": 310}, {"age": -310}):
            await act(it, "fault_sending", faults=faults)
            await act(it, "write", text="hello")
        await act(it, "no_faults")
        await act(it, "write", text="hello")
        notes = [
            (await read(it, f"exchanges/{each['number']}"))["notes"][0]
            for each in (await read(it, "state"))["exchanges"][-4:]
        ]
    assert [is_signed(request) for request in seen] == [False, True, True, True]
    ages = [int(it.clock()) - int(request.headers["X-Slack-Request-Timestamp"]) for request in seen]
    assert ages == [0, 310, -310, 0]
    assert [note.partition(":")[0] for note in notes] == [
        "Signature wrong on purpose",
        "Signature valid but 310 s old",
        "Signature valid but from 310 s in the future",
        "Signature valid, 0 s old.",
    ]


@pytest.mark.gen_test
async def test_events_are_sent_in_copies_and_out_of_order() -> None:
    async with recording_app() as (url, seen), simulation(url) as it:
        await install(it)
        await act(it, "fault_sending", faults={"copies": 3})
        await act(it, "write", text="hello")
        assert len(seen) == 3
        assert len(set(ids(seen))) == 1
        await act(it, "fault_sending", faults={"swaps": True})
        seen.clear()
        await asyncio.gather(act(it, "write", text="first"), act(it, "write", text="second"))
    texts = [json.loads(request.body)["event"]["text"] for request in seen]
    sent = [message.text for message in it.slack.world.messages[-2:]]
    assert texts == sent[::-1]


@pytest.mark.gen_test
async def test_events_that_are_not_acknowledged_are_sent_again_with_slacks_headers() -> None:
    async with simulation("http://127.0.0.1:9/") as it:
        await install(it)
        it.slack.world.sending = SendingFaults(retry_delays=(0.01, 0.01))
        await act(it, "write", text="hello")
        exchanges = it.slack.world.exchanges
        await until(lambda: len([each for each in exchanges.latest(9) if each.what == "event message"]) == 3)
        first, *retries = [each for each in exchanges.latest(9) if each.what == "event message"]
        headers = [dict(each.headers) for each in retries]
    assert "X-Slack-Retry-Num" not in dict(first.headers)
    assert [each["X-Slack-Retry-Num"] for each in headers] == ["1", "2"]
    assert {each["X-Slack-Retry-Reason"] for each in headers} == {"connection_failed"}
    assert first.notes[-1] == "No response: nothing answers at the app's address."


@pytest.mark.gen_test
async def test_calls_fail_as_often_as_asked() -> None:
    async with simulation() as it:
        token = await install(it)
        await act(it, "fault_api", method="*", error="fatal_error", times=2)
        assert (await read(it, "state"))["faults"]["api"][0]["method"] == "*"
        results = [await it.call("auth.test", token) for _ in range(3)]
        assert [result.get("error") for result in results] == ["fatal_error", "fatal_error", None]
        await act(it, "fault_api", method="chat.postMessage", status=429)
        url = f"{it.slack.api_url}chat.postMessage"
        limited = await it.browser.post(url, "channel=C0GENERAL&text=x", {"Authorization": f"Bearer {token}"})
        assert (limited.code, limited.headers["Retry-After"]) == (429, "5")


@pytest.mark.gen_test
async def test_tokens_expire_are_revoked_and_end_with_the_app() -> None:
    async with recording_app() as (url, seen), simulation(url) as it:
        token = await install(it)
        await act(it, "expire_tokens")
        assert await it.error(token) == "token_expired"
        second = await install(it)
        await act(it, "revoke_tokens")
        assert await it.error(second) == "account_inactive"
        await install(it)
        await act(it, "uninstall")
        assert not (await read(it, "state"))["app"]["is_installed"]
    types = [json.loads(request.body)["event"]["type"] for request in seen]
    assert types == ["tokens_revoked", "tokens_revoked", "app_uninstalled"]


@pytest.mark.gen_test
async def test_a_request_is_sent_again_with_a_new_signature() -> None:
    async with recording_app() as (url, seen), simulation(url) as it:
        await install(it)
        await act(it, "write", text="hello")
        [number] = [
            each["number"] for each in (await read(it, "state"))["exchanges"] if each["direction"] == "to the app"
        ]
        it.clock.now += 1000
        assert (await act(it, "replay", number=number))["status"] == 200
        assert not (await act(it, "replay", number=999))["ok"]
    assert seen[0].body == seen[1].body
    assert is_signed(seen[1])
    assert int(seen[1].headers["X-Slack-Request-Timestamp"]) == int(it.clock())


@pytest.mark.gen_test
async def test_exchanges_explain_whose_token_was_refused_and_why() -> None:
    async with simulation() as it:
        token = await install(it)
        await it.call("chat.update", token, channel="C0GENERAL", ts="1.1", text="x")
        last = (await read(it, "state"))["exchanges"][-1]
        full = await read(it, f"exchanges/{last['number']}")
    assert (last["what"], last["failed"]) == ("chat.update", True)
    assert full["notes"][0].startswith("Token of the bot in Acme")
    assert full["notes"][-1] == "Refused: message_not_found. There is no such message in this conversation."
    assert token in dict(full["headers"])["Authorization"], "the page hides it until it is clicked"
