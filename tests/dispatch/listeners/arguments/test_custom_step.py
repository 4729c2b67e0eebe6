"""`app.function`, `complete` and `fail` are registered, called and refused as in Bolt."""

import re
from collections.abc import Callable
from typing import Any

import pytest

from latchkey.dispatch import App
from tests.dispatch.doubles import Bench, event
from tests.dispatch.listeners.bolt_side import calls_here, calls_in_bolt


def step(callback_id: str = "greet", **fields: Any) -> Any:
    return event(
        "function_executed",
        function={"callback_id": callback_id},
        function_execution_id="Fx1",
        inputs={"name": "Bob"},
        bot_access_token="xwfp-1",
        **fields,
    )


def complete(complete: Any, inputs: Any) -> None:
    complete({"greeting": inputs["name"]})


def complete_by_name(complete: Any) -> None:
    complete(outputs={"n": 1})


def complete_without_outputs(complete: Any) -> None:
    complete()


def fail(fail: Any) -> None:
    fail("no such person")


def fail_by_name(fail: Any) -> None:
    fail(error="no such person")


def by_context(context: Any, client: Any) -> None:
    assert context.complete.function_execution_id == context.function_execution_id == "Fx1"
    assert context.complete.client.token == client.token == "xwfp-1"
    assert not context.fail.has_been_called()
    context["fail"]("x")
    assert context.fail.has_been_called()
    assert not context.complete.has_been_called()


@pytest.mark.parametrize(
    "listener", [complete, complete_by_name, complete_without_outputs, fail, fail_by_name, by_context]
)
@pytest.mark.parametrize("callback_id", ["greet", re.compile("^gr"), "other"])
def test_the_same_calls_as_in_bolt(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, callback_id: Any, listener: Callable[..., None]
) -> None:
    def register(app: Any) -> None:
        app.function(callback_id)(listener)

    here = calls_here(bench, register, step())
    assert here == calls_in_bolt(monkeypatch, register, step())
    assert len(here) == (callback_id != "other")


@pytest.mark.parametrize("options", [{}, {"auto_acknowledge": False}, {"auto_acknowledge": False, "ack_timeout": 10}])
def test_it_takes_bolts_parameters(bench: Bench, options: dict[str, Any]) -> None:
    matched: list[bool] = []

    def is_for(inputs: Any) -> bool:
        matched.append(inputs == {"name": "Bob"})
        return True

    def register(app: Any) -> None:
        app.function("greet", matchers=[is_for], **options)(complete)

    assert [method for method, _ in calls_here(bench, register, step())] == ["functions.completeSuccess"]
    assert matched == [True]


@pytest.mark.parametrize("fields", [{"function": None}, {"function": "greet"}, {"function": {"callback_id": 7}}])
def test_an_unusual_payload_matches_no_step(bench: Bench, fields: dict[str, Any]) -> None:
    def register(app: Any) -> None:
        app.function(re.compile(""))(complete)

    assert calls_here(bench, register, event("function_executed", **fields)) == []


def test_an_empty_callback_id_is_refused() -> None:
    with pytest.raises(ValueError, match="a function's callback_id must not be empty"):
        App().function("")
