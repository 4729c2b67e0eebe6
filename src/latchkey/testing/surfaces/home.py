"""A person's App Home."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any

from latchkey.simulator import AppResponse
from latchkey.simulator.model import OpenView
from latchkey.testing.errors import NotThere
from latchkey.testing.surfaces.elements import State
from latchkey.testing.surfaces.surface import Surface

if TYPE_CHECKING:
    from latchkey.testing.outcome import Outcome

__tracebackhide__ = True


class Home(Surface):
    """The App Home, as the app has published it for one person."""

    place = "the App Home"

    def open(self, *, wait: bool = True) -> Outcome:
        """Open it; returns what the app did."""
        people = self._running.slack.people
        outcome = self._running.act(
            "open the App Home", self._workspace, lambda: people.open_home(self._workspace), wait=wait
        )
        if not outcome.responses:
            outcome.note = "the app does not subscribe to app_home_opened"
        return outcome

    @property
    def is_published(self) -> bool:
        """Whether the app has published anything."""
        return self._found is not None

    @property
    def view(self) -> dict[str, Any]:
        """The view, as the app has published it. Raises NotThere if it has not."""
        return self._published.view

    @property
    def blocks(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.view.get("blocks") or []
        return found

    @property
    def _found(self) -> OpenView | None:
        return self._running.slack.world.home_views.get((self._workspace.team_id, self._workspace.user_id))

    @property
    def _published(self) -> OpenView:
        if self._found is None:
            raise NotThere(f"the app has published no App Home for {self._workspace.user_id}; open() lets it do so")
        return self._found

    @property
    def _key(self) -> str:
        return self._published.view_id

    def _use(self, action: dict[str, Any], values: State) -> Coroutine[Any, Any, AppResponse]:
        seen = self._published
        return self._running.slack.people.act_in_view(seen, action, values)

    def _options(self, element: dict[str, str], typed: str) -> Coroutine[Any, Any, list[dict[str, Any]]]:
        return self._running.slack.people.options(self._workspace, element, typed, opened=self._published)
