"""An app with one listener of each kind, for the simulator's page: it is copied beside a server's configuration."""

import asyncio
import contextlib
from typing import Any

from slack_sdk.errors import SlackApiError


def text(value: str) -> dict[str, str]:
    return {"type": "plain_text", "text": value}


def option(value: str) -> dict[str, Any]:
    return {"value": value, "text": text(value.title())}


ORDER = {
    "type": "modal",
    "callback_id": "order",
    "title": text("Order an umbrella"),
    "submit": text("Order"),
    "close": text("Not now"),
    "notify_on_close": True,
    "blocks": [
        {"type": "section", "text": {"type": "mrkdwn", "text": "We deliver *tomorrow*, wherever it rains."}},
        {"type": "input", "block_id": "name", "label": text("Name"), "element": {"type": "plain_text_input", "action_id": "a"}},
        {"type": "input", "block_id": "color", "label": text("Color"), "element": {"type": "static_select", "action_id": "a", "options": [option("red"), option("blue")]}},
        {"type": "input", "block_id": "city", "label": text("City"), "optional": True, "element": {"type": "external_select", "action_id": "city", "min_query_length": 1}},
        {"type": "input", "block_id": "day", "label": text("Day"), "optional": True, "element": {"type": "datepicker", "action_id": "a"}},
        {"type": "input", "block_id": "extras", "label": text("Extras"), "optional": True, "element": {"type": "checkboxes", "action_id": "a", "options": [option("gift wrap"), option("engraving")]}},
    ],
}  # fmt: skip
HOME = {
    "type": "home",
    "blocks": [
        {"type": "header", "text": text("Your umbrellas")},
        {"type": "section", "text": {"type": "mrkdwn", "text": "*Red*, bought today"}, "accessory": {"type": "button", "action_id": "dry", "text": text("Dry it")}},
    ],
}  # fmt: skip
APPROVAL = [
    {"type": "section", "text": {"type": "mrkdwn", "text": "*Ada* asks for _two days_ off. :sunny:"}},
    {
        "type": "actions",
        "block_id": "decision",
        "elements": [
            {"type": "button", "action_id": "approve", "value": "1", "style": "primary", "text": text("Approve")},
            {"type": "button", "action_id": "deny", "style": "danger", "text": text("Deny")},
        ],
    },
]


def register(app: Any) -> None:
    register_conversation(app)
    register_form(app)
    register_home(app)
    register_agent(app)


def register_conversation(app: Any) -> None:
    @app.event("app_mention")
    async def mentioned(event: dict[str, Any], say: Any) -> None:
        await say(f"Hello <@{event['user']}>! Try `/order`.")

    @app.command("/approve")
    async def ask(ack: Any) -> None:
        await ack(response_type="in_channel", text="A request", blocks=APPROVAL)

    @app.action("approve")
    async def approve(ack: Any, respond: Any, body: dict[str, Any]) -> None:
        await ack()
        await respond(replace_original=True, text=f"Approved by <@{body['user']['id']}>")


def register_form(app: Any) -> None:
    @app.command("/order")
    async def order(ack: Any, client: Any, body: dict[str, Any]) -> None:
        await client.views_open(trigger_id=body["trigger_id"], view=ORDER)
        await ack()

    @app.options("city")
    async def cities(ack: Any, payload: dict[str, Any]) -> None:
        await ack(options=[option(name) for name in ("berlin", "bern", "oslo") if name.startswith(payload["value"])])

    @app.view("order")
    async def ordered(ack: Any, view: dict[str, Any], body: dict[str, Any], client: Any) -> None:
        values = view["state"]["values"]
        if values["color"]["a"]["selected_option"]["value"] == "red":
            await ack(response_action="errors", errors={"color": "Red is sold out."})
            return
        await ack()
        city = values["city"]["city"]["selected_option"]
        text = f"Ordered for {values['name']['a']['value']}, to {city['value'] if city else 'nowhere'}."
        await client.chat_postMessage(channel=body["user"]["id"], text=text)


def register_home(app: Any) -> None:
    @app.event("app_home_opened")
    async def opened(event: dict[str, Any], client: Any) -> None:
        if event["tab"] == "home":
            await client.views_publish(user_id=event["user"], view=HOME)

    @app.action("dry")
    async def dry(ack: Any, client: Any, body: dict[str, Any]) -> None:
        await ack()
        blocks = [*HOME["blocks"], {"type": "context", "elements": [text("It is dry now.")]}]  # type: ignore[misc]
        await client.views_publish(user_id=body["user"]["id"], view={**HOME, "blocks": blocks})


def register_agent(app: Any) -> None:
    stopped: set[str] = set()

    @app.message("agent")
    async def work(event: dict[str, Any], client: Any) -> None:
        channel, thread = event["channel"], event["ts"]
        session = {"channel_id": channel, "thread_ts": thread}
        await client.assistant_threads_setSuggestedPrompts(**session, prompts=[{"title": "Go on", "message": "go on"}])
        await client.api_call("agents.sessions.setStatus", params={**session, "status": "processing"})
        stream = await client.chat_startStream(channel=channel, thread_ts=thread, markdown_text="**Working**")
        with contextlib.suppress(SlackApiError):  # Slack has ended the stream
            while thread not in stopped:
                await client.chat_appendStream(channel=channel, ts=stream["ts"], markdown_text=" drop")
                await asyncio.sleep(0.05)
        await client.api_call("agents.sessions.setStatus", params={**session, "status": "active"})
        await client.chat_postMessage(channel=channel, thread_ts=thread, text="I have stopped.")

    @app.event("agent_session_stopped")
    async def stop(event: dict[str, Any]) -> None:
        stopped.add(event["thread_ts"])
