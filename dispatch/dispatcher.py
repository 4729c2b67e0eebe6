"""Running listeners: events as tasks of their own, everything else until its `ack`.

Rule: an exception in one listener ends that listener alone. It is logged with
the request's id, and what is sent to Slack tells nothing of it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Any

from slack_sdk.oauth.installation_store import Bot

from dispatch import refusals
from dispatch.app import App, Listener
from dispatch.call import BlockingCall, Call
from dispatch.constraints import keyword_matches
from dispatch.context import Context, context_for
from dispatch.reply import EMPTY, Reply
from errors import LatchkeyError, Overloaded
from slackapi.payload import Payload
from slackapi.web import WebClients

if TYPE_CHECKING:
    from storage import Installations

ACK_SECONDS = 2.5
"""How long a listener may take to `ack`: Slack waits for 3 s, and half a second is the network's."""
UNDER_WAY = 10_000
"""Events whose listeners may be running at once."""
THREADS = 16
"""For sync listeners."""

# Events about the app's own bot user that are still of use to it; Bolt keeps the same two.
_KEPT_OWN_EVENTS = frozenset({"member_joined_channel", "member_left_channel"})

logger = logging.getLogger("latchkey.listeners")


class Dispatcher:
    """Finds the listeners of a payload and runs them."""

    def __init__(
        self,
        app: App,
        *,
        installations: Installations,
        clients: WebClients,
        install_url: str,
        ack_seconds: float = ACK_SECONDS,
        under_way: int = UNDER_WAY,
        threads: int = THREADS,
    ) -> None:
        self._app = app
        self._installations = installations
        self._clients = clients
        self._install_url = install_url
        self._ack_seconds = ack_seconds
        self._under_way = under_way
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="listener")
        self._tasks: set[asyncio.Task[None]] = set()

    def submit(self, payload: Payload, request_id: str) -> None:
        """Start the listeners of an event and return at once; raises Overloaded."""
        listeners = self._app.matching(payload)
        if not listeners:
            return
        if len(self._tasks) >= self._under_way:
            raise Overloaded(len(self._tasks))
        bot = self._installations.cached_bot(*payload.workspace)
        if bot is None:
            self._start(self._look_up_and_run(payload, listeners, request_id))
        elif not _is_own(payload, bot):
            self._start(self._run_all(payload, listeners, bot, request_id))

    async def answer(self, payload: Payload, request_id: str) -> Reply:
        """Return what Slack is told: what the first matching listener acknowledges with.

        The listener goes on afterwards. Raises StoreUnavailable or UnreadableRecord where the
        workspace's install cannot be looked up.
        """
        listeners = self._app.matching(payload)
        if not listeners:
            return refusals.NO_LISTENER
        bot = await self._find_bot(payload)
        if bot is None:
            return refusals.not_installed(payload, self._install_url)
        listener = listeners[0]
        replied: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        call = self._call(payload, listener, bot, request_id, settle=partial(_settle, replied))
        self._start(self._run_until_reply(listener, call, replied))
        try:
            return await asyncio.wait_for(asyncio.shield(replied), self._ack_seconds)
        except TimeoutError:
            logger.warning(
                "%s has not acknowledged within %s s request_id=%s", listener.name, self._ack_seconds, request_id
            )
            _settle(replied, refusals.too_late(payload))
            return replied.result()

    async def drain(self, seconds: float) -> int:
        """Wait for the listeners under way, then cancel what is left; returns how many that were."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=seconds)
        unfinished = set(self._tasks)
        for task in unfinished:
            task.cancel()
        if unfinished:
            await asyncio.wait(unfinished, timeout=1)
        # A thread cannot be cancelled; nobody waits for it.
        self._threads.shutdown(wait=False, cancel_futures=True)
        return len(unfinished)

    async def _look_up_and_run(self, payload: Payload, listeners: list[Listener], request_id: str) -> None:
        try:
            bot = await self._find_bot(payload)
        except LatchkeyError as error:
            logger.error("an event was not run: %s request_id=%s", error, request_id)  # noqa: TRY400  # no traceback helps
            return
        if bot is None:
            logger.info("an event was not run: the workspace has not installed the app request_id=%s", request_id)
        elif not _is_own(payload, bot):
            await self._run_all(payload, listeners, bot, request_id)

    async def _run_all(self, payload: Payload, listeners: list[Listener], bot: Bot, request_id: str) -> None:
        if len(listeners) == 1:
            await self._run(listeners[0], self._call(payload, listeners[0], bot, request_id))
            return
        calls = ((listener, self._call(payload, listener, bot, request_id)) for listener in listeners)
        await asyncio.gather(*(self._run(listener, call) for listener, call in calls))

    async def _run_until_reply(self, listener: Listener, call: Call, replied: asyncio.Future[Reply]) -> None:
        succeeded = await self._run(listener, call)
        if replied.done():
            return
        if succeeded:
            request_id = call.context["request_id"]
            logger.warning(
                "%s ended without ack(); Slack was sent an empty one request_id=%s", listener.name, request_id
            )
        _settle(replied, EMPTY if succeeded else refusals.failed(call.payload, call.context["request_id"]))

    async def _run(self, listener: Listener, call: Call) -> bool:
        """Run one listener to its end; False when it raised, which has been logged and handed to the error handlers."""
        try:
            if listener.plan.is_async:
                await listener.plan.function(**listener.plan.arguments(call))
            else:
                await self._run_in_thread(listener, call)
        except Exception as error:
            request_id = call.context["request_id"]
            logger.exception("%s raised %s request_id=%s", listener.name, type(error).__name__, request_id)
            await self._tell_error_handlers(call, error)
            return False
        return True

    async def _tell_error_handlers(self, call: Call, error: Exception) -> None:
        call.error = error
        for handler in self._app.error_handlers:
            try:
                if handler.plan.is_async:
                    await handler.plan.function(**handler.plan.arguments(call))
                else:
                    await self._run_in_thread(handler, call)
            except Exception:
                logger.exception("the error handler %s raised request_id=%s", handler.name, call.context["request_id"])

    async def _run_in_thread(self, listener: Listener, call: Call) -> None:
        loop = asyncio.get_running_loop()
        arguments = listener.plan.arguments(BlockingCall(call, loop))
        await loop.run_in_executor(self._threads, partial(listener.plan.function, **arguments))

    def _call(
        self,
        payload: Payload,
        listener: Listener,
        bot: Bot,
        request_id: str,
        settle: Callable[[Reply], None] | None = None,
    ) -> Call:
        context: Context = context_for(payload, bot, request_id, attempt=1)
        if listener.keyword is not None:
            context["matches"] = keyword_matches(listener.keyword, payload)
        return Call(payload, context, bot, clients=self._clients, installations=self._installations, settle=settle)

    async def _find_bot(self, payload: Payload) -> Bot | None:
        workspace = payload.workspace
        bot = self._installations.cached_bot(*workspace)
        if bot is not None:
            return bot
        return await self._installations.async_find_bot(
            enterprise_id=workspace.enterprise_id,
            team_id=workspace.team_id,
            is_enterprise_install=workspace.is_enterprise_install,
        )

    def _start(self, coroutine: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(self._tracked(coroutine))
        # The loop keeps only weak references to its tasks.
        self._tasks.add(task)

    async def _tracked(self, coroutine: Coroutine[Any, Any, None]) -> None:
        """Forget the task at its end from within, which costs less than a callback for each."""
        try:
            await coroutine
        finally:
            self._tasks.discard(asyncio.current_task())


def _settle(replied: asyncio.Future[Reply], reply: Reply) -> None:
    if not replied.done():
        replied.set_result(reply)


def _is_own(payload: Payload, bot: Bot) -> bool:
    """Whether the app itself caused this event; answering those is how two bots talk for ever."""
    if payload.type in _KEPT_OWN_EVENTS:
        return False
    bot_id = payload.event.get("bot_id")
    return (payload.user_id is not None and payload.user_id == bot.bot_user_id) or (
        bot_id is not None and bot_id == bot.bot_id
    )
