"""Hostile requests to every path: no 5xx, no traceback, no change, and the next valid request succeeds."""

import asyncio
import hashlib
import json
import random
import sqlite3
import string
import time
from collections import Counter
from contextlib import closing
from pathlib import Path

import pytest

from latchkey.simulator import sign
from tests.support.running import Running, running

PATHS = [
    "/", "/slack/install", "/slack/oauth/callback", "/slack/oauth_redirect", "/slack/events", "/healthz", "/readyz",
    "/nothing", "/slack", "/slack/events/", "//slack/events", "/slack/../slack/events", "/%00", "/%ff%fe", "/slack/install%0d%0aX: y",
]  # fmt: skip
METHODS = [
    "GET",
    "POST",
    "POST",
    "POST",
    "HEAD",
    "PUT",
    "DELETE",
    "OPTIONS",
    "PATCH",
    "TRACE",
    "CONNECT",
    "get",
    "\x00",
]
TYPES = [
    "application/json", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "multipart/form-data",
    "text/plain", "", "application/json; charset=utf-16", "a/b/c;;;=", "\xff",
]  # fmt: skip
SCALARS = [None, True, 0, -1, 1e308, 2**70, "", "x" * 300, "\x00", "\ud800", "T0ACME", "event_callback", [], {}, [[]]]
NAMES = [
    "type", "event", "team_id", "enterprise_id", "payload", "command", "challenge", "event_id", "authorizations", "view", "user",
    "team", "actions", "channel", "response_url", "is_enterprise_install", "ssl_check", "trigger_id", "api_app_id", "message",
]  # fmt: skip
KINDS = [
    "block_actions", "view_submission", "view_closed", "shortcut", "message_action", "block_suggestion", "url_verification",
    "event_callback", "interactive_message", "dialog_submission", "app_rate_limited", "nonsense", 7, None,
]  # fmt: skip


class Attacker:
    """Makes invalid requests; some are signed, as by an attacker who has stolen the secret."""

    def __init__(self, seed: int, signing_secret: str) -> None:
        self._random = random.Random(seed)
        self._secret = signing_secret

    def request(self) -> bytes:
        chance = self._random
        body = chance.choice([self._bytes, self._json, self._form, lambda: b"", lambda: b"[" * 5000])()
        aimed = chance.random() < 0.5  # at Slack's endpoint
        path = "/slack/events" if aimed else chance.choice(PATHS)
        if chance.random() < 0.3:
            path += "?" + self._query()
        headers = [
            ("Host", "localhost"),
            ("Connection", "close"),
            ("Content-Type", chance.choice(TYPES[:2] if aimed else TYPES)),
        ]
        headers += self._signature(body, stolen=aimed and chance.random() < 0.6)
        headers += self._odd_headers()
        if chance.random() < 0.95:
            headers.append(("Content-Length", str(len(body))))
        elif chance.random() < 0.5:
            headers.append(("Transfer-Encoding", "chunked"))
            body = b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body) if body else b"zz\r\n"
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers)
        method = "POST" if aimed else chance.choice(METHODS)
        return f"{method} {path} HTTP/1.1\r\n{lines}\r\n".encode("latin-1", "replace") + body

    def _signature(self, body: bytes, *, stolen: bool) -> list[tuple[str, str]]:
        chance = self._random
        if stolen:
            now = str(int(time.time()))
            return [("X-Slack-Request-Timestamp", now), ("X-Slack-Signature", sign(self._secret, now, body))]
        timestamp = chance.choice([str(int(time.time()))] * 6 + ["", "-1", "1e9", "9" * 40, "٣", "0x10", " 1", "\x00"])
        right = sign(self._secret, timestamp, body)
        signature = chance.choice(
            [right] * 4 + [right[:-1], right.upper(), "v0=", "v1=" + right[3:], "", "é" * 9, "v0=" + "0" * 64]
        )
        named = [("X-Slack-Request-Timestamp", timestamp), ("X-Slack-Signature", signature)]
        return chance.choice([named, named, named, named[:1], named[1:], named * 2, []])

    def _odd_headers(self) -> list[tuple[str, str]]:
        chance = self._random
        return chance.sample(
            [
                ("Cookie", "=;;;=\x01; " + "a=b; " * 50),
                ("Cookie", "__Host-latchkey=x; latchkey-state=" + "y" * 100),
                ("X-Slack-Retry-Num", chance.choice(["-1", "x", "9" * 30, "²"])),
                ("X-Forwarded-For", "::ffff:1.2.3.4, nonsense"),
                ("Host", chance.choice(["", "evil.example", "a b", "[::"])),
                ("Expect", "100-continue"),
                ("Content-Length", chance.choice(["-1", "abc", "1, 2", "²"])),
                ("Content-Encoding", "gzip"),
                ("Range", "bytes=-1"),
                ("Upgrade", "websocket"),
                ("X-" + "A" * 100, self._text(2000)),
            ],
            chance.choice([0, 0, 0, 0, 0, 1, 2]),
        )

    def _bytes(self) -> bytes:
        return self._random.randbytes(self._random.randrange(400))

    def _json(self) -> bytes:
        document = {name: self._value(3) for name in self._random.sample(NAMES, self._random.randrange(8))}
        if self._random.random() < 0.7:
            document["type"] = self._random.choice(KINDS)
        return json.dumps(document).encode()

    def _form(self) -> bytes:
        from urllib.parse import quote_from_bytes

        inner = self._random.choice([self._json(), self._bytes(), b"{}", b"null"])
        name = self._random.choice(["payload", "payload", "command", "ssl_check", "token"])
        return f"{name}={quote_from_bytes(inner)}&{self._query()}".encode("latin-1", "replace")

    def _value(self, depth: int) -> object:
        chance = self._random
        if depth and chance.random() < 0.4:
            return {name: self._value(depth - 1) for name in chance.sample(NAMES, chance.randrange(5))}
        if depth and chance.random() < 0.2:
            return [self._value(depth - 1) for _ in range(chance.randrange(3))]
        return chance.choice(SCALARS)

    def _query(self) -> str:
        chance = self._random
        names = ["code", "state", "error", "team", "error_description", "x"]
        values = [
            "",
            "%00",
            "%ff",
            "../" * 9,
            "a" * 5000,
            "access_denied",
            "%3Cscript%3E",
            "T0ACME",
            "+",
            "%",
            "&&=",
            "1.2",
        ]
        return "&".join(f"{chance.choice(names)}={chance.choice(values)}" for _ in range(chance.randrange(1, 5)))

    def _text(self, length: int) -> str:
        return "".join(self._random.choices(string.printable[:94], k=length))


