"""A person's conversation with an agent, in their direct messages with the app."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from latchkey.simulator import SimulatedWorkspace
from latchkey.simulator.model import AgentThread
from latchkey.testing.errors import NotThere
from latchkey.testing.surfaces.posted_message import PostedMessage

if TYPE_CHECKING:
    from latchkey.testing.outcome import Outcome
    from latchkey.testing.running_app import RunningApp

__tracebackhide__ = True


class Agent:
    """One thread with an agent."""

    def __init__(self, running: RunningApp, workspace: SimulatedWorkspace) -> None:
        """`workspace` says who talks to it, in their direct messages."""
        self._running = running
        self._workspace = workspace
        self.thread_ts = ""
        """The `ts` of the thread's first message; empty before anybody has written."""

    def open(self, *, wait: bool = True) -> Outcome:
        """Open the agent, as a person does before they write; returns what the app did.

        Slack then sends app_home_opened with the tab "messages" and, to an app with the older view for assistants,
        assistant_thread_started.
        """

        async def opened() -> list[Any]:
            people = self._running.slack.people
            first = await people.open_home(self._workspace, "messages")
            if people.is_subscribed("assistant_thread_started") and not self.thread_ts:
                self.thread_ts = (await people.start_thread(self._workspace)).ts
            return [first]

        return self._running.act("open the agent", self._workspace, opened, wait=wait)

    def say(self, text: str, *, wait: bool = True) -> Outcome:
        """Write to the agent, in the thread that the first message begins; returns what the app did.

        With `wait=False` the agent is still working when this returns, and goes on during the next call.
        """
        if not self.thread_ts and self._running.slack.people.is_subscribed("assistant_thread_started"):
            self.open()
        first_ts = self.thread_ts
        outcome = self._running.say(self._workspace, text, thread_ts=first_ts, wait=wait)
        if not first_ts:
            self.thread_ts = outcome.written.ts
        return outcome

    def stop(self, *, wait: bool = True) -> Outcome:
        """Click the stop button; returns what the app did."""
        people, channel = self._running.slack.people, self._workspace.channel_id
        return self._running.act(
            "stop the agent",
            self._workspace,
            lambda: people.stop_agent(self._workspace, channel, self.thread_ts),
            wait=wait,
        )

    @property
    def messages(self) -> list[PostedMessage]:
        """What the agent has written in this conversation, oldest first."""
        return [
            message
            for message in self._running.seen(self._workspace, self._workspace.channel_id)
            if message.author == "app" and message.ts != self.thread_ts
        ]

    @property
    def message(self) -> PostedMessage:
        """The last of them. Raises NotThere if there is none."""
        if not self.messages:
            raise NotThere("the agent has written no message")
        return self.messages[-1]

    @property
    def status(self) -> str:
        """What the agent says that it is doing; empty once it has replied."""
        return self._thread.status

    @property
    def title(self) -> str:
        return self._thread.title

    @property
    def prompts(self) -> list[str]:
        """The titles of the prompts that it suggests, in its thread or before one."""
        place = self._thread if self._thread.prompts else self._beside
        return [str(prompt["title"]) for prompt in place.prompts]

    @property
    def session(self) -> str:
        """The status of its session: processing, active, suspended or closed; empty if there is none."""
        return self._thread.session

    @property
    def _thread(self) -> AgentThread:
        return self._shown(self.thread_ts)

    @property
    def _beside(self) -> AgentThread:
        """What the agent shows outside of threads."""
        return self._shown("")

    def _shown(self, thread_ts: str) -> AgentThread:
        threads = self._running.slack.world.agent_threads
        return threads.get((self._workspace.channel_id, thread_ts), AgentThread())
