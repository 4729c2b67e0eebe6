"""Listeners for what people use besides commands: menus, App Homes, shortcuts, threads, agents."""

import asyncio
from typing import Any

from tests.testing.orders import button, field, option, text

MENU = {
    "type": "actions",
    "block_id": "menus",
    "elements": [
        {"type": "static_select", "action_id": "size", "options": [option("Small"), option("Large")]},
        {"type": "datepicker", "action_id": "day"},
        {"type": "multi_users_select", "action_id": "people"},
        {"type": "overflow", "action_id": "more", "options": [option("Delete")]},
    ],
}
ROWS = [
    {"type": "section", "block_id": f"row-{name}", "text": text(name), "accessory": button("open", "Open", name)}
    for name in ("one", "two")
]
STEP = {"type": "modal", "callback_id": "step", "title": text("First"), "submit": text("Next"), "blocks": [
    field("name", {"type": "plain_text_input", "action_id": "name"}, dispatch_action=True),
]}  # fmt: skip


def register(app: Any) -> None:
    register_menus(app)
    register_forms(app)
    register_messages(app)
    register_agent(app)


def register_menus(app: Any) -> None:
    @app.message("menu")
    async def show_menu(say: Any) -> None:
        await say(text="menu", blocks=[MENU, *ROWS])

    @app.action("size")
    @app.action("day")
    @app.action("people")
    @app.action("more")
    async def chosen(ack: Any, action: dict[str, Any], body: dict[str, Any], say: Any) -> None:
        await ack()
        found = action.get("selected_option") or {}
        value = found.get("value") or action.get("selected_date") or action.get("selected_users")
        size = body["state"]["values"]["menus"]["size"]["selected_option"]
        await say(f"{action['action_id']}: {value}, size {size and size['value']}")

    @app.action("open")
    async def open_row(ack: Any, action: dict[str, Any], say: Any) -> None:
        await ack()
        await say(f"row {action['value']} in {action['block_id']}")


def register_forms(app: Any) -> None:
    @app.event("app_home_opened")
    async def show_home(client: Any, event: dict[str, Any]) -> None:
        blocks = [{"type": "actions", "elements": [button("step", "Begin")]}]
        await client.views_publish(user_id=event["user"], view={"type": "home", "blocks": blocks})

    @app.action("step")
    async def begin(ack: Any, body: dict[str, Any], client: Any) -> None:
        await ack()
        await client.views_open(trigger_id=body["trigger_id"], view=STEP)

    @app.action("name")
    async def typed(ack: Any, body: dict[str, Any], client: Any, action: dict[str, Any]) -> None:
        await ack()
        view = {**STEP, "title": text(action["value"])}
        await client.views_update(view_id=body["view"]["id"], view=view)

    @app.view("step")
    async def push(ack: Any) -> None:
        await ack(
            response_action="push",
            view={**STEP, "callback_id": "last", "title": text("Second"), "notify_on_close": True},
        )

    @app.view("last")
    async def clear(ack: Any) -> None:
        await ack(response_action="clear")

    @app.view({"type": "view_closed", "callback_id": "last"})
    async def closed(ack: Any, client: Any, body: dict[str, Any]) -> None:
        await ack()
        await client.chat_postMessage(channel=body["user"]["id"], text="closed")


def register_messages(app: Any) -> None:
    @app.message_shortcut("translate")
    async def translate(ack: Any, respond: Any, payload: dict[str, Any]) -> None:
        await ack()
        await respond(payload["message"]["text"].upper())

    @app.event("reaction_added")
    async def thank(say: Any, event: dict[str, Any]) -> None:
        await say(f"thanks for :{event['reaction']}:", thread_ts=event["item"]["ts"], channel=event["item"]["channel"])

    @app.event("member_joined_channel")
    async def welcome(say: Any, event: dict[str, Any]) -> None:
        await say(f"Welcome <@{event['user']}>!")


def register_agent(app: Any) -> None:
    stopped: dict[str, asyncio.Event] = {}

    @app.message("work")
    async def work(event: dict[str, Any], say_stream: Any) -> None:
        end = stopped.setdefault(event["ts"], asyncio.Event())
        stream = await say_stream(buffer_size=1)
        await stream.append(markdown_text="working")
        await end.wait()

    @app.event("agent_session_stopped")
    async def stop(event: dict[str, Any]) -> None:
        stopped[event["thread_ts"]].set()
