"""Does what a person does on the page: writes, clicks, submits, reacts, and so on."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from latchkey.simulator.model import Message, OpenView, World
from latchkey.simulator.pages.client.faults import FaultActions
from latchkey.simulator.pages.guard import GuardedHandler
from latchkey.simulator.people import People
from latchkey.simulator.workspaces import SimulatedWorkspace

_NAMES = re.compile(r"(?<![\w<])([@#])([\w.-]*\w)")


class Refused(Exception):
    """The page asked for something that no longer exists; the message says what."""


class ActionHandler(GuardedHandler):
    """POST /page/act: a JSON object with `do`, `team`, `user`, `channel` and the action's own fields."""

    def initialize(self, world: World, people: People, faults: FaultActions) -> None:
        self.world = world
        self.people = people
        self.faults = faults

    async def post(self) -> None:
        # A form of another site cannot send this type without asking first.
        if not self.request.headers.get("Content-Type", "").startswith("application/json"):
            self.send_error(415)
            return
        try:
            wanted = json.loads(self.request.body)
            actions = Actions(self.world, self.people, wanted)
            found = actions.table().get(wanted["do"]) or self.faults.table(actions.workspace, wanted).get(wanted["do"])
            if found is None:
                raise Refused(f"no action {wanted['do']!r}")
            self.finish({"ok": True, **(await found() or {})})
        except Refused as refused:
            self.finish({"ok": False, "error": str(refused)})
        except (KeyError, ValueError, TypeError) as error:
            self.set_status(400)
            self.finish({"ok": False, "error": f"bad request: {type(error).__name__}"})


