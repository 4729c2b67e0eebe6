"""The command /new-listener opens a form; submitting the form sends a message to the person."""

FORM = {
    "type": "modal",
    "callback_id": "new_listener",
    "title": {"type": "plain_text", "text": "new_listener"},
    "submit": {"type": "plain_text", "text": "Send"},
    "blocks": [
        {
            "type": "input",
            "block_id": "answer",
            "label": {"type": "plain_text", "text": "What is your name?"},
            "element": {"type": "plain_text_input", "action_id": "text"},
        }
    ],
}


def register(app):
    app.command("/new-listener")(open_form)
    app.view("new_listener")(submit)


async def open_form(ack, client, command):
    """Open a form."""
    # First, because Slack accepts a trigger id for three seconds only.
    await client.views_open(trigger_id=command["trigger_id"], view=FORM)
    await ack()


async def submit(ack, body, client, view):
    """Refuse a name that is too short, or close the form and greet the person."""
    name = view["state"]["values"]["answer"]["text"]["value"].strip()
    if len(name) < 2:
        await ack(response_action="errors", errors={"answer": "Type at least two letters."})
        return
    await ack()
    await client.chat_postMessage(channel=body["user"]["id"], text=f"Hello {name}!")
