"""The app under test, on an event loop in the thread of the test.

The loop runs only during a call of the test, so nothing changes between two of its lines. Each call returns when the
listeners that it has started have ended.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, TypeVar

from latchkey.simulator import AppResponse, SimulatedWorkspace
from latchkey.simulator.model import Message
from latchkey.simulator.process import install_app
from latchkey.testing.app_to_test import AppLoader, AppToTest
from latchkey.testing.errors import NotThere, StillRunning, listed, without_our_frames
from latchkey.testing.hosting import host
from latchkey.testing.movable_clock import MovableClock, MovableLoop
from latchkey.testing.names import Names
from latchkey.testing.outcome import Outcome
from latchkey.testing.surfaces import PostedMessage, State

T = TypeVar("T")
_POLL_SECONDS = 0.002
__tracebackhide__ = True


class RunningApp:
    """The app under test and the Slack that it runs in; `close` ends both."""

    def __init__(self, loader: AppLoader, wanted: AppToTest, folder: Path) -> None:
        """Start the app for a test in `folder`. Raises LatchkeyError if it cannot be loaded."""
        self.loop = MovableLoop()
        self.clock = MovableClock(self.loop, self.settle)
        self.timeout = wanted.timeout
        self.raises = True
        """Whether what a listener raises is raised in the test."""
        self.errors: list[Exception] = []
        """What listeners have raised, oldest first."""
        self.outcomes: list[Outcome] = []
        """What has happened in the test, in order."""
        self.chosen: dict[str, State] = {}
        """What people have chosen in messages and forms."""
        self._raised = 0
        self._opened = AsyncExitStack()
        try:
            self.slack, self.services, self.url = self.run(
                host(self._opened, loader, wanted, folder, self.clock, self.errors.append)
            )
            self.names = Names(self.slack.world)
            if wanted.install:
                self.install(self.slack.workspace())
        except BaseException:
            self.close()
            raise

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Run it to its end, and return its result."""
        if not _has_loop():
            return self.loop.run_until_complete(coroutine)
        # An async test: its own loop runs in this thread, and waits meanwhile.
        with ThreadPoolExecutor(1) as thread:
            return thread.submit(self.loop.run_until_complete, coroutine).result()

    def act(
        self, what: str, workspace: SimulatedWorkspace, do: Callable[[], Awaitable[Any]], *, wait: bool = True
    ) -> Outcome:
        """Let a person do something; returns what the app did then.

        With `wait`, return when the listeners have ended, and raise what they have raised.
        """
        outcome = Outcome(self, what, workspace)
        self.outcomes.append(outcome)
        try:
            outcome.responses = _responses(self.run(_awaited(do)))
            if wait:
                self._finish_listeners(what)
        finally:
            outcome.end()
        self._raise()
        return outcome

    def act_if_known(
        self, kind: str, name: str, workspace: SimulatedWorkspace, do: Callable[[], Awaitable[Any]], *, wait: bool
    ) -> Outcome:
        """The same with something that the app has registered. Raises NotThere if it has not."""
        outcome = self.act(name if kind == "command" else f"the {kind} {name}", workspace, do, wait=wait)
        if outcome.responses and outcome.response.status == 404:
            raise NotThere(f"the app has no {kind} {name!r}; it has: {listed(self._known(kind))}")
        return outcome

    def say(self, workspace: SimulatedWorkspace, text: str, *, thread_ts: str = "", wait: bool = True) -> Outcome:
        """Let a person write a message, in which `@app` mentions the app."""
        mention = f"<@{self.slack.world.bot_user_id(workspace)}>"
        sent = text.replace("@app", mention)
        people = self.slack.people
        outcome = self.act(text, workspace, lambda: people.say(workspace, sent, thread_ts), wait=wait)
        if not outcome.responses:
            is_direct = self.slack.world.directory.channel(workspace, workspace.channel_id).kind == "im"
            needed = ["message.im" if is_direct else "message.channels"]
            needed += ["app_mention"] if mention in sent and not is_direct else []
            outcome.note = f"the app does not subscribe to {' or '.join(needed)}"
        return outcome

    def wait_for(self, condition: Callable[[], object], what: str) -> None:
        """Let listeners go on until the condition is true. Raises NotThere, or what a listener raises."""
        try:
            self.run(_within(self.timeout, _until(condition)))
        except TimeoutError:
            raise NotThere(f"{what} after {self.timeout:g} s") from None
        finally:
            if self.outcomes:
                self.outcomes[-1].end()
        self._raise()

    def settle(self) -> None:
        """Run everything that is due to its end. Raises what a listener raises."""
        self.act("time passes", self.slack.workspace(), _nothing)

    def install(self, workspace: SimulatedWorkspace) -> Outcome:
        """Install the app, as a person does in a browser. Raises NotInstalled."""
        return self.act("install the app", workspace, lambda: install_app(self.url, self.slack, workspace.team_id))

    def seen(self, workspace: SimulatedWorkspace, channel: str | None = None) -> list[PostedMessage]:
        """Return the messages that this person sees in a conversation, or in all of them, oldest first."""
        return [
            PostedMessage(self, each, workspace)
            for each in self.slack.world.messages
            if _sees(workspace, each, channel)
        ]

    def close(self) -> None:
        """Stop the server and the simulated Slack."""
        try:
            self.run(self._opened.aclose())
            self.run(self.loop.shutdown_default_executor())
        finally:
            self.loop.close()

    def _finish_listeners(self, what: str) -> None:
        try:
            self.run(_within(self.timeout, self._settle()))
        except TimeoutError:
            raise StillRunning(
                f"{self.timeout:g} s after {what!r} a listener is still running; if it is meant to, pass wait=False, "
                "or a larger timeout to AppToTest"
            ) from None

    async def _settle(self) -> None:
        await asyncio.sleep(0)  # timers that are due run now
        await self.services.interactions.settle()
        await self.services.events.settle()

    def _raise(self) -> None:
        new, self._raised = self.errors[self._raised :], len(self.errors)
        if new and self.raises:
            for other in new[1:]:
                new[0].add_note(f"another listener raised {type(other).__name__}: {other}")
            raise new[0].with_traceback(without_our_frames(new[0]))

    def _known(self, kind: str) -> list[str]:
        """Return the names of the app's commands or shortcuts, as far as Slack can know them."""
        features = self.slack.world.manifest.get("features") or {}
        if kind == "command":
            return [str(each["command"]) for each in features.get("slash_commands") or ()]
        wanted = "message" if kind == "message shortcut" else "global"
        return [str(each["callback_id"]) for each in features.get("shortcuts") or () if each["type"] == wanted]


def _sees(workspace: SimulatedWorkspace, message: Message, channel: str | None) -> bool:
    if message.workspace != workspace or message.only_for not in (None, workspace.user_id):
        return False
    if channel is not None:
        return message.channel == channel
    return not message.channel.startswith("D") or message.channel == f"D{workspace.user_id[1:]}"


def _has_loop() -> bool:
    """Whether an event loop runs in this thread."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


async def _nothing() -> None:
    """Do nothing: only what is due already happens."""


async def _awaited(do: Callable[[], Awaitable[T]]) -> T:
    return await do()


async def _until(condition: Callable[[], object]) -> None:
    while not condition():  # noqa: ASYNC110  # nothing reports that the condition of a test has changed
        await asyncio.sleep(_POLL_SECONDS)


async def _within(seconds: float, coroutine: Coroutine[Any, Any, T]) -> T:
    return await asyncio.wait_for(coroutine, seconds)


def _responses(result: object) -> list[AppResponse]:
    found = result if isinstance(result, list) else [result]
    return [response for response in found if isinstance(response, AppResponse)]
