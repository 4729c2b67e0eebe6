"""Prepares signed Slack requests for a replay; every event has its own id and is from one of many workspaces."""

from __future__ import annotations

import json
import random
import struct
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from latchkey.simulator import FORM, JSON, sign

SIGNING_SECRET = "bench-signing-secret"
APP_ID = "A0BENCH"
COMMAND = "/hello-bench"
KINDS = ("event", "command")
MIXED = "mixed"
"""Events; in three of a hundred workspaces they have other types, one type in each."""
SOAK = "soak"
"""A mix of events, duplicates, commands, started installs, forged and unsigned requests."""
_OTHER_KINDS = ("reaction_added", "pin_added", "channel_created")


def team_id(number: int) -> str:
    return f"T{number:08d}"


def requests(kind: str, count: int, teams: int, seed: int) -> list[bytes]:
    """Return `count` complete HTTP requests of a kind, signed now; signatures are valid for five minutes."""
    chance = random.Random(seed)
    now = int(time.time())
    if kind == SOAK:
        return [_soak_request(number, chance.randrange(teams), now, chance) for number in range(count)]
    return [_request(kind, number, chance.randrange(teams), now, chance) for number in range(count)]


def write(path: Path, made: list[bytes]) -> None:
    """Write requests as replay.lua reads them: the length as 4 big-endian bytes, then the request."""
    path.write_bytes(b"".join(struct.pack(">I", len(request)) + request for request in made))


def _soak_request(number: int, team: int, now: int, chance: random.Random) -> bytes:
    what = chance.random()
    if what < 0.6:
        return _request("event", number, team, now, chance)
    if what < 0.75:
        # A duplicate of an event in the same file, sent shortly before or after it.
        other = random.Random(number // 8)
        copy = _request("event", number // 8, team, now, other)
        return copy.replace(b"Accept: */*\r\n", b"Accept: */*\r\nX-Slack-Retry-Num: 1\r\n", 1)
    if what < 0.9:
        return _request("command", number, team, now, chance)
    if what < 0.95:
        return b"GET /slack/install HTTP/1.1\r\nHost: bench.example\r\n\r\n"
    if what < 0.98:
        return _request("event", number, team, now, chance).replace(
            b"X-Slack-Signature: v0=", b"X-Slack-Signature: v0=0"
        )
    return b"GET /wp-login.php?page=1 HTTP/1.1\r\nHost: bench.example\r\n\r\n"


def _request(kind: str, number: int, team: int, now: int, chance: random.Random) -> bytes:
    if kind != "command":
        event = _event(number, team, now, chance)
        if kind == MIXED and team % 100 < len(_OTHER_KINDS):
            event["event"]["type"] = _OTHER_KINDS[team % 100]
        content_type, body = JSON, json.dumps(event).encode()
    else:
        content_type, body = FORM, urlencode(_command(number, team)).encode()
    head = (
        "POST /slack/events HTTP/1.1\r\n"
        "Host: bench.example\r\n"
        "User-Agent: Slackbot 1.0 (+https://api.slack.com/robots)\r\n"
        "Accept: */*\r\n"
        "Accept-Encoding: gzip,deflate\r\n"
        f"Content-Type: {content_type}\r\n"
        f"Content-Length: {len(body)}\r\n"
        f"X-Slack-Request-Timestamp: {now}\r\n"
        f"X-Slack-Signature: {sign(SIGNING_SECRET, str(now), body)}\r\n"
        "\r\n"
    )
    return head.encode() + body


def _event(number: int, team: int, now: int, chance: random.Random) -> dict[str, Any]:
    text = f"and here is mention number {number}, as long as people write"
    ts = f"{now}.{number % 1_000_000:06d}"
    bot = f"UBOT{team:08d}"
    elements = [{"type": "user", "user_id": bot}, {"type": "text", "text": " " + text}]
    return {
        "token": "legacy",
        "team_id": team_id(team),
        "api_app_id": APP_ID,
        "type": "event_callback",
        "event_id": f"Ev{chance.getrandbits(64):016X}{number:08X}",
        "event_time": now,
        "event_context": f"4-{chance.getrandbits(96):024x}",
        "is_ext_shared_channel": False,
        "authorizations": [
            {
                "enterprise_id": None,
                "team_id": team_id(team),
                "user_id": bot,
                "is_bot": True,
                "is_enterprise_install": False,
            }
        ],
        "event": {
            "type": "app_mention",
            "user": f"U{number % 40:08d}",
            "text": f"<@{bot}> {text}",
            "ts": ts,
            "event_ts": ts,
            "channel": f"C{team:08d}",
            "team": team_id(team),
            "blocks": [
                {
                    "type": "rich_text",
                    "block_id": "b1",
                    "elements": [{"type": "rich_text_section", "elements": elements}],
                }
            ],
        },
    }


def _command(number: int, team: int) -> dict[str, str]:
    return {
        "token": "legacy",
        "team_id": team_id(team),
        "team_domain": "bench",
        "channel_id": f"C{team:08d}",
        "channel_name": "general",
        "user_id": f"U{number % 40:08d}",
        "user_name": "alice",
        "command": COMMAND,
        "text": f"number {number}",
        "api_app_id": APP_ID,
        "is_enterprise_install": "false",
        "response_url": f"http://127.0.0.1:9/commands/{number}",
        "trigger_id": f"{number}.{team}.0123456789abcdef",
    }
