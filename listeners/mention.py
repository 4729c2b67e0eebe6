"""An answer to `@app`: the shortest listener there is."""

from typing import Any


def register(app: Any) -> None:
    app.event("app_mention")(answer)


async def answer(event: dict[str, Any], say: Any) -> None:
    """Greet whoever mentioned the app, in the same thread where there is one."""
    await say(f"Hello <@{event['user']}>! Try the command /open-modal.", thread_ts=event.get("thread_ts"))
