"""Handles clicks on the simulator's page: send a message, submit or close a form, remove the app."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from tornado.web import RequestHandler

from latchkey.simulator.model import OpenView, World
from latchkey.simulator.people import People
from latchkey.simulator.workspaces import SimulatedWorkspace


class ActionHandler(RequestHandler):
    """POST /do/<action>: does it as Alice, then redirects to the page."""

    def initialize(self, world: World, people: People) -> None:
        self.world = world
        self.people = people

    async def post(self, name: str) -> None:
        workspace = self.world.workspaces.get(self.get_body_argument("team", ""))
        if workspace is None:
            self.send_error(400)
            return
        opened = self.world.views.get(self.get_body_argument("view", ""))
        if name == "write":
            await self._write(workspace, self.get_body_argument("text", "").strip())
        elif name == "submit" and opened is not None:
            await self.people.submit(opened, self._values(opened))
        elif name == "close" and opened is not None:
            await self.people.close(opened)
        elif name == "click":
            action = {field: self.get_body_argument(field, "") for field in ("action_id", "block_id", "value")}
            await self.people.click(workspace, action)
        elif name == "uninstall":
            await self.people.uninstall(workspace)
        self.redirect("/?" + urlencode({"team": workspace.team_id}))

    async def _write(self, workspace: SimulatedWorkspace, text: str) -> None:
        if text.startswith("/"):
            command, _, rest = text.partition(" ")
            await self.people.command(workspace, command, rest.strip())
        elif text:
            await self.people.mention(workspace, text.removeprefix("@latchkey").strip())

    def _values(self, opened: OpenView) -> dict[str, dict[str, Any]]:
        """Return the form's values as Slack sends them, by block id and action id."""
        values: dict[str, dict[str, Any]] = {}
        for block in opened.view.get("blocks", ()):
            element = block.get("element")
            if block.get("type") == "input" and element:
                field = f"{block['block_id']}/{element['action_id']}"
                values[block["block_id"]] = {element["action_id"]: _value(element, self.get_body_argument(field, ""))}
        return values


def _value(element: dict[str, Any], text: str) -> dict[str, Any]:
    if element["type"] == "static_select":
        chosen = next((option for option in element.get("options", ()) if option["value"] == text), None)
        return {"type": "static_select", "selected_option": chosen}
    return {"type": element["type"], "value": text or None}
