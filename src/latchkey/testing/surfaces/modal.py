"""A form (modal) that a person has open."""

from __future__ import annotations

from collections.abc import Coroutine, Mapping
from typing import TYPE_CHECKING, Any

from latchkey.simulator import AppResponse
from latchkey.simulator.model import OpenView
from latchkey.testing.errors import NotThere
from latchkey.testing.surfaces.elements import BUTTONS, Element, State, is_empty
from latchkey.testing.surfaces.surface import Surface

if TYPE_CHECKING:
    from latchkey.testing.outcome import Outcome
    from latchkey.testing.running_app import RunningApp

__tracebackhide__ = True


class Modal(Surface):
    """A form. It changes when the app updates it, and remembers its last content once it is closed."""

    place = "the form"

    def __init__(self, running: RunningApp, opened: OpenView) -> None:
        super().__init__(running, opened.workspace.seen_by(opened.user_id))
        self._opened = opened

    def __repr__(self) -> str:
        return f"<form {self.title!r}, {'open' if self.is_open else 'closed'}>"

    @property
    def view(self) -> dict[str, Any]:
        """The view, as the app has sent it."""
        return self._opened.view

    @property
    def blocks(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.view.get("blocks") or []
        return found

    @property
    def title(self) -> str:
        return str((self.view.get("title") or {}).get("text", ""))

    @property
    def callback_id(self) -> str:
        return str(self.view.get("callback_id", ""))

    @property
    def private_metadata(self) -> str:
        return str(self.view.get("private_metadata", ""))

    @property
    def fields(self) -> list[str]:
        """The labels of its fields."""
        return [each.label or each.action_id for each in self._fields()]

    @property
    def is_open(self) -> bool:
        return self._opened.view_id in self._running.slack.world.views

    @property
    def errors(self) -> dict[str, str]:
        """The errors that the app has found in what was submitted, by block_id."""
        return self._opened.errors

    def submit(self, values: Mapping[str, Any] | None = None, *, wait: bool = True) -> Outcome:
        """Fill in fields, named by their block_id, action_id or label, and submit the form; returns what the app did.

        An option is named by its text or its value; fields in which several can be chosen take a list. Raises NotThere
        if there is no such field or option, or if a required field is empty, because Slack then sends nothing.
        """
        self._check_open()
        if not self.view.get("submit") and not any(each.is_input for each in self._fields()):
            raise NotThere("the form has no button to submit it: its view has no submit")
        state = self._values()
        for name, value in (values or {}).items():
            field = self._find_field(name, None)
            state[field.block_id][field.action_id] = field.with_value(value, self._resolve)
        self._check_complete(state)
        self._running.chosen[self._key] = state
        people = self._running.slack.people
        what = f"submit the form {self.title!r}"
        outcome = self._running.act(what, self._workspace, lambda: people.submit(self._opened, state), wait=wait)
        if outcome.response.status == 404:
            raise NotThere(f"no listener is registered for the form {self.callback_id!r}: add app.view(…)")
        return outcome

    def close(self, *, all_forms: bool = False, wait: bool = True) -> Outcome:
        """Close it, or all forms that are open; returns what the app did."""
        self._check_open()
        people = self._running.slack.people
        return self._running.act(
            f"close the form {self.title!r}",
            self._workspace,
            lambda: people.close(self._opened, is_cleared=all_forms),
            wait=wait,
        )

    def _fields(self) -> list[Element]:
        return [each for each in self._elements() if each.kind not in BUTTONS]

    def _check_open(self) -> None:
        if not self.is_open:
            raise NotThere(f"the form {self.title!r} is no longer open")

    def _check_complete(self, state: State) -> None:
        """Refuse what Slack does not send either. Raises NotThere."""
        for field in self._fields():
            value = state[field.block_id][field.action_id] if field.block_id in state else {}
            if field.is_required and is_empty(value):
                raise NotThere(f"the field {field} is required: Slack does not send the form without it")
            text, limit = value.get("value"), field.document
            if isinstance(text, str) and not limit.get("min_length", 0) <= len(text) <= limit.get("max_length", 3000):
                raise NotThere(
                    f"the field {field} does not take a text of {len(text)} characters: Slack does not send it"
                )

    @property
    def _key(self) -> str:
        return self._opened.view_id

    def _use(self, action: dict[str, Any], values: State) -> Coroutine[Any, Any, AppResponse]:
        self._check_open()
        return self._running.slack.people.act_in_view(self._opened, action, values)

    def _options(self, element: dict[str, str], typed: str) -> Coroutine[Any, Any, list[dict[str, Any]]]:
        return self._running.slack.people.options(self._workspace, element, typed, opened=self._opened)
