"""Listeners of each kind, about orders of drinks."""

import asyncio
from typing import Any


def text(words: str) -> dict[str, str]:
    return {"type": "plain_text", "text": words}


def field(block_id: str, element: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"type": "input", "block_id": block_id, "label": text(block_id.title()), "element": element, **more}


def option(words: str) -> dict[str, Any]:
    return {"text": text(words), "value": words.lower()}


def button(action_id: str, words: str, value: str = "") -> dict[str, Any]:
    return {"type": "button", "action_id": action_id, "text": text(words), "value": value or action_id}


SIZES = [option("Small"), option("Large")]
FORM = {
    "type": "modal",
    "callback_id": "order",
    "title": text("Order"),
    "submit": text("Send"),
    "blocks": [
        field("drink", {"type": "plain_text_input", "action_id": "name", "max_length": 20}),
        field("size", {"type": "static_select", "action_id": "size", "options": SIZES}, optional=True),
        field("extras", {"type": "checkboxes", "action_id": "extras", "options": [option("Milk"), option("Sugar")]}, optional=True),
        field("barista", {"type": "users_select", "action_id": "barista"}, optional=True),
        field("day", {"type": "datepicker", "action_id": "day", "initial_date": "2026-11-26"}, optional=True),
        field("cake", {"type": "external_select", "action_id": "cake", "min_query_length": 1}, optional=True),
    ],
}  # fmt: skip


def register(app: Any) -> None:
    @app.event("app_mention")
    async def greet(event: dict[str, Any], say: Any) -> None:
        if "fail" in event["text"]:
            raise ValueError("no tea left")
        await say(f"Hello <@{event['user']}>!", thread_ts=event.get("thread_ts"))

    @app.command("/order")
    async def open_form(ack: Any, client: Any, command: dict[str, Any]) -> None:
        await ack()
        await client.views_open(trigger_id=command["trigger_id"], view=FORM)

    @app.command("/slow")
    async def be_slow(ack: Any, say: Any) -> None:
        await ack("wait …")
        await asyncio.sleep(0.05)
        await say("done")

    @app.view("order")
    async def take_order(ack: Any, client: Any, view: dict[str, Any], body: dict[str, Any]) -> None:
        state = view["state"]["values"]
        drink = state["drink"]["name"]["value"]
        if drink == "beer":
            await ack(response_action="errors", errors={"drink": "Not here!"})
            return
        await ack()
        size = state["size"]["size"]["selected_option"]
        cake = state["cake"]["cake"]["selected_option"]
        parts = [
            drink,
            size["value"] if size else "any size",
            "+".join(each["value"] for each in state["extras"]["extras"]["selected_options"]),
            state["barista"]["barista"]["selected_user"] or "",
            state["day"]["day"]["selected_date"],
            cake["value"] if cake else "",
        ]
        buttons = {
            "type": "actions",
            "block_id": "decision",
            "elements": [button("approve", "Approve"), button("deny", "Deny")],
        }
        words = f"<@{body['user']['id']}> wants {', '.join(filter(None, parts))}"
        section = {"type": "section", "text": {"type": "mrkdwn", "text": words}}
        await client.chat_postMessage(channel="C0GENERAL", text=words, blocks=[section, buttons])

    @app.options("cake")
    async def cakes(ack: Any, payload: dict[str, Any]) -> None:
        known = ["Apple", "Almond", "Carrot"]
        await ack(options=[option(each) for each in known if each.lower().startswith(payload["value"].lower())])

    @app.action("approve")
    def approve(ack: Any, respond: Any, body: dict[str, Any]) -> None:
        ack()
        respond(text=f"Approved by <@{body['user']['id']}>", replace_original=True)

    @app.action("deny")
    async def deny(ack: Any, client: Any, body: dict[str, Any]) -> None:
        await ack()
        user, channel = body["user"]["id"], body["channel"]["id"]
        await client.chat_postEphemeral(channel=channel, user=user, text="Tell them why.")
