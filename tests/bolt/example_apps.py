"""One Bolt app in both flavours. What its listeners see is appended to a list."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from slack_bolt import App, BoltResponse
from slack_bolt.async_app import AsyncApp


def sync_app(seen: list[str], **options: Any) -> App:  # noqa: C901  # one function for each way to register one
    app = App(signing_secret="other", token_verification_enabled=False, **{"token": "xoxb-own", **options})

    @app.middleware
    def mark(context: Any, next_: Any) -> None:
        context["marked"] = "marked"
        next_()

    @app.event("app_mention")
    def mention(event: Any, say: Any, context: Any) -> None:
        seen.append(f"mention {event['text']} {context['marked']} {context['attempt']}")
        if "fail" in event["text"] and context["attempt"] == 1:
            raise ValueError("fails at the first attempt")
        say(f"Hello <@{event['user']}>!")

    @app.event("reaction_added", matchers=[lambda event: event["reaction"] == "wave"])
    def wave() -> None:
        seen.append("wave")

    def refuse() -> BoltResponse:
        return BoltResponse(status=503, body="later")

    @app.event("team_join", middleware=[refuse])
    def join() -> None:
        seen.append("join")

    def lazily(context: Any) -> None:
        time.sleep(0.02)
        seen.append(f"lazy {context['attempt']} {context['marked']}")
        if context["attempt"] == 1:
            raise KeyError("lazy")

    def accept(ack: Any) -> None:
        ack("working")

    app.event("channel_created")(ack=accept, lazy=[lazily])

    @app.command("/hello")
    def hello(ack: Any, command: Any, client: Any) -> None:
        ack(text=f"hi {command['text']}", response_type="in_channel")
        client.chat_postMessage(channel=command["channel_id"], text="after ack")

    @app.command("/broken")
    def broken() -> None:
        raise RuntimeError("no")

    def teapot() -> BoltResponse:
        return BoltResponse(status=418, body="short and stout", headers={"X-Pot": "tea"})

    app.command("/teapot", middleware=[teapot])(accept)
    app.command("/lazy")(ack=accept, lazy=[lazily])

    @app.error
    def handle(error: Exception) -> None:
        seen.append(f"handled {type(error).__name__}")

    return app


def async_app(seen: list[str], **options: Any) -> AsyncApp:  # noqa: C901  # as above
    app = AsyncApp(signing_secret="other", **{"token": "xoxb-own", **options})

    @app.middleware
    async def mark(context: Any, next_: Any) -> None:
        context["marked"] = "marked"
        await next_()

    @app.event("app_mention")
    async def mention(event: Any, say: Any, context: Any) -> None:
        seen.append(f"mention {event['text']} {context['marked']} {context['attempt']}")
        if "fail" in event["text"] and context["attempt"] == 1:
            raise ValueError("fails at the first attempt")
        await say(f"Hello <@{event['user']}>!")

    async def is_wave(event: Any) -> bool:
        return bool(event["reaction"] == "wave")

    @app.event("reaction_added", matchers=[is_wave])
    async def wave() -> None:
        seen.append("wave")

    async def refuse() -> BoltResponse:
        return BoltResponse(status=503, body="later")

    @app.event("team_join", middleware=[refuse])
    async def join() -> None:
        seen.append("join")

    async def lazily(context: Any) -> None:
        await asyncio.sleep(0.02)
        seen.append(f"lazy {context['attempt']} {context['marked']}")
        if context["attempt"] == 1:
            raise KeyError("lazy")

    async def accept(ack: Any) -> None:
        await ack("working")

    app.event("channel_created")(ack=accept, lazy=[lazily])

    @app.command("/hello")
    async def hello(ack: Any, command: Any, client: Any) -> None:
        await ack(text=f"hi {command['text']}", response_type="in_channel")
        await client.chat_postMessage(channel=command["channel_id"], text="after ack")

    @app.command("/broken")
    async def broken() -> None:
        raise RuntimeError("no")

    async def teapot() -> BoltResponse:
        return BoltResponse(status=418, body="short and stout", headers={"X-Pot": "tea"})

    app.command("/teapot", middleware=[teapot])(accept)
    app.command("/lazy")(ack=accept, lazy=[lazily])

    @app.error
    async def handle(error: Exception) -> None:
        seen.append(f"handled {type(error).__name__}")

    return app
