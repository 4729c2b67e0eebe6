"""Makes one attempt at an event: finds its listeners and the tokens for them, and runs the listeners."""

from __future__ import annotations

import asyncio
import logging
from functools import partial
from typing import TypeAlias

from latchkey.dispatch.events.job import Job, Prepared, parse_event
from latchkey.dispatch.events.outcomes import OutcomeWriter
from latchkey.dispatch.events.stopped_streams import StoppedStreams
from latchkey.dispatch.listeners import Listener, Runner, describe_workspace, is_own, mounted_only, with_own_tokens
from latchkey.dispatch.slots import Slot
from latchkey.errors import TokenUnavailable
from latchkey.slackapi.client import Completion
from latchkey.slackapi.requests import APP_UNINSTALLED, FUNCTION_EXECUTED, Kind, Payload
from latchkey.tokens import Access

logger = logging.getLogger("latchkey.listeners")

Failure: TypeAlias = tuple[Listener | None, Exception]
"""The listener that failed, or None if the event could not be run at all, and the error."""


class Attempts:
    """Runs the listeners of events that have not succeeded yet."""

    def __init__(self, runner: Runner, outcomes: OutcomeWriter, stopped_streams: StoppedStreams) -> None:
        self._runner = runner
        self._outcomes = outcomes
        self._stopped_streams = stopped_streams

    async def run(self, job: Job, attempt: int, slot: Slot) -> list[Failure]:
        """Return the listeners that failed, and what they raised. Raises LatchkeyError if none could be run."""
        prepared = job.prepared or await self._prepare(job)
        if prepared is None:
            return []
        payload, listeners, access = prepared
        shared = None
        completion = self._completion(job, payload, attempt) if payload.type == FUNCTION_EXECUTED else None
        if self._runner.app.middleware_plans and payload.kind is Kind.EVENT:
            call = self._runner.make_call(
                payload, None, access, job.event.request_id, attempt=attempt, slot=slot, completion=completion
            )
            error = await self._runner.run_middleware(call)
            shared = call.context
            call.end()
            if error is not None or call.is_declined:
                return [] if error is None else [(None, error)]
        calls = [
            self._runner.make_call(
                payload,
                listener,
                access,
                job.event.request_id,
                attempt=attempt,
                shared=shared,
                slot=slot,
                completion=completion,
            )
            for listener in listeners
        ]
        runs = list(map(self._runner.run, listeners, calls))
        errors = [await runs[0]] if len(runs) == 1 else await asyncio.gather(*runs)
        for call in calls:
            call.end()
        raised = [(listener, error) for listener, error in zip(listeners, errors, strict=True) if error is not None]
        return await self._without_stopped(raised, job.event.request_id) if raised else []

    async def _without_stopped(self, raised: list[tuple[Listener, Exception]], request_id: str) -> list[Failure]:
        """Return those that have failed for another reason than a person who has stopped their reply."""
        failures: list[Failure] = []
        for listener, error in raised:
            if await self._stopped_streams.explains(error):
                logger.info("a person has stopped the reply of %s request_id=%s", listener.id, request_id)
            else:
                failures.append((listener, error))
        return failures

    def _completion(self, job: Job, payload: Payload, attempt: int) -> Completion | None:
        """Return what is known about the end of the run that the event starts."""
        run_id = payload.function_execution_id
        if run_id is None:
            return None
        return Completion(
            run_id,
            is_done=job.event.is_step_complete,
            may_have_arrived=attempt > 1,
            keep=partial(self._outcomes.step_completed, job, attempt),
        )

    async def _prepare(self, job: Job) -> Prepared | None:
        """Return what the attempt needs; None if there is nothing to run. Raises StoreError."""
        payload = parse_event(job.event)
        listeners, left = self._runner.app.matching(payload), job.event.listeners
        if left is not None:
            listeners = [listener for listener in listeners if listener.id in left]
        if payload.type == APP_UNINSTALLED:
            # Neither the token of a later installation nor of the org is this workspace's.
            return Prepared(payload, listeners, Access(payload.workspace))
        try:
            access = await self._runner.find_access(payload, listeners)
        except TokenUnavailable:
            if not job.is_revocation:
                raise
            access = Access(payload.workspace)  # Slack may have revoked its refresh token too
        if not access.is_installed and not job.is_revocation:
            listeners = with_own_tokens(listeners)
            if not listeners:
                logger.info(
                    "not running an event: there is no installation of %s request_id=%s",
                    describe_workspace(payload),
                    job.event.request_id,
                )
                return None
        if is_own(payload, access):
            listeners = mounted_only(listeners)
        return Prepared(payload, listeners, access)
