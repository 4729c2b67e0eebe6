"""POST /slack/events: everything that Slack sends.

Order: check the headers, verify the signature over the raw bytes, parse, apply revocations, accept, respond.

Invariant: an unsigned request gets 403 whatever it contains, and learns nothing else.
"""

from __future__ import annotations

import asyncio
import logging
from functools import partial

from latchkey.dispatch import EMPTY, Reply, visible_reply
from latchkey.errors import LatchkeyError, SignatureError
from latchkey.handlers.revocations import apply_revocation
from latchkey.handlers.services import EVENTS, Services
from latchkey.handlers.transport import MAX_UNSIGNED_BODY_BYTES, TEXT, Endpoint, Request
from latchkey.slackapi.paths import EVENTS_PATH
from latchkey.slackapi.requests import REVOCATIONS, Kind, Payload, parse

REPEATABLE = frozenset({Kind.OPTIONS})
"""Interactive requests that change nothing, and are answered each time."""
WITHOUT_WORKSPACE = frozenset({Kind.URL_VERIFICATION, Kind.SSL_CHECK, Kind.RATE_LIMITED})
NOT_ALLOWED = "Your workspace may not use this app."
_REFUSALS = {400: b"bad request", 403: b"invalid request", 500: b"internal error", 503: b"try again later"}

logger = logging.getLogger("latchkey.http")


def events_endpoint(services: Services) -> Endpoint:
    """Return the endpoint for the events URL."""
    requests = services.metrics.requests

    def count(status: int) -> None:
        requests[EVENTS, status].inc()

    return Endpoint(
        EVENTS_PATH,
        EventsHandler(services),
        clients=services.clients,
        in_flight=services.in_flight,
        access_log=services.access_log,
        client_addresses=services.client_addresses,
        count=count,
    )


class EventsHandler:
    """Handles one complete request at a time, without waiting for anything."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._metrics = services.metrics
        self._allows_all = services.allowed_workspaces.allows_all

    def check(self, request: Request) -> None:
        """Refuse a request whose headers cannot be Slack's, so that no stranger's body takes memory."""
        headers = request.headers
        timestamp, signature = headers.get("X-Slack-Request-Timestamp"), headers.get("X-Slack-Signature")
        if signature is None and request.body_size is not None and request.body_size <= MAX_UNSIGNED_BODY_BYTES:
            return  # it may be Slack's certificate check
        try:
            request.signature = self._services.verifier.check_headers(timestamp, signature)
        except SignatureError as error:
            self._refuse(request, error)

    def handle(self, request: Request) -> None:
        """Verify, parse, apply revocations, accept. The response follows now or later."""
        try:
            if request.signature is None:
                self._answer_unsigned(request)
                return
            self._services.verifier.check_body(*request.signature, request.body)
            payload = self._parse(request)
            # It is signed, and Slack may not send it again: carry it out even if the sender disconnects.
            request.is_accepted = True
            if not self._allows_all and self._is_dropped(payload):
                self._drop(payload, request)
            elif payload.kind is not Kind.EVENT:
                self._answer(payload, request)
            elif payload.type in REVOCATIONS:
                request.task = asyncio.get_running_loop().create_task(self._revoke_and_accept(payload, request))
            else:
                self._accept(payload, request)
        except Exception as error:
            self._refuse(request, error)

    def _is_dropped(self, payload: Payload) -> bool:
        """Return whether the workspace may not use the app. What ends its installation is carried out in any case."""
        if payload.kind in WITHOUT_WORKSPACE or payload.type in REVOCATIONS:
            return False
        return not self._services.allowed_workspaces.allow(payload.workspace.enterprise_id, payload.workspace.team_id)

    def _drop(self, payload: Payload, request: Request) -> None:
        self._metrics.requests_dropped.inc()
        logger.info(
            "dropped %s: [install] workspaces does not list its workspace team=%s request_id=%s",
            payload.kind,
            request.team_id,
            request.request_id,
        )
        request.respond(visible_reply(payload, NOT_ALLOWED, otherwise=EMPTY))

    def _answer_unsigned(self, request: Request) -> None:
        """Respond to Slack's certificate check, which may be unsigned; it is neither parsed nor carried out."""
        if not request.body.startswith(b"ssl_check=1&"):
            raise SignatureError("missing")
        request.respond(EMPTY)

    def _parse(self, request: Request) -> Payload:
        payload = parse(request.headers.get("Content-Type"), request.body)
        if self._services.oauth.app_id is None:
            self._services.oauth.learn_app(payload.body.get("api_app_id"))
        request.team_id = payload.workspace.team_id or payload.workspace.enterprise_id
        if "X-Slack-Retry-Num" in request.headers:
            retry = request.headers["X-Slack-Retry-Num"]
            payload.retry_num = int(retry) if retry.isascii() and retry.isdigit() and len(retry) < 4 else None
        return payload

    async def _revoke_and_accept(self, payload: Payload, request: Request) -> None:
        try:
            await apply_revocation(self._services, payload, request.request_id)
            self._accept(payload, request)
        except Exception as error:
            self._refuse(request, error)

    def _accept(self, payload: Payload, request: Request) -> None:
        self._services.events.accept(payload, request.body, request.request_id, partial(self._stored, request))

    def _stored(self, request: Request, error: Exception | None) -> None:
        """Respond to an event that is stored or a duplicate, or with an error is neither."""
        if error is None:
            self._metrics.event_ack_seconds.observe(request.elapsed)
            request.respond(EMPTY)
        else:
            self._refuse(request, error)

    def _answer(self, payload: Payload, request: Request) -> None:
        """Respond to a request that is not an event."""
        if payload.kind is Kind.URL_VERIFICATION:
            request.respond(Reply(200, TEXT, payload.body["challenge"].encode("utf-8", "replace")))
        elif payload.kind is Kind.SSL_CHECK:
            request.respond(EMPTY)
        elif payload.kind is Kind.RATE_LIMITED:
            self._metrics.events_rate_limited.inc()
            logger.warning(
                "Slack limits this workspace's events team=%s request_id=%s", request.team_id, request.request_id
            )
            request.respond(EMPTY)
        elif payload.kind in REPEATABLE or self._services.seen_signatures.add(_signature(request)):
            answered = partial(self._answered, payload.kind, request)
            self._services.interactions.handle(payload, request.request_id, answered)
        else:
            self._metrics.interactions_deduplicated.inc()
            logger.warning(
                "this %s arrived before with the same signature; nothing ran team=%s request_id=%s",
                payload.kind,
                request.team_id,
                request.request_id,
            )
            request.respond(EMPTY)

    def _answered(self, kind: Kind, request: Request, outcome: Reply | LatchkeyError) -> None:
        if isinstance(outcome, Reply):
            self._metrics.interaction_ack_seconds[kind].observe(request.elapsed)
            request.respond(outcome)
        else:
            self._services.seen_signatures.forget(_signature(request))  # no listener ran
            self._refuse(request, outcome)

    def _refuse(self, request: Request, error: Exception) -> None:
        """Log the error once, and respond without its details."""
        status = error.http_status if isinstance(error, LatchkeyError) else 500
        if isinstance(error, SignatureError):
            self._metrics.signature_failures[error.reason].inc()
        if status == 500:
            logger.error("a request failed request_id=%s", request.request_id, exc_info=error)
        else:
            logger.log(
                logging.WARNING if status < 500 else logging.ERROR, "%s request_id=%s", error, request.request_id
            )
        request.respond(Reply(status, TEXT, _REFUSALS[status]))


def _signature(request: Request) -> str:
    assert request.signature is not None  # only a verified request is answered
    return request.signature[1]
