"""A script beside Bolt: refreshes each person's installation, and prints how often it could not.

Usage: bolt_script.py DATABASE PERSON...
"""

import os
import sys

from slack_sdk.errors import SlackApiError, SlackTokenRotationError
from slack_sdk.oauth.installation_store.sqlite3 import SQLite3InstallationStore
from slack_sdk.oauth.token_rotation import TokenRotator
from slack_sdk.web import WebClient

database, *people = sys.argv[1:]
store = SQLite3InstallationStore(database=database, client_id=os.environ["CLIENT_ID"])
client = WebClient(base_url=os.environ["API_URL"])
rotator = TokenRotator(client_id=os.environ["CLIENT_ID"], client_secret=os.environ["CLIENT_SECRET"], client=client)
failures = 0
for person in people:
    try:
        installation = store.find_installation(enterprise_id=None, team_id="T0ACME", user_id=person)
        refreshed = rotator.perform_token_rotation(installation=installation)
        if refreshed is not None:
            store.save(refreshed)
        client.auth_test(token=(refreshed or installation).user_token)
    except (SlackApiError, SlackTokenRotationError):
        failures += 1
print(failures)
