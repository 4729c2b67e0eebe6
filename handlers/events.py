"""POST /slack/events: everything that Slack sends.

Rule: size → signature over the raw bytes → parse → lifecycle → accept → 200.
A stranger gets 403 whatever he sends, and learns no more from it.

It is not a RequestHandler but what stands below one, Tornado's
HTTPMessageDelegate: nine tenths of all requests come here, and a
RequestHandler alone would cost as much again as all that is done for an event.
"""

from __future__ import annotations

import asyncio
import http.client
import logging
import time
from functools import partial

from tornado.http1connection import HTTP1Connection
from tornado.httputil import (
    HTTPHeaders,
    HTTPMessageDelegate,
    RequestStartLine,
    ResponseStartLine,
)

from latchkey.dispatch import EMPTY, Reply
from latchkey.errors import LatchkeyError, Overloaded, PayloadError, SignatureError, StoreError
from latchkey.handlers.services import EVENTS, Services
from latchkey.handlers.transport import BODY_SECONDS, LARGEST_BODY, Patience, new_request_id
from latchkey.slackapi.paths import EVENTS_PATH
from latchkey.slackapi.requests import Kind, Payload, parse, revocation

LIFECYCLE = frozenset({"app_uninstalled", "tokens_revoked"})
"""Events that take away what is stored, before any listener hears of them."""
RETRY_SECONDS = 5
_TEXT = "text/plain; charset=utf-8"
_EMPTY_RESPONSE = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"

logger = logging.getLogger("latchkey.http")


