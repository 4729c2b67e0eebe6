"""What messages, forms and App Homes have in common: blocks whose elements a person uses."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any

from latchkey.simulator import AppResponse, SimulatedWorkspace
from latchkey.testing.errors import NotThere, listed
from latchkey.testing.surfaces.elements import BUTTONS, Element, State, elements_of, find_element
from latchkey.testing.surfaces.shown_text import shown_text

if TYPE_CHECKING:
    from latchkey.testing.outcome import Outcome
    from latchkey.testing.running_app import RunningApp

__tracebackhide__ = True


class Surface(ABC):
    """Blocks that an app shows to a person."""

    place: str
    """What it is, for messages: "the message", "the form"."""

    def __init__(self, running: RunningApp, workspace: SimulatedWorkspace) -> None:
        """`workspace` says who sees it, and where."""
        self._running = running
        self._workspace = workspace

    @property
    @abstractmethod
    def blocks(self) -> list[dict[str, Any]]:
        """The blocks, with the ids that Slack adds."""

    @property
    @abstractmethod
    def _key(self) -> str:
        """What identifies it; values that were chosen in it are kept by it."""

    @abstractmethod
    def _use(self, action: dict[str, Any], values: State) -> Coroutine[Any, Any, AppResponse]:
        """Send that an element was used."""

    @abstractmethod
    def _options(self, element: dict[str, str], typed: str) -> Coroutine[Any, Any, list[dict[str, Any]]]:
        """Ask the app for the options of a menu."""

    @property
    def shown_text(self) -> str:
        """All texts in the blocks, one a line."""
        return shown_text(self.blocks)

    @property
    def buttons(self) -> list[str]:
        """What is written on the buttons."""
        return [each.label or each.action_id for each in self._elements() if each.kind in BUTTONS]

    def click(self, button: str, *, block: str | None = None, wait: bool = True) -> Outcome:
        """Click a button, named by its action_id or by what is written on it; `block` is its block_id if several match.

        Returns what the app did. Raises NotThere if there is no such button.
        """
        buttons = [each for each in self._elements() if each.kind in BUTTONS]
        found = find_element(buttons, button, "button", self.place, block)
        extra = {name: found.document[name] for name in ("text", "value", "url") if name in found.document}
        return self._act(f"click {found.label or found.action_id!r}", found, extra, wait=wait)

    def choose(self, element: str, value: Any, *, block: str | None = None, wait: bool = True) -> Outcome:
        """Choose or type a value in an element, named by its action_id, block_id or label.

        An option is named by its text or its value; elements in which several can be chosen take a list. Returns what
        the app did. Raises NotThere if there is no such element or option.
        """
        found = self._find_field(element, block)
        chosen = found.with_value(value, self._resolve)
        if found.kind != "overflow":
            self._kept().setdefault(found.block_id, {})[found.action_id] = chosen
        extra = {name: each for name, each in chosen.items() if name != "type"}
        return self._act(f"choose {value!r} in {found}", found, extra, wait=wait)

    def options(self, element: str, typed: str = "", *, block: str | None = None) -> list[str]:
        """Type into a menu whose options the app provides; returns the texts of the options that it offers."""
        return [option["text"]["text"] for option in self._offered(self._find_field(element, block), typed)]

    def _act(self, what: str, element: Element, extra: dict[str, Any], *, wait: bool) -> Outcome:
        action = {"type": element.kind, "action_id": element.action_id, "block_id": element.block_id, **extra}

        async def act() -> AppResponse | None:
            return await self._use(action, self._values()) if element.sends_actions else None

        outcome = self._running.act(f"{what} in {self.place}", self._workspace, act, wait=wait)
        if outcome.responses and outcome.response.status == 404:
            raise NotThere(f"no listener is registered for {element.kind} {element.action_id!r}: add app.action(…)")
        return outcome

    def _elements(self) -> list[Element]:
        return elements_of(self.blocks)

    def _find_field(self, name: str, block: str | None) -> Element:
        fields = [each for each in self._elements() if each.kind not in BUTTONS]
        return find_element(fields, name, "field", self.place, block)

    def _kept(self) -> State:
        """Return what was chosen before in this surface."""
        return self._running.chosen.setdefault(self._key, {})

    def _values(self) -> State:
        """Return the values of all elements, as Slack sends them."""
        state: State = {}
        for each in self._elements():
            if each.kind not in BUTTONS and each.kind != "overflow":
                kept = self._kept().get(each.block_id, {}).get(each.action_id)
                same = kept is not None and kept["type"] == each.kind
                state.setdefault(each.block_id, {})[each.action_id] = kept if kept and same else each.initial()
        return state

    def _resolve(self, element: Element, chosen: str) -> Any:
        """Return the option or the id that a person means. Raises NotThere."""
        if "users" in element.kind:
            return self._running.names.person(chosen)
        if "channels" in element.kind or "conversations" in element.kind:
            return self._running.names.channel(self._workspace, chosen)
        options = self._offered(element, chosen) if "external" in element.kind else element.options
        for option in options:
            if chosen in (option.get("value"), option["text"]["text"]):
                return option
        raise NotThere(
            f"{element} has no option {chosen!r}; it has: {listed([each['text']['text'] for each in options])}"
        )

    def _offered(self, element: Element, typed: str) -> list[dict[str, Any]]:
        if "external" not in element.kind:
            return element.options
        names = {"action_id": element.action_id, "block_id": element.block_id}
        found: list[dict[str, Any]] = []

        async def ask() -> None:
            found.extend(await self._options(names, typed))

        self._running.act(f"type {typed!r} in {element}", self._workspace, ask, wait=True)
        if found and "options" in found[0]:
            return [option for group in found for option in group["options"]]
        return found
