"""The names of people, conversations and workspaces in the simulated Slack, and the ids that Slack uses for them."""

from __future__ import annotations

from latchkey.simulator import SimulatedWorkspace
from latchkey.simulator.model import World
from latchkey.testing.errors import NotThere, listed

__tracebackhide__ = True

DIRECT = "direct messages"


class Names:
    """Finds ids by names, and names by ids."""

    def __init__(self, world: World) -> None:
        self._world = world

    def person(self, name: str) -> str:
        """Return the id of the person with this name or id. Raises NotThere."""
        people = self._world.directory.people
        for person in people.values():
            if name.removeprefix("@").casefold() in (
                person.name,
                person.user_id.casefold(),
                person.real_name.casefold(),
            ):
                return person.user_id
        raise NotThere(f"there is nobody called {name!r}; there are: {listed([each.name for each in people.values()])}")

    def workspace(self, name: str) -> SimulatedWorkspace:
        """Return the workspace with this name or id. Raises NotThere."""
        found = self._world.workspaces.values()
        for workspace in found:
            if name in (workspace.team_id, workspace.name):
                return workspace
        raise NotThere(f"there is no workspace {name!r}; there are: {listed([each.name for each in found])}")

    def channel(self, workspace: SimulatedWorkspace, name: str) -> str:
        """Return the id of a conversation; an unknown one is added."""
        return self._world.directory.channel(workspace, name).channel_id

    def name_of(self, workspace: SimulatedWorkspace, user_id: str) -> str:
        """Return the name of a person, or "app"."""
        if user_id == self._world.bot_user_id(workspace):
            return "app"
        return self._world.directory.user_name(user_id)

    def channel_name(self, workspace: SimulatedWorkspace, channel_id: str) -> str:
        """Return "#general", or "direct messages"."""
        channel = self._world.directory.channel(workspace, channel_id)
        return DIRECT if channel.kind == "im" else f"#{channel.name}"

    def place(self, workspace: SimulatedWorkspace) -> str:
        """Return who acts where, such as "alice in #general of Acme"."""
        name = self.name_of(workspace, workspace.user_id)
        return f"{name} in {self.channel_name(workspace, workspace.channel_id)} of {workspace.name}"
