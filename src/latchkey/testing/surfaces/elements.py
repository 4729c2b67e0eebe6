"""The interactive elements of blocks: how a person names them, and how Slack sends what they contain.

https://docs.slack.dev/reference/block-kit/block-elements
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any, NamedTuple, TypeAlias

from latchkey.testing.errors import NotThere, listed

__tracebackhide__ = True

State: TypeAlias = dict[str, dict[str, dict[str, Any]]]
"""The values of elements, by block id and action id."""


class _Kind(NamedTuple):
    """How payloads contain the value of a type of element."""

    name: str
    initial: str
    is_list: bool = False
    of: str = "text"


_KINDS = {
    "plain_text_input": _Kind("value", "initial_value"),
    "email_text_input": _Kind("value", "initial_value"),
    "url_text_input": _Kind("value", "initial_value"),
    "number_input": _Kind("value", "initial_value"),
    "rich_text_input": _Kind("rich_text_value", "initial_value", of="rich text"),
    "datepicker": _Kind("selected_date", "initial_date"),
    "timepicker": _Kind("selected_time", "initial_time"),
    "datetimepicker": _Kind("selected_date_time", "initial_date_time", of="time"),
    "static_select": _Kind("selected_option", "initial_option", of="options"),
    "external_select": _Kind("selected_option", "initial_option", of="options"),
    "radio_buttons": _Kind("selected_option", "initial_option", of="options"),
    "overflow": _Kind("selected_option", "", of="options"),
    "checkboxes": _Kind("selected_options", "initial_options", is_list=True, of="options"),
    "multi_static_select": _Kind("selected_options", "initial_options", is_list=True, of="options"),
    "multi_external_select": _Kind("selected_options", "initial_options", is_list=True, of="options"),
    "users_select": _Kind("selected_user", "initial_user", of="people"),
    "multi_users_select": _Kind("selected_users", "initial_users", is_list=True, of="people"),
    "channels_select": _Kind("selected_channel", "initial_channel", of="channels"),
    "multi_channels_select": _Kind("selected_channels", "initial_channels", is_list=True, of="channels"),
    "conversations_select": _Kind("selected_conversation", "initial_conversation", of="channels"),
    "multi_conversations_select": _Kind("selected_conversations", "initial_conversations", is_list=True, of="channels"),
    "file_input": _Kind("files", "", is_list=True),
}
BUTTONS = frozenset({"button", "workflow_button", "icon_button", "feedback_buttons"})

Resolve: TypeAlias = Callable[["Element", str], Any]
"""Called with an element and what a person chooses in it; returns the option or the id that Slack sends."""


@dataclass(frozen=True)
class Element:
    """An interactive element, and the block that it is in."""

    document: Mapping[str, Any]
    block: Mapping[str, Any]

    @property
    def kind(self) -> str:
        return str(self.document.get("type"))

    @property
    def action_id(self) -> str:
        return str(self.document["action_id"])

    @property
    def block_id(self) -> str:
        return str(self.block.get("block_id", ""))

    @property
    def is_input(self) -> bool:
        """Whether it is a field, which sends nothing until its form is submitted."""
        return self.block.get("type") == "input"

    @property
    def is_required(self) -> bool:
        return self.is_input and not self.block.get("optional")

    @property
    def sends_actions(self) -> bool:
        """Whether Slack reports its use to the app at once."""
        return not self.is_input or bool(self.block.get("dispatch_action"))

    @property
    def label(self) -> str:
        """What a person sees on it or at it."""
        for owner, name in ((self.block, "label"), (self.document, "text"), (self.document, "placeholder")):
            if isinstance(owner.get(name), Mapping) and (owner is not self.block or self.is_input):
                return str(owner[name].get("text", ""))
        return ""

    @property
    def options(self) -> list[dict[str, Any]]:
        """The options of a menu, those of groups included."""
        groups = self.document.get("option_groups") or [{"options": self.document.get("options") or []}]
        return [option for group in groups for option in group.get("options", ())]

    def is_called(self, name: str) -> bool:
        """Whether a person or a test may mean it by this name: its action_id, its block_id, or its label."""
        return name in (self.action_id, self.block_id) or name.casefold() == self.label.casefold()

    def __str__(self) -> str:
        return f"{self.action_id} ({self.label!r})" if self.label else self.action_id

    def initial(self) -> dict[str, Any]:
        """Return its value before anybody uses it, as Slack sends it."""
        kind = _KINDS.get(self.kind)
        if kind is None:
            return {"type": self.kind}
        value = self.document.get(kind.initial) if kind.initial else None
        return {"type": self.kind, kind.name: (value or []) if kind.is_list else value}

    def with_value(self, chosen: Any, resolve: Resolve) -> dict[str, Any]:
        """Return its value after a person has typed or chosen this, as Slack sends it. Raises NotThere."""
        kind = _KINDS.get(self.kind)
        if kind is None:
            raise NotThere(f"{self} is a {self.kind}, in which nothing is typed or chosen")
        if kind.is_list:
            if not isinstance(chosen, list | tuple):
                raise TypeError(f"{self} takes a list, because several can be chosen")
            return {"type": self.kind, kind.name: [_converted(self, kind, each, resolve) for each in chosen]}
        return {"type": self.kind, kind.name: None if chosen is None else _converted(self, kind, chosen, resolve)}


def is_empty(value: Mapping[str, Any]) -> bool:
    """Whether an element's value is that of an element in which nothing is typed or chosen."""
    return all(each in (None, "", []) for name, each in value.items() if name != "type")


def elements_of(blocks: object) -> list[Element]:
    """Return the interactive elements of blocks, in order."""
    return list(_elements(blocks, {}))


def find_element(elements: list[Element], name: str, what: str, place: str, block: str | None = None) -> Element:
    """Return the element with this name; `what` says what it should be, such as "button". Raises NotThere."""
    found = [each for each in elements if each.is_called(name) and block in (None, each.block_id)]
    exact = [each for each in found if each.action_id == name] or found
    if len(exact) == 1:
        return exact[0]
    if not exact:
        raise NotThere(f"{place} has no {what} {name!r}; it has: {listed([str(each) for each in elements])}")
    blocks = listed([each.block_id for each in exact])
    raise NotThere(
        f"{place} has {len(exact)} {what}s {name!r}; name one by its label, or its block with block=: {blocks}"
    )


def _elements(node: Any, block: Mapping[str, Any]) -> Iterator[Element]:
    if isinstance(node, list):
        for each in node:
            yield from _elements(each, block)
    elif isinstance(node, dict):
        if node.get("action_id"):
            yield Element(node, block)
            return
        for each in node.values():
            yield from _elements(each, node if node.get("block_id") else block)


def _converted(element: Element, kind: _Kind, chosen: Any, resolve: Resolve) -> Any:
    if kind.of in ("options", "people", "channels"):
        return resolve(element, str(chosen))
    if kind.of == "time":
        return int(chosen.timestamp()) if isinstance(chosen, datetime) else int(chosen)
    if kind.of == "rich text" and isinstance(chosen, str):
        section = {"type": "rich_text_section", "elements": [{"type": "text", "text": chosen}]}
        return {"type": "rich_text", "elements": [section]}
    if isinstance(chosen, time):
        return chosen.isoformat("minutes")
    if isinstance(chosen, date):
        return chosen.isoformat()
    return chosen if isinstance(chosen, dict | list) else str(chosen)
