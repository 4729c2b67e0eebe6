"""A message in a conversation."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any

from latchkey.simulator import AppResponse, SimulatedWorkspace
from latchkey.simulator.model import Message
from latchkey.testing.errors import NotThere
from latchkey.testing.surfaces.elements import State
from latchkey.testing.surfaces.surface import Surface

if TYPE_CHECKING:
    from latchkey.testing.outcome import Outcome
    from latchkey.testing.running_app import RunningApp

__tracebackhide__ = True


class PostedMessage(Surface):
    """A message, as one person sees it. It changes when the app updates it."""

    place = "the message"

    def __init__(self, running: RunningApp, message: Message, workspace: SimulatedWorkspace) -> None:
        super().__init__(running, workspace.seen_by(workspace.user_id, message.channel))
        self._message = message

    def __repr__(self) -> str:
        return f"<{self.author} in {self.channel}: {self.text or self.shown_text!r}>"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, PostedMessage) and other._message is self._message

    def __hash__(self) -> int:
        return hash(self.ts)

    @property
    def text(self) -> str:
        return self._message.text

    @property
    def blocks(self) -> list[dict[str, Any]]:
        return self._message.blocks

    @property
    def channel(self) -> str:
        """Its conversation: "#general", or "direct messages"."""
        return self._running.names.channel_name(self._workspace, self._message.channel)

    @property
    def author(self) -> str:
        """The name of the person, or "app"."""
        return self._running.names.name_of(self._workspace, self._message.author)

    @property
    def ts(self) -> str:
        return self._message.ts

    @property
    def thread_ts(self) -> str:
        """The `ts` of the message that it replies to; empty outside threads."""
        return self._message.thread_ts

    @property
    def is_ephemeral(self) -> bool:
        """Whether only one person sees it."""
        return self._message.only_for is not None

    @property
    def only_for(self) -> str | None:
        """The id of the only person who sees it; None if it is not ephemeral."""
        return self._message.only_for

    @property
    def is_edited(self) -> bool:
        return self._message.is_edited

    @property
    def is_streaming(self) -> bool:
        """Whether the app is still writing it."""
        return self._message.is_streaming

    @property
    def is_deleted(self) -> bool:
        return all(message is not self._message for message in self._running.slack.world.messages)

    @property
    def metadata(self) -> dict[str, Any]:
        return self._message.metadata

    @property
    def attachments(self) -> list[dict[str, Any]]:
        return self._message.attachments

    @property
    def reactions(self) -> list[str]:
        """The names of the reactions to it, sorted."""
        found = self._running.slack.world.reactions
        return sorted(name for channel, ts, name, _ in found if (channel, ts) == (self._message.channel, self.ts))

    @property
    def replies(self) -> list[PostedMessage]:
        """The messages in its thread, oldest first."""
        return [
            PostedMessage(self._running, each, self._workspace)
            for each in self._running.slack.world.messages
            if each.workspace == self._workspace
            and each.channel == self._message.channel
            and each.thread_ts == self.ts != each.ts
            and each.only_for in (None, self._workspace.user_id)
        ]

    def reply(self, text: str, *, wait: bool = True) -> Outcome:
        """Write into its thread; returns what the app did. `@app` in the text mentions the app."""
        return self._running.say(self._workspace, text, thread_ts=self.thread_ts or self.ts, wait=wait)

    def react(self, name: str, *, wait: bool = True) -> Outcome:
        """Add a reaction, or remove it if this person has added it; returns what the app did."""
        people = self._running.slack.people
        return self._running.act(
            f":{name}:", self._workspace, lambda: people.react(self._workspace, self._message, name), wait=wait
        )

    def shortcut(self, callback_id: str, *, wait: bool = True) -> Outcome:
        """Use a shortcut of the message; returns what the app did. Raises NotThere if the app does not have it."""
        people = self._running.slack.people
        return self._running.act_if_known(
            "message shortcut",
            callback_id,
            self._workspace,
            lambda: people.message_shortcut(self._workspace, callback_id, self._message),
            wait=wait,
        )

    @property
    def _key(self) -> str:
        return f"{self._workspace.team_id} {self._message.channel} {self.ts}"

    def _use(self, action: dict[str, Any], values: State) -> Coroutine[Any, Any, AppResponse]:
        if self.is_deleted or self._message.only_for not in (None, self._workspace.user_id):
            raise NotThere(
                f"{self._workspace.user_id} does not see this message{' any longer' if self.is_deleted else ''}"
            )
        return self._running.slack.people.click(self._workspace, action, self._message, values)

    def _options(self, element: dict[str, str], typed: str) -> Coroutine[Any, Any, list[dict[str, Any]]]:
        return self._running.slack.people.options(self._workspace, element, typed, message=self._message)
