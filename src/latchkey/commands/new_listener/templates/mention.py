"""Answers people who mention the app."""


def register(app):
    app.event("app_mention")(reply)


async def reply(event, say):
    """Answer "@app hi" in the same channel."""
    await say(f"Hello <@{event['user']}>!")
