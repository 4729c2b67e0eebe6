"""Requests of Slack's that drive an app, and what the app is expected to do because of each."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from latchkey.simulator import Slack
from latchkey.simulator.model import Message

Send = Callable[[Slack], Awaitable[object]]


@dataclass(frozen=True)
class Step:
    """One request, and the calls of Slack's API that must follow."""

    send: Send
    methods: frozenset[str] = field(default_factory=frozenset)
    text: str = ""
    """What the arguments of these calls must contain."""


def step(send: Send, *methods: str, text: str = "") -> Step:
    return Step(send, frozenset(methods), text)


def event(**fields: object) -> Send:
    async def send(slack: Slack) -> object:
        acme = slack.workspace()
        placed = {"user": acme.user_id, "channel": acme.channel_id, "ts": slack.world.timestamp(), **fields}
        return await slack.sender.event(acme, placed)

    return send


def own_message(**fields: object) -> Send:
    """A message that the app's own bot has posted."""

    async def send(slack: Slack) -> object:
        return await event(type="message", user=slack.world.bot_user_id(slack.workspace()), **fields)(slack)

    return send


def event_with_trigger(**fields: object) -> Send:
    async def send(slack: Slack) -> object:
        acme = slack.workspace()
        return await event(trigger_id=slack.world.issue_trigger(acme, acme.user_id), **fields)(slack)

    return send


def function(callback_id: str, **inputs: object) -> Send:
    async def run(slack: Slack) -> object:
        return await slack.functions.execute(slack.workspace(), callback_id, inputs)

    return run


def posted(text: str) -> Send:
    """A message of the app's that it has posted from elsewhere, not because of a request."""

    async def post(slack: Slack) -> object:
        acme = slack.workspace()
        return slack.world.post(Message(acme, acme.channel_id, slack.world.bot_user_id(acme), text))

    return post


def click(action_id: str, **fields: object) -> Send:
    """A click on an element of the latest message."""

    async def send(slack: Slack) -> object:
        action = {"action_id": action_id, "block_id": "b", **fields}
        return await slack.sender.block_action(slack.workspace(), action, slack.world.messages[-1])

    return send


def click_in_function(action_id: str) -> Send:
    """A click in the message that the function which ran last has posted."""

    async def send(slack: Slack) -> object:
        run = list(slack.world.function_runs.values())[-1]
        action = {"action_id": action_id, "block_id": "b", "value": "v"}
        return await slack.functions.block_action(run, action, message=slack.world.messages[-1])

    return send


def click_in_form(action_id: str, **fields: object) -> Send:
    """A click on an element of the form that was opened last."""

    async def send(slack: Slack) -> object:
        opened = list(slack.world.views.values())[-1]
        return await slack.sender.view_action(opened, {"type": "button", "action_id": action_id, **fields}, {})

    return send


def click_in_home(action_id: str, **fields: object) -> Send:
    """A click on an element of the App Home."""

    async def send(slack: Slack) -> object:
        home = slack.world.home_views["T0ACME", slack.workspace().user_id]
        return await slack.sender.view_action(home, {"action_id": action_id, **fields}, {})

    return send


def submit(values: dict[str, dict[str, object]]) -> Send:
    """Submit the form that was opened last, with these values by block and element."""

    async def send(slack: Slack) -> object:
        return await slack.sender.submission(list(slack.world.views.values())[-1], values)

    return send


def command(name: str, text: str = "") -> Send:
    return lambda slack: slack.sender.command(slack.workspace(), name, text)


def shortcut(callback_id: str) -> Send:
    return lambda slack: slack.sender.interaction(slack.workspace(), "shortcut", {"callback_id": callback_id})


def answering(method: str, body: bytes) -> Send:
    """Let the next call of a method that the simulator doesn't have return this body."""

    async def prepare(slack: Slack) -> object:
        return slack.fail(method, body=body)

    return prepare
