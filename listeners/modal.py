"""`/open-modal` opens a form; submitting the form posts a message.

A trigger id expires after three seconds, so the form is opened before anything else. The command is
acknowledged afterwards, with an error message if Slack refused the form.
"""

from typing import Any

from slack_sdk.errors import SlackApiError

MODAL = {
    "type": "modal",
    "callback_id": "modal-id",
    "title": {"type": "plain_text", "text": "Awesome Modal"},
    "submit": {"type": "plain_text", "text": "Submit"},
    "blocks": [
        {
            "type": "input",
            "block_id": "b-id",
            "label": {"type": "plain_text", "text": "Input label"},
            "element": {"type": "plain_text_input", "action_id": "a-id"},
        }
    ],
}


def register(app: Any) -> None:
    app.command("/open-modal")(open_modal)
    app.view("modal-id")(handle_submission)


async def open_modal(ack: Any, client: Any, command: dict[str, Any]) -> None:
    """Open the form, or reply with Slack's error."""
    try:
        await client.views_open(trigger_id=command["trigger_id"], view=MODAL)
    except SlackApiError as error:
        await ack(f"Failed to open a modal due to {error.response['error']}")
    else:
        await ack()


async def handle_submission(ack: Any, client: Any, view: dict[str, Any], body: dict[str, Any]) -> None:
    """Close the form and send its author the submitted text, which is never logged."""
    await ack()
    typed = view["state"]["values"]["b-id"]["a-id"]["value"]
    await client.chat_postMessage(channel=body["user"]["id"], text=f"You wrote: {typed}")
