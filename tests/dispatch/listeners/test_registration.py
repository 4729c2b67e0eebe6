"""The App's decorators have Bolt's names and parameters, and what only Bolt has is refused with what to use instead."""

import inspect
import re
from typing import Any

import pytest
import slack_bolt
import slack_bolt.async_app
from slack_bolt.middleware import CustomMiddleware

from latchkey.dispatch import App
from latchkey.slackapi.requests.payload import Payload
from tests.dispatch.doubles import Bench, action, interaction

DECORATORS = [
    "event", "message", "command", "action", "block_action", "attachment_action", "dialog_submission",
    "dialog_cancellation", "shortcut", "global_shortcut", "message_shortcut", "view", "view_submission", "view_closed",
    "options", "block_suggestion", "dialog_suggestion",
]  # fmt: skip


@pytest.mark.parametrize("name", DECORATORS)
def test_a_decorator_has_bolts_parameters_in_bolts_order(name: str) -> None:
    bolts, ours = (list(inspect.signature(getattr(of, name)).parameters) for of in (slack_bolt.App, App))
    assert ours == bolts


@pytest.mark.parametrize("bolts", [slack_bolt.App, slack_bolt.async_app.AsyncApp])
def test_every_public_attribute_of_bolts_app_exists_or_is_refused_with_what_to_do(bolts: Any) -> None:
    app = App()
    for name in dir(bolts):
        if name.startswith("_") or name[0].isupper():
            continue
        try:
            getattr(app, name)
        except AttributeError as error:
            assert re.match(r"only Bolt has .*: |.* needs Bolt: put this module under", str(error)), name
        except RuntimeError as error:
            assert "only while the server runs" in str(error), name


def test_an_attribute_that_neither_has_is_named_as_missing() -> None:
    with pytest.raises(AttributeError, match="an App has no evnt"):
        App().evnt  # noqa: B018


@pytest.mark.parametrize(
    "register",
    [
        lambda app: app.command("/x")(lambda ack: None, lambda say: None),
        lambda app: app.command("/x")(ack=lambda ack: None, lazy=[lambda say: None]),
        lambda app: app.use(CustomMiddleware(app_name="a", func=lambda next: next())),
        lambda app: app.event("x", middleware=[CustomMiddleware(app_name="a", func=lambda next: next())]),
        lambda app: app.event("x")(lambda args: None),
    ],
    ids=["lazy by position", "lazy by name", "middleware object", "listener middleware object", "args"],
)
def test_refuses_what_only_bolt_has(register: Any) -> None:
    with pytest.raises(TypeError, match="needs Bolt: put this module under .bolt. modules"):
        register(App())


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: App(token="xoxb-sentinel", signing_secret="s"), "only Bolt has token=, signing_secret= of App()"),
        (lambda: App("name"), "only Bolt has arguments of App()"),
    ],
)
def test_refuses_arguments_of_bolts_constructor(make: Any, said: str) -> None:
    with pytest.raises(TypeError) as caught:
        make()
    assert str(caught.value) == f"{said}: settings are in config.toml, tokens in the store"


@pytest.mark.parametrize(
    "register",
    [
        lambda app: app.action({"type": "workflow_step_edit", "callback_id": "x"}),
        lambda app: app.event("workflow_step_execute"),
        lambda app: app.event({"type": "workflow_step_execute"}),
    ],
)
def test_refuses_what_slack_has_retired_with_what_replaces_it(register: Any) -> None:
    with pytest.raises(ValueError, match="Slack has retired steps from apps; write a custom step, with app.function"):
        register(App())


def test_refuses_matchers_that_are_not_functions() -> None:
    with pytest.raises(TypeError, match="matchers= takes functions, not str"):
        App().event("x", matchers=["is_admin"])  # type: ignore[list-item]


LEGACY: list[tuple[str, str, Payload]] = [
    ("attachment_action", "old", interaction("interactive_message", callback_id="old", actions=[{"name": "n"}])),
    ("dialog_submission", "old", interaction("dialog_submission", callback_id="old")),
    ("dialog_cancellation", "old", interaction("dialog_cancellation", callback_id="old")),
    ("dialog_suggestion", "old", interaction("dialog_suggestion", callback_id="old")),
    ("block_suggestion", "o", interaction("block_suggestion", action_id="o", block_id="b")),
    ("options", {"type": "block_suggestion", "action_id": "o"}, interaction("block_suggestion", action_id="o")),
    ("options", {"type": "dialog_suggestion", "callback_id": "o"}, interaction("dialog_suggestion", callback_id="o")),
]  # type: ignore[list-item]


@pytest.mark.parametrize(("decorator", "constraint", "payload"), LEGACY)
def test_the_aliases_match_only_their_own_type(bench: Bench, decorator: str, constraint: Any, payload: Payload) -> None:
    getattr(bench.app, decorator)(constraint)(lambda ack: ack())
    assert bench.reply_to(payload).status == 200
    for other in [action("old"), *(payload for name, _, payload in LEGACY if name != decorator)]:
        if other.type != payload.type:
            assert bench.reply_to(other).status == 404
