"""Bolt's App, whose listeners run in threads, on Tornado, with slack_sdk's SQLite store and cached `authorize`."""

import asyncio
import logging

from shared import API_URL, COMMAND, PORT, SIGNING_SECRET, installation_store
from slack_bolt import App
from slack_bolt.adapter.tornado import SlackEventsHandler
from slack_bolt.oauth.oauth_settings import OAuthSettings
from slack_sdk import WebClient
from tornado.web import Application

logging.basicConfig(level=logging.ERROR)

settings = OAuthSettings(
    client_id="1.2",
    client_secret="bench",
    scopes=["chat:write", "commands"],
    installation_store=installation_store(),
    installation_store_bot_only=True,
)
app = App(signing_secret=SIGNING_SECRET, client=WebClient(base_url=API_URL), oauth_settings=settings)
app._authorize.cache_enabled = True


@app.event("app_mention")
def mention(event, context):
    pass


@app.command(COMMAND)
def hello(ack, command):
    ack("hello " + command["text"])


async def main() -> None:
    handler = ("/slack/events", SlackEventsHandler, {"app": app})
    Application([handler], log_function=lambda handler: None).listen(PORT, "127.0.0.1")
    await asyncio.Event().wait()


asyncio.run(main())
