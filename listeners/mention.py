"""Replies when someone mentions the app: the shortest possible listener."""

from typing import Any


def register(app: Any) -> None:
    app.event("app_mention")(reply)


async def reply(event: dict[str, Any], say: Any) -> None:
    """Greet the person, in the same thread if there is one."""
    await say(f"Hello <@{event['user']}>! Try the command /open-modal.", thread_ts=event.get("thread_ts"))
