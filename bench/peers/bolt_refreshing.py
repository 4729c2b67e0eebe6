"""Bolt's AsyncApp with slack_sdk's SQLite store and token rotation; REFRESHING names a file with its installations."""

import json
import logging
import os
from pathlib import Path

from aiohttp import web
from shared import API_URL, PORT, SIGNING_SECRET
from slack_bolt.async_app import AsyncApp
from slack_bolt.authorization.async_authorize import AsyncInstallationStoreAuthorize
from slack_sdk.oauth.installation_store import Installation
from slack_sdk.oauth.installation_store.sqlite3 import SQLite3InstallationStore
from slack_sdk.web.async_client import AsyncWebClient

logging.basicConfig(level=logging.CRITICAL)
store = SQLite3InstallationStore(
    database=str(Path(os.environ["FOLDER"]) / "installations.sqlite3"), client_id=os.environ["CLIENT_ID"]
)
store.init()
for fields in json.loads(Path(os.environ["REFRESHING"]).read_text()):
    store.save(Installation(**fields))
client = AsyncWebClient(base_url=API_URL)
authorize = AsyncInstallationStoreAuthorize(
    logger=logging.getLogger(__name__),
    installation_store=store,
    client_id=os.environ["CLIENT_ID"],
    client_secret=os.environ["CLIENT_SECRET"],
    client=client,
)
app = AsyncApp(signing_secret=SIGNING_SECRET, client=client, authorize=authorize)


@app.event("app_mention")
async def mention(event, client, context):
    if context.user_token:
        await AsyncWebClient(context.user_token, base_url=API_URL).auth_test()
    await client.chat_postMessage(channel=event["channel"], text=f"{event['user']} {bool(context.user_token)}")


web.run_app(app.web_app(path="/slack/events"), host="127.0.0.1", port=PORT, access_log=None, print=None)