def fingerprint(store: Path) -> str:
    """Return a digest of all installations; OAuth states are left out, because each visit of the install page adds one."""
    digest = hashlib.sha256()
    with closing(sqlite3.connect(store)) as connection:
        for table in ("installations", "bots", "workspaces"):
            for row in connection.execute(f"SELECT key, value FROM {table} ORDER BY key"):
                digest.update(repr(row).encode())
    return digest.hexdigest()


async def send(port: int, request: bytes) -> int:
    """Return the status of the response; 0 if the connection was closed without one."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(request)
        received = await asyncio.wait_for(reader.read(), 15)
    except (ConnectionError, BrokenPipeError):
        return 0
    finally:
        writer.close()
    received = received.removeprefix(b"HTTP/1.1 100 (Continue)\r\n\r\n")
    return int(received[9:12]) if received.startswith(b"HTTP/1.1 ") else 0


async def attack(it: Running, requests: int, seed: int) -> Counter[int]:
    attacker = Attacker(seed, it.server.credentials["SLACK_SIGNING_SECRET"])
    statuses: Counter[int] = Counter()
    remaining = requests

    async def send_in_sequence() -> None:
        nonlocal remaining
        while remaining > 0:
            remaining -= 1
            statuses[await send(it.server.port, attacker.request())] += 1

    await asyncio.gather(*(send_in_sequence() for _ in range(40)))
    return statuses


async def survive(folder: Path, requests: int) -> None:
    async with running(folder) as it:
        assert await it.install() == 200
        before = fingerprint(it.store)
        statuses = await attack(it, requests, seed=requests)
        print(f"{sum(statuses.values())} hostile requests: {dict(sorted(statuses.items()))}")
        assert sum(statuses.values()) == requests
        assert not [status for status in statuses if status >= 500]
        assert {200, 302, 400, 403, 404, 405} <= set(statuses), "the attack does not reach every kind of response"
        log = it.server.log.read_text(errors="replace")
        assert "Traceback" not in log, log[log.index("Traceback") - 300 :][:3000]
        assert fingerprint(it.store) == before
        response = await it.slack.people.command(it.slack.workspace(), "/open-modal")
        assert (response.status, response.body) == (200, "")
        it.check.search_files()


@pytest.mark.gen_test(timeout=60)
async def test_a_thousand_hostile_requests_change_nothing(tmp_path: Path) -> None:
    await survive(tmp_path, 1000)


@pytest.mark.long
@pytest.mark.gen_test(timeout=600)
async def test_ten_thousand_hostile_requests_change_nothing(tmp_path: Path) -> None:
    await survive(tmp_path, 10_000)
