"""What this app does when somebody uses it in Slack. Change it, or add modules beside it."""


def register(app):
    """Connect the functions below to what Slack sends. The server calls this once, when it starts."""
    app.event("app_mention")(greet)
    app.command("/hello")(hello)


async def greet(event, say):
    """Answer "@app hi" in the same channel."""
    await say(f"Hello <@{event['user']}>!")


async def hello(ack, command):
    """Answer the command /hello. Slack waits three seconds for ack()."""
    await ack(f"Hello <@{command['user_id']}>! You wrote: {command.get('text') or 'nothing'}")