class EventsEndpoint:
    """Makes a delegate for each request to the events URL."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._bodies = Patience(BODY_SECONDS)

    def delegate(self, connection: HTTP1Connection, method: str) -> HTTPMessageDelegate:
        # One sweep over all senders does what Tornado's timer for each would, at a tenth of its cost.
        connection.set_body_timeout(None)  # type: ignore[arg-type]  # None is its own default
        return EventsDelegate(self._services, connection, method, self._bodies)


class EventsDelegate(HTTPMessageDelegate):
    """One request to the events URL."""

    def __init__(self, services: Services, connection: HTTP1Connection, method: str, bodies: Patience) -> None:
        self._services = services
        self._bodies = bodies
        self._connection = connection
        self._method = method
        self._begun = time.monotonic()
        self._request_id = new_request_id()
        self._chunks: list[bytes] = []
        self._size = 0
        self._team_id: str | None = None
        self._done = False
        self._gone = False
        self._accepted = False
        """Verified, so that it is carried out even when its sender leaves."""
        self._task: asyncio.Task[None] | None = None
        services.in_flight.begin()
        bodies.begin(self, connection)

    def headers_received(self, start_line: RequestStartLine | ResponseStartLine, headers: HTTPHeaders) -> None:
        self._headers = headers
        # HTTP/1.1 and no word of the connection: it stays open, and nothing is said of it in the response.
        self._is_plain = start_line.version == "HTTP/1.1" and "Connection" not in headers
        declared = headers.get("Content-Length", "0")
        if not (declared.isascii() and declared.isdigit() and len(declared) < 20) or int(declared) > LARGEST_BODY:
            self._refuse_size()

    def data_received(self, chunk: bytes) -> None:
        self._size += len(chunk)
        if self._size > LARGEST_BODY:
            self._refuse_size()
        elif not self._done:
            self._chunks.append(chunk)

    def finish(self) -> None:
        """All has arrived. The way of an event ends here, without a task of its own."""
        self._bodies.end(self)
        if self._done:
            return
        if self._method != "POST":
            self._respond(Reply(405, _TEXT, b"method not allowed"), {"Allow": "POST"})
            return
        try:
            body = self._chunks[0] if len(self._chunks) == 1 else b"".join(self._chunks)
            payload = self._verified(body)
            self._accepted = True
            self._carry_out(payload, body)
        except Exception as error:
            self._respond(self._refusal(error))

    def on_connection_close(self) -> None:
        """The sender left. What it sent is carried out all the same: it was signed, and Slack may not send it again."""
        self._gone = True
        self._bodies.end(self)
        if not self._accepted:
            self._end(499)

    def _verified(self, body: bytes) -> Payload:
        headers = self._headers
        signature = headers.get("X-Slack-Signature")
        if signature is None and body.startswith(b"ssl_check=1&"):
            # Slack's check of the certificate may come unsigned. Nothing of it is read and nothing is done.
            return Payload.unauthenticated(Kind.SSL_CHECK)
        self._services.verifier.verify(headers.get("X-Slack-Request-Timestamp"), signature, body)
        payload = parse(headers.get("Content-Type"), body)
        self._team_id = payload.workspace.team_id or payload.workspace.enterprise_id
        retry = headers.get("X-Slack-Retry-Num", "")
        payload.retry_num = int(retry) if retry.isascii() and retry.isdigit() and len(retry) < 4 else None
        return payload

    def _carry_out(self, payload: Payload, body: bytes) -> None:
        """Begin what was asked for; it answers now or later."""
        kind = payload.kind
        if kind is Kind.EVENT:
            if payload.type in LIFECYCLE:
                self._task = asyncio.get_running_loop().create_task(self._remove_and_accept(payload, body))
            else:
                self._services.events.accept(payload, body, self._request_id, self._event_kept)
        elif kind is Kind.URL_VERIFICATION:
            self._respond(Reply(200, _TEXT, payload.body["challenge"].encode("utf-8", "replace")))
        elif kind is Kind.RATE_LIMITED:
            self._services.metrics.rate_limited += 1
            logger.warning(
                "Slack limits this workspace's events team=%s request_id=%s", self._team_id, self._request_id
            )
            self._respond(EMPTY)
        elif kind is Kind.SSL_CHECK:
            self._respond(EMPTY)
        else:
            self._services.interactions.handle(payload, self._request_id, partial(self._answered, kind))

    async def _remove_and_accept(self, payload: Payload, body: bytes) -> None:
        try:
            await self._remove_what_is_gone(payload)
            self._services.events.accept(payload, body, self._request_id, self._event_kept)
        except Exception as error:
            self._respond(self._refusal(error))

    def _answered(self, kind: Kind, outcome: Reply | LatchkeyError) -> None:
        if isinstance(outcome, Reply):
            self._services.metrics.observe_interaction(kind, time.monotonic() - self._begun)
            self._respond(outcome)
        else:
            self._respond(self._refusal(outcome))

    def _event_kept(self, error: Exception | None) -> None:
        """The event is on disk, or known, or (with an error) neither."""
        if error is None:
            self._services.metrics.observe_ack(time.monotonic() - self._begun)
            self._respond(EMPTY)
        else:
            self._respond(self._refusal(error))

    async def _remove_what_is_gone(self, payload: Payload) -> None:
        gone = revocation(payload)
        if gone is None:
            return
        workspace = payload.workspace
        removed = await self._services.store.installations.async_remove_revoked(
            workspace.enterprise_id,
            workspace.team_id,
            is_enterprise_install=workspace.is_enterprise_install,
            everything=gone.everything,
            bot=gone.bot,
            user_ids=gone.user_ids,
            event_time=gone.event_time,
        )
        self._services.metrics.uninstalls[payload.type] += 1
        logger.info(
            "%s removed %d records team=%s request_id=%s", payload.type, removed, self._team_id, self._request_id
        )

    def _refusal(self, error: Exception) -> Reply:
        if isinstance(error, SignatureError):
            self._services.metrics.signature_failures[error.reason] += 1
            logger.warning("%s request_id=%s", error, self._request_id)
            return Reply(403, _TEXT, b"invalid request")
        if isinstance(error, PayloadError):
            logger.warning("%s request_id=%s", error, self._request_id)
            return Reply(400, _TEXT, b"bad request")
        if isinstance(error, StoreError | Overloaded):
            logger.error("%s request_id=%s", error, self._request_id)
            return Reply(503, _TEXT, b"try again later")
        logger.error("a request failed request_id=%s", self._request_id, exc_info=error)
        return Reply(500, _TEXT, b"internal error")

    def _refuse_size(self) -> None:
        if not self._done:
            self._respond(Reply(413, _TEXT, b"too large"), {"Connection": "close"})

    def _respond(self, reply: Reply, more: dict[str, str] | None = None) -> None:
        stream = self._connection.stream
        if self._gone or stream.closed():
            pass  # nobody is there to be told
        elif reply == EMPTY and self._is_plain and not self._services.in_flight.stopping:
            # Nine tenths of all responses: the same bytes each time, which Tornado would put together anew.
            stream.write(_EMPTY_RESPONSE)
            self._connection.finish()
        else:
            line = ResponseStartLine("HTTP/1.1", reply.status, http.client.responses[reply.status])
            body = b"" if self._method == "HEAD" else reply.body
            self._connection.write_headers(line, self._response_headers(reply, more), body)
            self._connection.finish()
        self._end(reply.status)

    def _response_headers(self, reply: Reply, more: dict[str, str] | None) -> HTTPHeaders:
        headers = HTTPHeaders()
        headers["Content-Length"] = str(len(reply.body))
        if reply.body:
            headers["Content-Type"] = reply.content_type
        if reply.status != 200:
            headers["X-Request-Id"] = self._request_id
        if more:
            headers.update(more)
        if reply.status == 503:
            headers["Retry-After"] = str(RETRY_SECONDS)
        if self._services.in_flight.stopping:
            headers["Connection"] = "close"
        return headers

    def _end(self, status: int) -> None:
        if not self._done:
            self._done = True
            self._services.in_flight.end()
            self._services.metrics.requests[EVENTS, status] += 1
            client = self._services.clients.address(self._connection.context, self._headers)
            self._services.access_log(
                self._method, EVENTS_PATH, status, self._begun, self._team_id, self._request_id, client
            )
