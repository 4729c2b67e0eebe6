"""Requests that the simulator sends to an app."""

import json
import socket
from urllib.parse import parse_qsl

import pytest

from latchkey.simulator import sign
from tests.simulator.simulation import recording_app, simulation


@pytest.mark.gen_test
async def test_signature_matches_slacks_documented_example() -> None:
    body = (
        b"token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&"
        b"channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&"
        b"response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&"
        b"trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c"
    )
    # https://docs.slack.dev/authentication/verifying-requests-from-slack
    signature = "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503"
    assert sign("8f742231b10e8888abcd99yyyzzz85a5", "1531420618", body) == signature


@pytest.mark.gen_test
async def test_sends_every_kind_of_request_signed_and_records_the_response() -> None:
    async with recording_app() as (url, seen), simulation(url) as it:
        acme, people, sender = it.slack.workspace(), it.slack.people, it.slack.sender
        await people.mention(acme, "hi")
        await people.command(acme, "/x", "y z")
        await people.click(acme, {"action_id": "a", "block_id": "b"})
        await sender.interaction(acme, "shortcut", {"callback_id": "c"})
        await people.uninstall(acme)
        assert [response.status for response in it.slack.world.responses] == [200] * 6
    for request in seen:
        headers = request.headers
        assert headers["X-Slack-Signature"] == sign(
            "sentinel-signing", headers["X-Slack-Request-Timestamp"], request.body
        )
    wrapper = json.loads(seen[0].body)
    assert wrapper["event"]["text"].endswith(" hi")
    assert dict(parse_qsl(seen[1].body.decode()))["text"] == "y z"
    types = [json.loads(request.body)["event"]["type"] for request in seen[4:]]
    assert types == ["tokens_revoked", "app_uninstalled"]


@pytest.mark.gen_test
async def test_an_app_that_does_not_respond_gets_status_599() -> None:
    async with simulation("http://127.0.0.1:9/") as it:
        assert (await it.slack.people.command(it.slack.workspace(), "/x")).status == 599
        assert "failed" in it.slack.world.messages[-1].text


@pytest.mark.gen_test
async def test_listens_only_on_loopback() -> None:
    async with simulation() as it:
        with socket.socket() as probe:
            probe.settimeout(1)
            # Every address of 127.0.0.0/8 reaches a socket that listens on 0.0.0.0.
            with pytest.raises(ConnectionRefusedError):
                probe.connect(("127.0.0.2", it.slack.port))
