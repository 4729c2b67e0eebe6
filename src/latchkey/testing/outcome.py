"""What an app did because of one thing that a person did."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from latchkey.simulator import AppResponse, SimulatedWorkspace
from latchkey.simulator.model import ApiCall, Message, OpenView
from latchkey.testing.errors import NotThere
from latchkey.testing.surfaces import Modal, PostedMessage

if TYPE_CHECKING:
    from latchkey.testing.running_app import RunningApp

__tracebackhide__ = True


class Outcome:
    """What the app did, from the request of Slack's to the end of its listeners."""

    def __init__(self, running: RunningApp, what: str, workspace: SimulatedWorkspace) -> None:
        """Begin to watch; `what` says what the person in this workspace does."""
        world = running.slack.world
        self._running = running
        self.workspace = workspace
        """Who acted, and where."""
        self._begin = (
            {id(message) for message in world.messages},
            len(world.calls),
            set(world.views),
            len(running.errors),
        )
        self._messages: list[Message] = []
        self._views: list[OpenView] = []
        self.what = what
        self.responses: list[AppResponse] = []
        """The app's HTTP responses, one for each request of Slack's."""
        self.calls: list[ApiCall] = []
        """The calls of Slack's Web API that the app made."""
        self.errors: list[Exception] = []
        """What listeners have raised."""
        self.note = ""
        """Why Slack sent the app nothing."""

    def end(self) -> None:
        """Keep what has happened since the beginning."""
        world = self._running.slack.world
        messages, calls, views, errors = self._begin
        self._messages = [message for message in world.messages if id(message) not in messages]
        self._views = [view for view in world.views.values() if view.view_id not in views]
        self.calls = world.calls[calls:]
        self.errors = self._running.errors[errors:]

    @property
    def messages(self) -> list[PostedMessage]:
        """The messages that the app posted, oldest first, also those that only one person sees."""
        bot = self._running.slack.world.bot_user_id(self.workspace)
        return [PostedMessage(self._running, each, self.workspace) for each in self._messages if each.author == bot]

    @property
    def written(self) -> PostedMessage:
        """The message that the person wrote. Raises NotThere if they did something else."""
        for message in self._messages:
            if message.author == self.workspace.user_id:
                return PostedMessage(self._running, message, self.workspace)
        raise NotThere(f"{self.what!r} is not a message")

    @property
    def modals(self) -> list[Modal]:
        """The forms that the app opened, oldest first."""
        return [Modal(self._running, view) for view in self._views]

    @property
    def message(self) -> PostedMessage:
        """The last of them. Raises NotThere if there is none."""
        if not self.messages:
            raise NotThere(f"the app posted no message after {self.what!r}{self._why()}")
        return self.messages[-1]

    @property
    def text(self) -> str:
        """The text of the last message. Raises NotThere if there is none."""
        return self.message.text

    @property
    def modal(self) -> Modal:
        """The form that the app opened. Raises NotThere if it opened none."""
        if not self._views:
            raise NotThere(f"the app opened no form after {self.what!r}{self._why()}")
        return self.modals[-1]

    @property
    def response(self) -> AppResponse:
        """The app's HTTP response, with its `status`, `body` and `document`. Raises NotThere if nothing was sent."""
        if not self.responses:
            raise NotThere(f"Slack sent the app nothing for {self.what!r}{self._why()}")
        return self.responses[-1]

    def called(self, method: str) -> list[dict[str, Any]]:
        """Return the arguments of each call of a method of Slack's Web API, such as "chat.postMessage"."""
        return [call.arguments for call in self.calls if call.method == method]

    def _why(self) -> str:
        if self.note:
            return f": {self.note}"
        failed = [f"{call.method} failed: {call.response['error']}" for call in self.calls if "error" in call.response]
        return f" ({'; '.join(failed)})" if failed else ""