class Actions:
    """The actions of one person in one conversation."""

    def __init__(self, world: World, people: People, wanted: Mapping[str, Any]) -> None:
        self.world = world
        self.people = people
        self.wanted = wanted
        self.workspace: SimulatedWorkspace = world.workspaces[wanted["team"]].seen_by(
            wanted["user"], wanted.get("channel") or "C0GENERAL"
        )

    def table(self) -> dict[str, Callable[[], Awaitable[dict[str, Any] | None]]]:
        """Return the actions by name."""
        return {
            "write": self.write,
            "click": self.click,
            "view_action": self.view_action,
            "submit": self.submit,
            "close": self.close,
            "shortcut": self.shortcut,
            "message_shortcut": self.message_shortcut,
            "react": self.react,
            "open": self.open,
            "start_thread": self.start_thread,
            "stop": self.stop,
            "options": self.options,
            "uninstall": self.uninstall,
        }

    async def write(self) -> None:
        """Send what is in the composer: a command, or a message in which names become mentions."""
        text, thread_ts = str(self.wanted["text"]).strip(), str(self.wanted.get("thread_ts") or "")
        if text.startswith("/") and not thread_ts:
            command, _, rest = text.partition(" ")
            if self._check_command(command):
                await self.people.command(self.workspace, command, rest.strip())
        elif text:
            marked_up = self._marked_up(text)
            sent = await self.people.say(self.workspace, marked_up, thread_ts)
            if not sent:
                self._explain_silence(marked_up, thread_ts)

    async def click(self) -> None:
        if self._check_installed("Nothing happened: the app is no longer in this workspace."):
            message = self._message()
            await self.people.click(self.workspace, self.wanted["action"], message, self.wanted.get("values"))

    async def view_action(self) -> dict[str, Any]:
        response = await self.people.act_in_view(self._view(), self.wanted["action"], self.wanted["values"])
        return {"error_code": response.error}

    async def submit(self) -> dict[str, Any]:
        response = await self.people.submit(self._view(), self.wanted["values"])
        return {"error_code": response.error}

    async def close(self) -> None:
        await self.people.close(self._view(), is_cleared=bool(self.wanted.get("all")))

    async def shortcut(self) -> None:
        if self._check_installed("The app is not in this workspace, so it has no shortcuts."):
            response = await self.people.shortcut(self.workspace, str(self.wanted["callback_id"]))
            self._show_failure("The shortcut", response.error)

    async def message_shortcut(self) -> None:
        if self._check_installed("The app is not in this workspace, so it has no shortcuts."):
            message, name = self._message(), str(self.wanted["callback_id"])
            response = await self.people.message_shortcut(self.workspace, name, message)
            self._show_failure("The shortcut", response.error)

    async def react(self) -> None:
        await self.people.react(self.workspace, self._message(), str(self.wanted["name"]))

    async def open(self) -> None:
        """Open a tab of the app."""
        await self.people.open_home(self.workspace, str(self.wanted["tab"]))

    async def start_thread(self) -> dict[str, Any]:
        return {"ts": (await self.people.start_thread(self.workspace)).ts}

    async def stop(self) -> None:
        await self.people.stop_agent(self.workspace, self.workspace.channel_id, str(self.wanted["thread_ts"]))

    async def options(self) -> dict[str, Any]:
        """Ask the app for the options of a menu."""
        element = {name: str(self.wanted[name]) for name in ("action_id", "block_id")}
        view = self._view() if self.wanted.get("view") else None
        message = self._message() if view is None else None
        typed = str(self.wanted.get("typed", ""))
        return {"options": await self.people.options(self.workspace, element, typed, message=message, opened=view)}

    async def uninstall(self) -> None:
        await self.people.uninstall(self.workspace)
        self.world.changes.add("state", {})

    def _marked_up(self, text: str) -> str:
        """Return a text as Slack sends it: escaped, with ids in place of names."""
        ids = {person.name: f"<@{person.user_id}>" for person in self.world.directory.people.values()}
        ids[self.world.app.name.lower().replace(" ", "")] = f"<@{self.world.bot_user_id(self.workspace)}>"
        channels = {
            channel.name: f"<#{channel.channel_id}|{channel.name}>"
            for channel in self.world.directory.channels(self.workspace).values()
            if channel.kind == "channel"
        }

        def replaced(match: re.Match[str]) -> str:
            return (ids if match[1] == "@" else channels).get(match[2].lower(), match[0])

        return _NAMES.sub(replaced, html.escape(text, quote=False))

    def _check_installed(self, otherwise: str) -> bool:
        """Return whether the app is in the workspace; if it is not, say so."""
        if self.world.is_installed(self.workspace):
            return True
        self._show(otherwise)
        return False

    def _check_command(self, command: str) -> bool:
        """Return whether Slack sends this command to the app; if it does not, say so."""
        if not self._check_installed(f"{command} is not a command: the app is not in this workspace."):
            return False
        known = (self.world.manifest.get("features") or {}).get("slash_commands") or []
        if not self.world.manifest or any(each.get("command") == command for each in known):
            return True
        self._show(f"{command} is not a command: the app's manifest does not have it.")
        return False

    def _explain_silence(self, text: str, thread_ts: str) -> None:
        """Say why the app gets nothing of what was written to it."""
        if self.workspace.channel_id.startswith("D"):
            event = "message.im"
        elif f"<@{self.world.bot_user_id(self.workspace)}>" in text:
            event = "app_mention"
        else:
            return
        is_installed = self.world.is_installed(self.workspace)
        reason = f"does not subscribe to {event}" if is_installed else "is not in this workspace"
        self._show(f"Slack does not send this to the app, because it {reason}.", thread_ts)

    def _show_failure(self, what: str, error: str) -> None:
        if error:
            self._show(f"{what} failed with the error “{error}”")

    def _show(self, text: str, thread_ts: str = "") -> None:
        """Show a message that only this person sees."""
        self.people.show(self.workspace, self.workspace.channel_id, {"text": text, "thread_ts": thread_ts})

    def _message(self) -> Message:
        message = self.world.find(self.workspace, self.workspace.channel_id, str(self.wanted["ts"]))
        if message is None:
            raise Refused("this message no longer exists")
        return message

    def _view(self) -> OpenView:
        name = self.wanted["view"]
        home = self.world.home_views.get((self.workspace.team_id, self.workspace.user_id))
        found = home if name == "home" else self.world.views.get(name)
        if found is None:
            raise Refused("this form is no longer open")
        return found
