"""Runs one listener, sync or async, and calls the error handlers if it raises.

Invariant: an exception in one listener does not affect the others. It is logged with the request's id; outside the log,
only its type and location are kept, because its message may contain anything.
"""

from __future__ import annotations

import asyncio
import inspect
import logging
import time
import traceback
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from slack_sdk.errors import SlackApiError

from latchkey.dispatch.listeners.arguments import BlockingCall, Call, Reply
from latchkey.dispatch.listeners.author_line import author_line
from latchkey.dispatch.listeners.registration import App, Listener
from latchkey.dispatch.slots import Slot, SlotPool
from latchkey.metrics import Metrics
from latchkey.slackapi.client import ResponseUrl, WebClients, response_url_of
from latchkey.slackapi.requests import Payload
from latchkey.tokens import Access, TokenClients, TokenResolver, record_ids

if TYPE_CHECKING:
    from latchkey.storage import Installations

MAX_RUNNING_THREADS = 64
"""Sync listeners that run at once, not counting those that wait for one of Slack's rate limits."""
MAX_RUNNING_THREADS_PER_WORKSPACE = 8
"""So that one workspace's blocking listeners leave threads to the others."""
MAX_THREADS = 1000
"""Threads in all, including those that wait; each is started when it is needed."""

# Events about the app's own bot user that are useful to it; Bolt delivers the same two.
_DELIVERED_OWN_EVENTS = frozenset({"member_joined_channel", "member_left_channel"})

_MESSAGES = frozenset({"message", "app_mention"})

_RAISED = (Exception, SystemExit, asyncio.CancelledError)

logger = logging.getLogger("latchkey.listeners")


