"""A person in the simulated Slack: what they do, and what they see."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from latchkey.simulator import SimulatedWorkspace
from latchkey.simulator.model import ApiCall
from latchkey.testing.errors import NotThere
from latchkey.testing.movable_clock import MovableClock
from latchkey.testing.outcome import Outcome
from latchkey.testing.running_app import RunningApp
from latchkey.testing.surfaces import Agent, Home, Modal, PostedMessage

__tracebackhide__ = True


class SlackUser:
    """A person in a workspace: the fixture `slack` is Alice in Acme, who writes in #general."""

    def __init__(
        self,
        running: RunningApp,
        workspace: SimulatedWorkspace,
        agents: dict[tuple[str, str], Agent],
        *,
        only: str | None = None,
    ) -> None:
        """`workspace` says who acts, and where; `only` is the only conversation whose messages are wanted."""
        self._running = running
        self._workspace = workspace
        self._agents = agents
        self._only = only

    # Who, and where

    def user(self, name: str) -> SlackUser:
        """Return another person in this workspace: "alice", "bob" or "carol"."""
        return self._in(self._workspace.seen_by(self._running.names.person(name)))

    def channel(self, name: str) -> SlackUser:
        """Return this person in another channel, such as "#random"; `messages` are then only those of the channel."""
        return self._at(self._running.names.channel(self._workspace, name))

    @property
    def direct(self) -> SlackUser:
        """The same person in their direct messages with the app."""
        return self._at(self._running.names.channel(self._workspace, self.user_id))

    def workspace(self, name: str) -> SlackUser:
        """Return this person in another workspace: "Acme", "Birch" or "Cedar"; `install` the app there first."""
        return self._in(self._running.names.workspace(name).seen_by(self.user_id))

    @property
    def user_id(self) -> str:
        return self._workspace.user_id

    @property
    def team_id(self) -> str:
        return self._workspace.team_id

    @property
    def channel_id(self) -> str:
        """Where this person writes."""
        return self._workspace.channel_id

    # What they do

    def mention(self, text: str, *, wait: bool = True) -> Outcome:
        """Write `@app` and this text; returns what the app did."""
        return self.say(f"@app {text}", wait=wait)

    def say(self, text: str, *, wait: bool = True) -> Outcome:
        """Write a message, in which `@app` mentions the app; returns what the app did.

        Slack sends only the events that the app's listeners need: `message`, `app_mention`, both or none.
        """
        return self._running.say(self._workspace, text, wait=wait)

    def command(self, command: str, text: str = "", *, wait: bool = True) -> Outcome:
        """Type a slash command; returns what the app did. Raises NotThere if the app does not have it."""
        people = self._running.slack.people
        return self._running.act_if_known(
            "command",
            command,
            self._workspace,
            lambda: people.command(self._workspace, command, text),
            wait=wait,
        )

    def shortcut(self, callback_id: str, *, wait: bool = True) -> Outcome:
        """Use a global shortcut; returns what the app did. Raises NotThere if the app does not have it."""
        people = self._running.slack.people
        return self._running.act_if_known(
            "shortcut", callback_id, self._workspace, lambda: people.shortcut(self._workspace, callback_id), wait=wait
        )

    def event(self, event: dict[str, Any], *, wait: bool = True) -> Outcome:
        """Let Slack send any event, such as {"type": "member_joined_channel", …}; returns what the app did.

        `user` and `channel` are this person's if they are absent.
        """
        sent = {"user": self.user_id, "channel": self.channel_id, **event}
        sender = self._running.slack.sender
        what = f"the event {event['type']}"
        return self._running.act(what, self._workspace, lambda: sender.event(self._workspace, sent), wait=wait)

    def install(self) -> Outcome:
        """Install the app in this workspace; returns what the app did."""
        return self._running.install(self._workspace)

    def uninstall(self) -> Outcome:
        """Remove the app from this workspace; returns what the app did."""
        people = self._running.slack.people
        return self._running.act("uninstall the app", self._workspace, lambda: people.uninstall(self._workspace))

    def wait_for(self, condition: Callable[[], object]) -> None:
        """Let listeners that are still running go on until the condition is true.

        Needed only after `wait=False`, and for tasks that a listener leaves behind. Raises NotThere if it takes too
        long, or what a listener raises.
        """
        self._running.wait_for(condition, "what the test waits for is not true")

    # What they see

    @property
    def messages(self) -> list[PostedMessage]:
        """The messages of the app that this person sees, oldest first."""
        return [message for message in self.history if message.author == "app"]

    @property
    def message(self) -> PostedMessage:
        """The last of them. Raises NotThere if there is none."""
        if not self.messages:
            raise NotThere(f"{self._running.names.place(self._workspace)} sees no message of the app")
        return self.messages[-1]

    @property
    def history(self) -> list[PostedMessage]:
        """All messages that this person sees, also those of people, oldest first."""
        return self._running.seen(self._workspace, self._only)

    @property
    def modals(self) -> list[Modal]:
        """The forms that this person has open, the lowest first."""
        found = self._running.slack.world.views_of(self._workspace, self.user_id)
        return [Modal(self._running, opened) for opened in found]

    @property
    def modal(self) -> Modal:
        """The highest of them. Raises NotThere if no form is open."""
        if not self.modals:
            raise NotThere(f"{self._running.names.place(self._workspace)} has no form open")
        return self.modals[-1]

    @property
    def home(self) -> Home:
        """The App Home of this person."""
        return Home(self._running, self._workspace)

    @property
    def agent(self) -> Agent:
        """The conversation of this person with the agent; the same one each time."""
        key = self.team_id, self.user_id
        if key not in self._agents:
            channel = self._running.names.channel(self._workspace, self.user_id)
            self._agents[key] = Agent(self._running, self._workspace.seen_by(self.user_id, channel))
        return self._agents[key]

    # What the app does

    def calls(self, method: str = "") -> list[ApiCall]:
        """Return the app's calls of Slack's Web API so far, or only those of one method; the tokens are left out."""
        return [call for call in self._running.slack.world.calls if method in ("", call.method)]

    @property
    def clock(self) -> MovableClock:
        """The time; `slack.clock.advance(hours=13)` moves it."""
        return self._running.clock

    def fail(self, method: str, error: str = "", *, times: int = 1, status: int = 200, retry_after: int = 1) -> None:
        """Let the next calls of a method fail, with Slack's error code or with an HTTP status such as 429 or 503."""
        self._running.slack.fail(method, times=times, status=status, error=error or None, retry_after=retry_after)

    @property
    def errors(self) -> list[Exception]:
        """What listeners have raised so far."""
        return self._running.errors

    @property
    def raise_errors(self) -> bool:
        """Whether what a listener raises is raised by the call that has started it; False keeps it in `errors`."""
        return self._running.raises

    @raise_errors.setter
    def raise_errors(self, value: bool) -> None:
        self._running.raises = value

    def _in(self, workspace: SimulatedWorkspace) -> SlackUser:
        return SlackUser(self._running, workspace, self._agents)

    def _at(self, channel_id: str) -> SlackUser:
        workspace = self._workspace.seen_by(self.user_id, channel_id)
        return SlackUser(self._running, workspace, self._agents, only=channel_id)
