"""When a call is over, nothing of it is left for the garbage collector, whose pauses would delay the next events."""

import asyncio
import gc
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from latchkey.dispatch import EventPipeline
from latchkey.dispatch.listeners.arguments.context import Context
from latchkey.slackapi.requests import Payload
from tests.dispatch.doubles import Bench, command, event, send
from tests.support.waiting import until, until_blocking


@contextmanager
def without_collector() -> Iterator[None]:
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


@pytest.mark.parametrize("is_async", [True, False])
@pytest.mark.parametrize("payload", [event(), command()])
@pytest.mark.parametrize("through_middleware", [True, False])
def test_a_call_is_freed_when_it_is_over_and_not_by_the_garbage_collector(
    bench: Bench, payload: Payload, is_async: bool, through_middleware: bool
) -> None:
    contexts: list[weakref.ref[Context]] = []

    async def listener(ack: Any, context: Any, client: Any, say: Any, request: Any) -> None:
        await ack()
        contexts.append(weakref.ref(context))

    def blocking(ack: Any, context: Any, client: Any, say: Any, request: Any) -> None:
        ack()
        contexts.append(weakref.ref(context))

    async def middleware(context: Any, next_: Any) -> None:
        contexts.append(weakref.ref(context))
        await next_()

    if through_middleware:
        bench.app.use(middleware)
    register = bench.app.event("app_mention") if payload.event else bench.app.command("/hi")
    register(listener if is_async else blocking)
    with without_collector():
        (bench.send if payload.event else bench.reply_to)(payload)
        assert len(contexts) == 1 + through_middleware
        # The thread of a blocking listener ends a moment after its last line.
        until_blocking(lambda: all(context() is None for context in contexts), seconds=5)


@pytest.mark.parametrize("payload", [event(), command()])
def test_a_call_that_the_middleware_declines_is_freed_too(bench: Bench, payload: Payload) -> None:
    contexts: list[weakref.ref[Context]] = []

    async def middleware(context: Any) -> None:
        contexts.append(weakref.ref(context))

    bench.app.use(middleware)
    bench.app.event("app_mention")(lambda: None)
    bench.app.command("/hi")(lambda: None)
    with without_collector():
        (bench.send if payload.event else bench.reply_to)(payload)
        assert [context() for context in contexts] == [None]


def test_a_task_that_outlives_its_listener_can_still_use_the_context(bench: Bench) -> None:
    seen: list[Any] = []

    async def later(context: Any) -> None:
        await asyncio.sleep(0.01)
        seen.append((context.client.token, context["user_id"], context["added"]))

    async def listener(context: Any) -> None:
        context["added"] = True
        tasks.append(asyncio.create_task(later(context)))

    tasks: list[asyncio.Task[None]] = []
    bench.app.event("app_mention")(listener)

    async def use(_: Any, events: EventPipeline) -> None:
        await send(events, event())
        await until(lambda: seen)

    bench.run(use)
    assert seen == [("xoxb-sentinel", "U1", True)]