class Runner:
    """Runs async listeners on the event loop and sync ones in threads."""

    def __init__(
        self,
        app: App,
        *,
        installations: Installations,
        resolver: TokenResolver,
        clients: WebClients,
        metrics: Metrics,
        max_threads: int = MAX_RUNNING_THREADS,
        max_threads_per_workspace: int = MAX_RUNNING_THREADS_PER_WORKSPACE,
    ) -> None:
        self.app = app
        self._installations = installations
        self._resolver = resolver
        self._client_for = TokenClients(resolver, clients).client_for
        app.use_client_for(self._client_for)
        self._clients = clients
        self._metrics = metrics
        metrics.expect_listeners(listener.id for listener in app.listeners)
        self._threads = ThreadPoolExecutor(MAX_THREADS, thread_name_prefix="listener")
        self._thread_slots = SlotPool(max_slots=max_threads, max_per_workspace=max_threads_per_workspace)

    def close(self) -> None:
        """Start no further sync listeners. Running threads cannot be cancelled and are not waited for."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def cached_access(self, payload: Payload, listeners: Sequence[Listener]) -> Access | None:
        """Return the tokens for these listeners if they are cached; None if they must be looked up."""
        return self._resolver.cached(payload.workspace, payload.user_id, with_user=self._need_user(listeners))

    async def find_access(self, payload: Payload, listeners: Sequence[Listener]) -> Access:
        """Return the tokens for these listeners. Raises StoreUnavailable or UnreadableRecord."""
        return await self._resolver.find(payload.workspace, payload.user_id, with_user=self._need_user(listeners))

    def _need_user(self, listeners: Sequence[Listener]) -> bool:
        for listener in listeners:  # not any(), which costs each event more
            if listener.plan.needs_user:
                return True
        return self.app.error_handlers_need_user

    def make_call(
        self,
        payload: Payload,
        listener: Listener,
        access: Access,
        request_id: str,
        *,
        attempt: int = 1,
        on_ack: Callable[[Reply], None] | None = None,
        on_refuse: Callable[[str], None] | None = None,
        slot: Slot | None = None,
    ) -> Call:
        """Return one listener's call.

        `on_ack` is called with the reply of each `ack`, `on_refuse` with the reason of each `refuse`.
        `slot` is released while the listener waits for Slack.
        """
        url = response_url_of(payload.body)
        return Call(
            payload,
            access,
            self._clients,
            self._installations,
            self._client_for,
            None if url is None else ResponseUrl(url, self._clients.post_response_url),
            request_id,
            attempt,
            keyword=listener.keyword,
            on_ack=on_ack,
            on_refuse=on_refuse,
            slot=slot,
        )

    async def run(self, listener: Listener, call: Call) -> Exception | None:
        """Run one listener to its end; return what it raised, after logging it and calling the error handlers."""
        metrics, started = self._metrics, time.monotonic()
        metrics.listeners_running += 1
        try:
            if listener.plan.calls_slack and not self._clients.is_loaded:
                await self._clients.load()
            if listener.plan.is_async:
                await listener.plan.function(**listener.plan.arguments(call))
            else:
                await self._run_in_thread(listener, call)
        except _RAISED as raised:
            error = _as_error(raised)
            metrics.listener_failures[listener.id].inc()
            logger.exception("%s raised %s request_id=%s", listener.name, type(raised).__name__, call.request_id)
            await self._call_error_handlers(call, error)
            return error
        finally:
            metrics.listeners_running -= 1
            metrics.listener_seconds[listener.id].observe(time.monotonic() - started)
        return None

    async def _run_in_thread(self, listener: Listener, call: Call) -> None:
        loop = asyncio.get_running_loop()
        async with self._thread_slots.slot(call.payload.workspace, outer=call.slot) as slot:
            arguments = listener.plan.arguments(BlockingCall(call.with_slot(slot), loop))
            result = await loop.run_in_executor(self._threads, partial(listener.plan.function, **arguments))
        if inspect.iscoroutine(result):
            result.close()
            raise TypeError(f"{listener.name} is not async and returned a coroutine, which would never run")

    async def _call_error_handlers(self, call: Call, error: Exception) -> None:
        call.error = error
        for handler in self.app.error_handlers:
            try:
                if handler.plan.is_async:
                    await handler.plan.function(**handler.plan.arguments(call))
                else:
                    await self._run_in_thread(handler, call)
            except _RAISED as raised:
                _as_error(raised)
                logger.exception("the error handler %s raised request_id=%s", handler.name, call.request_id)


def _as_error(raised: BaseException) -> Exception:
    """Return the error that a listener ended with. If the server cancels the listener, raise that again.

    A listener can also end with `sys.exit()`, which argparse calls for wrong arguments, or because it awaits something
    that its own code has cancelled. Either would end more than the listener.
    """
    if isinstance(raised, Exception):
        return raised
    task = asyncio.current_task()
    if isinstance(raised, asyncio.CancelledError) and task is not None and task.cancelling():
        raise raised
    error = RuntimeError(f"the listener ended with {type(raised).__name__}")
    error.__cause__ = raised
    return error.with_traceback(raised.__traceback__)


def is_own(payload: Payload, access: Access) -> bool:
    """Whether the app itself caused this event: its messages, edits and deletions.

    A bot that responds to those never stops.
    """
    if payload.type in _DELIVERED_OWN_EVENTS:
        return False
    # A message that the app has posted with a person's token has that person's user id.
    app_id = payload.event.get("app_id")
    if app_id is not None and payload.type in _MESSAGES and app_id == payload.body.get("api_app_id"):
        return True
    bot = access.bot
    if bot is None:
        return False
    return (payload.user_id is not None and payload.user_id == bot.bot_user_id) or (
        payload.bot_id is not None and payload.bot_id == bot.bot_id
    )


def describe_workspace(payload: Payload) -> str:
    """Return the ids of the records that an installation was looked for in, and the person if their token counts."""
    records = " or ".join(map(repr, record_ids(payload.workspace)))
    return f"{records} with a bot, or a token of {payload.user_id or 'the person who acts'}"


def describe(error: Exception, listener: Listener | None) -> str:
    """Return what may be stored about an error: its type, Slack's error code, and the author's line.

    If no line of the author's is known, it is the line that raised the error. `listener` is the one that raised it,
    if one did.
    """
    text = type(error).__name__
    if isinstance(error, SlackApiError):
        code = error.response.get("error") if error.response else None
        text += f" ({code})" if isinstance(code, str) and code.replace("_", "").isalnum() else ""
    frames = traceback.extract_tb(error.__traceback__)[-1:]
    line = author_line(error, listener.plan.module if listener else "") or (frames[0] if frames else None)
    return f"{text} at {Path(line.filename).name}:{line.lineno} in {line.name}" if line else text
