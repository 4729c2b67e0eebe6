"""A Flask app after slack_sdk's guide to OAuth: verify, find the bot, respond."""

import json

from flask import Flask, Response, request
from shared import SIGNING_SECRET, installation_store
from slack_sdk.signature import SignatureVerifier

app = Flask(__name__)
verifier = SignatureVerifier(SIGNING_SECRET)
store = installation_store()


@app.post("/slack/events")
def events() -> Response:
    body = request.get_data()
    if not verifier.is_valid_request(body, dict(request.headers)):
        return Response("invalid request", 403)
    is_command = request.mimetype == "application/x-www-form-urlencoded"
    payload = request.form if is_command else json.loads(body)
    if store.find_bot(enterprise_id=None, team_id=payload["team_id"]) is None:
        return Response("Please install this app first!", 200)
    return Response("hello " + payload["text"] if is_command else "", 200)
