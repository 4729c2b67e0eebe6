"""The simulator's own page: a conversation, the open forms, and how the app responded."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, NamedTuple
from urllib.parse import urlencode, urlsplit

from latchkey.simulator.model import Message, OpenView, World
from latchkey.simulator.pages.page_handler import PageHandler
from latchkey.simulator.workspaces import SimulatedWorkspace

MAX_ROWS = 30
"""Messages, and responses, on the page: the latest ones."""


class ConversationHandler(PageHandler):
    """GET /?team=…: what Alice sees in that workspace."""

    def get(self) -> None:
        world = self.world
        workspace = world.workspaces.get(self.get_query_argument("team", "T0ACME")) or world.workspaces["T0ACME"]
        messages = [message for message in world.messages if message.workspace == workspace]
        self.render(
            "home.html",
            workspace=workspace,
            workspaces=world.workspaces.values(),
            forms=[_form(opened) for opened in world.views.values() if opened.workspace == workspace],
            messages=[_message(world, workspace, message) for message in messages[-MAX_ROWS:]],
            is_installed=world.is_installed(workspace),
            install_url=_install_url(world, workspace),
            responses=world.responses[: -MAX_ROWS - 1 : -1],
        )


class _Button(NamedTuple):
    label: str
    action_id: str
    block_id: str
    value: str


class _Message(NamedTuple):
    author: str
    text: str
    note: str
    """For example "only you can see this"; empty if everyone can."""
    is_direct: bool
    buttons: list[_Button]


class _Field(NamedTuple):
    kind: Literal["input", "multiline", "select", "text", "unsupported"]
    label: str
    name: str = ""
    options: Sequence[tuple[str, str]] = ()
    """Value and text of each."""
    error: str | None = None


class _Form(NamedTuple):
    view_id: str
    title: str
    submit: str | None
    """The button's text; None: no button."""
    error: str | None
    fields: list[_Field]
    focus: str
    """The name of the field to write in: the first one with an error, else the first one; empty if there is none."""


def _message(world: World, workspace: SimulatedWorkspace, message: Message) -> _Message:
    from_app = message.author == world.bot_user_id(workspace)
    note = f"only {'Alice' if from_app else 'you'} can see this" if message.only_for else ""
    return _Message(
        author="latchkey" if from_app else "Alice",
        text=message.text.replace(f"<@{workspace.user_id}>", "@Alice"),
        note=note,
        is_direct=message.channel.startswith("U"),
        buttons=[
            _button(block, element)
            for block in message.blocks
            for element in [*block.get("elements", ()), *filter(None, [block.get("accessory")])]
            if element.get("type") == "button"
        ],
    )


def _button(block: dict[str, Any], element: dict[str, Any]) -> _Button:
    return _Button(
        label=element.get("text", {}).get("text", "Button"),
        action_id=element.get("action_id") or "",
        block_id=block.get("block_id") or "",
        value=element.get("value") or "",
    )


def _form(opened: OpenView) -> _Form:
    view = opened.view
    fields = [_field(block, opened.errors) for block in view.get("blocks", ())]
    inputs = [field for field in fields if field.name]
    return _Form(
        view_id=opened.view_id,
        title=view["title"]["text"],
        submit=view["submit"]["text"] if view.get("submit") else None,
        error=opened.errors.get(""),
        fields=fields,
        focus=next((field.name for field in sorted(inputs, key=lambda field: not field.error)), ""),
    )


def _field(block: dict[str, Any], errors: dict[str, str]) -> _Field:
    element = block.get("element", {})
    if block.get("type") != "input" or element.get("type") not in ("plain_text_input", "static_select"):
        text = block.get("text", {}).get("text")
        return _Field("text", text) if text else _Field("unsupported", str(block.get("type")))
    label, name = block["label"]["text"], f"{block['block_id']}/{element['action_id']}"
    error = errors.get(block["block_id"])
    if element["type"] == "static_select":
        options = [(option["value"], option["text"]["text"]) for option in element["options"]]
        return _Field("select", label, name, options, error)
    return _Field("multiline" if element.get("multiline") else "input", label, name, error=error)


def _install_url(world: World, workspace: SimulatedWorkspace) -> str:
    server = urlsplit(world.app.events_url)
    return f"{server.scheme}://{server.netloc}/slack/install?{urlencode({'team': workspace.team_id})}"
