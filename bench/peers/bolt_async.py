"""Bolt's AsyncApp with slack_sdk's SQLite store and cached `authorize`, on `aiohttp` (its own server) or `tornado`."""

import asyncio
import logging
import sys

from aiohttp import web
from shared import API_URL, COMMAND, PORT, SIGNING_SECRET, installation_store
from slack_bolt.adapter.tornado.async_handler import AsyncSlackEventsHandler
from slack_bolt.async_app import AsyncApp
from slack_bolt.oauth.async_oauth_settings import AsyncOAuthSettings
from slack_sdk.web.async_client import AsyncWebClient
from tornado.web import Application

logging.basicConfig(level=logging.ERROR)


def make_app() -> AsyncApp:
    settings = AsyncOAuthSettings(
        client_id="1.2",
        client_secret="bench",
        scopes=["chat:write", "commands"],
        installation_store=installation_store(),
        installation_store_bot_only=True,
    )
    app = AsyncApp(signing_secret=SIGNING_SECRET, client=AsyncWebClient(base_url=API_URL), oauth_settings=settings)
    # Without the cache, Bolt calls auth.test for every request.
    app._async_authorize.cache_enabled = True

    @app.event("app_mention")
    async def mention(event, context):
        pass

    @app.command(COMMAND)
    async def hello(ack, command):
        await ack("hello " + command["text"])

    return app


async def serve_on_tornado() -> None:
    handler = ("/slack/events", AsyncSlackEventsHandler, {"app": make_app()})
    Application([handler], log_function=lambda handler: None).listen(PORT, "127.0.0.1")
    await asyncio.Event().wait()


if sys.argv[1] == "tornado":
    asyncio.run(serve_on_tornado())
else:
    server = make_app().web_app(path="/slack/events")
    web.run_app(server, host="127.0.0.1", port=PORT, access_log=None, print=None)
