"""The stand-in's own page: a conversation, the forms that are open, and how the app answered."""

from __future__ import annotations

from html import escape
from typing import Any
from urllib.parse import urlencode, urlsplit

from tornado.web import RequestHandler

from latchkey.simulator.html import header, page
from latchkey.simulator.model import Message, OpenView, Workspace, World
from latchkey.simulator.people import People

SHOWN = 30
"""Messages and answers shown, the latest ones."""


class HomeHandler(RequestHandler):
    """GET /?team=…: what Alice sees in that workspace."""

    def initialize(self, world: World) -> None:
        self.world = world

    def get(self) -> None:
        team_id = self.get_query_argument("team", "T0ACME")
        workspace = self.world.workspaces.get(team_id) or next(iter(self.world.workspaces.values()))
        self.finish(_home(self.world, workspace))


class ActionHandler(RequestHandler):
    """POST /do/<what>: one of Alice's clicks, then back to the page."""

    def initialize(self, world: World, people: People) -> None:
        self.world = world
        self.people = people

    async def post(self, what: str) -> None:
        workspace = self.world.workspaces.get(self.get_body_argument("team", ""))
        if workspace is None:
            self.send_error(400)
            return
        opened = self.world.views.get(self.get_body_argument("view", ""))
        if what == "write":
            await self._write(workspace, self.get_body_argument("text", "").strip())
        elif what == "submit" and opened is not None:
            await self.people.submit(opened, self._values(opened))
        elif what == "close" and opened is not None:
            await self.people.close(opened)
        elif what == "click":
            action = {name: self.get_body_argument(name, "") for name in ("action_id", "block_id", "value")}
            await self.people.click(workspace, action)
        elif what == "uninstall":
            await self.people.uninstall(workspace)
        self.redirect("/?" + urlencode({"team": workspace.team_id}))

    async def _write(self, workspace: Workspace, text: str) -> None:
        if text.startswith("/"):
            command, _, rest = text.partition(" ")
            await self.people.command(workspace, command, rest.strip())
        elif text:
            await self.people.mention(workspace, text.removeprefix("@latchkey").strip())

    def _values(self, opened: OpenView) -> dict[str, dict[str, Any]]:
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


def _home(world: World, workspace: Workspace) -> str:
    tabs = "".join(
        f'<a href="/?team={escape(team_id)}"{" aria-current=page" if team_id == workspace.team_id else ""}>{escape(other.name)}</a>'
        for team_id, other in world.workspaces.items()
    )
    return page(
        f"{workspace.name}: stand-in Slack",
        f"{header(f'<nav>{tabs}</nav>')}<main><div>{_forms(world, workspace)}{_conversation(world, workspace)}</div>"
        f"<div>{_app(world, workspace)}{_answers(world)}</div></main>",
    )


def _conversation(world: World, workspace: Workspace) -> str:
    shown = [message for message in world.messages if message.workspace == workspace][-SHOWN:]
    lines = "".join(_message(world, workspace, message) for message in shown)
    return (
        f"<section><h2># general</h2>{lines or '<p class=note>Nothing here yet.</p>'}"
        f'<form class="row" method="post" action="/do/write">{_hidden(workspace)}'
        '<input name="text" placeholder="@latchkey hello, or /open-modal" aria-label="Message" autofocus>'
        "<button>Send</button></form></section>"
    )


def _message(world: World, workspace: Workspace, message: Message) -> str:
    author = "latchkey" if message.author == world.bot_user_id(workspace) else "Alice"
    text = message.text.replace(f"<@{workspace.user_id}>", "@Alice")
    private = (
        f" <small>(only {'Alice' if author == 'latchkey' else 'you'} can see this)</small>" if message.only_for else ""
    )
    direct = " <small>(direct message)</small>" if message.channel.startswith("U") else ""
    buttons = "".join(
        _button(workspace, block, element)
        for block in message.blocks
        for element in [*block.get("elements", ()), *filter(None, [block.get("accessory")])]
        if element.get("type") == "button"
    )
    classes = "message private" if message.only_for else "message"
    return f'<div class="{classes}"><b>{author}</b>{escape(text)}{private}{direct}{buttons}</div>'


def _button(workspace: Workspace, block: dict[str, Any], element: dict[str, Any]) -> str:
    fields = {"action_id": element.get("action_id"), "block_id": block.get("block_id"), "value": element.get("value")}
    hidden = "".join(
        f'<input type="hidden" name="{name}" value="{escape(str(value or ""))}">' for name, value in fields.items()
    )
    label = escape(element.get("text", {}).get("text", "Button"))
    return f'<form method="post" action="/do/click">{_hidden(workspace)}{hidden}<button class="quiet">{label}</button></form>'


def _forms(world: World, workspace: Workspace) -> str:
    return "".join(_form(opened) for opened in world.views.values() if opened.workspace == workspace)


def _form(opened: OpenView) -> str:
    view = opened.view
    fields = "".join(_field(block, opened.errors) for block in view.get("blocks", ()))
    general = f'<p class="error">{escape(opened.errors[""])}</p>' if "" in opened.errors else ""
    submit = f"<button>{escape(view['submit']['text'])}</button>" if view.get("submit") else ""
    return (
        f'<section class="form"><h2>{escape(view["title"]["text"])}</h2><form method="post" action="/do/submit">'
        f'{_hidden(opened.workspace)}<input type="hidden" name="view" value="{escape(opened.view_id)}">{fields}{general}'
        f'<div class="actions">{submit}<button class="quiet" formaction="/do/close">Close</button></div></form></section>'
    )


def _field(block: dict[str, Any], errors: dict[str, str]) -> str:
    element = block.get("element", {})
    if block.get("type") != "input" or element.get("type") not in ("plain_text_input", "static_select"):
        text = block.get("text", {}).get("text")
        return f"<p>{escape(text)}</p>" if text else f'<p class="note">({escape(str(block.get("type")))} block)</p>'
    name = escape(f"{block['block_id']}/{element['action_id']}")
    if element["type"] == "static_select":
        options = "".join(
            f'<option value="{escape(option["value"])}">{escape(option["text"]["text"])}</option>'
            for option in element["options"]
        )
        control = f'<select id="{name}" name="{name}">{options}</select>'
    elif element.get("multiline"):
        control = f'<textarea id="{name}" name="{name}" rows="3"></textarea>'
    else:
        control = f'<input id="{name}" name="{name}">'
    error = errors.get(block["block_id"])
    shown = f'<p class="error">{escape(error)}</p>' if error else ""
    return f'<label for="{name}">{escape(block["label"]["text"])}</label>{control}{shown}'


def _app(world: World, workspace: Workspace) -> str:
    origin = urlsplit(world.app.events_url)
    install = f"{origin.scheme}://{origin.netloc}/slack/install?{urlencode({'team': workspace.team_id})}"
    if not world.is_installed(workspace):
        return (
            '<section style="margin-bottom:1rem"><h2>latchkey</h2><p class="note">is not in this workspace.</p>'
            f'<div class="actions"><a class="button" href="{escape(install)}">Install the app</a></div></section>'
        )
    return (
        '<section style="margin-bottom:1rem"><h2>latchkey</h2><p class="note">is in this workspace.</p>'
        f'<form class="actions" method="post" action="/do/uninstall">{_hidden(workspace)}'
        '<button class="quiet">Remove it from the workspace</button></form></section>'
    )


def _answers(world: World) -> str:
    rows = "".join(
        f"<tr><td>{escape(answer.what)}</td><td>{answer.status}</td><td>{answer.milliseconds:.0f} ms</td></tr>"
        for answer in reversed(world.answers[-SHOWN:])
    )
    return f"<section><h2>Sent to the app, and its answers</h2><table>{rows}</table></section>"


def _hidden(workspace: Workspace) -> str:
    return f'<input type="hidden" name="team" value="{escape(workspace.team_id)}">'
