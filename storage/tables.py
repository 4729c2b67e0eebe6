"""The tables of the store, and the version of its format."""

FORMAT_VERSION = 1
FORMAT = "format"
"""The meta record that a new store begins with; opening it shows that the keyring fits."""

META = "meta"
INSTALLATIONS = "installations"
"""One record an installer of a workspace: all of slack_sdk's Installation but the bot's half."""
BOTS = "bots"
"""One record a workspace: the latest bot."""
WORKSPACES = "workspaces"
"""One record a workspace: whose installation is its latest."""
STATES = "states"
UNDOS = "undos"
"""Refused installations that must be undone at Slack."""
INBOX = "inbox"
"""Waiting events: those that were accepted together are one record."""
RETRIES = "retries"
"""Events that are retried, each with a record of its own."""
FAILED = "aside"
"""Events whose listeners failed at the last attempt."""
REPLAYS = "replays"
"""Failed events that an operator wants to run again, and events of new installations. The server takes both."""
SEEN_IDS = "remembered"
"""Ids of the events that are done or have a record of their own; the records have no value."""
REFRESHES = "refreshes"
"""One record for each token whose refresh is in progress, has failed, or is given up."""
EXPIRIES = "expiries"
"""The tokens that expire, by time: the id of a row has both, its value is nothing."""

EVENT_TABLES = (INBOX, RETRIES, FAILED, REPLAYS, SEEN_IDS)
TABLES = (META, INSTALLATIONS, BOTS, WORKSPACES, STATES, UNDOS, REFRESHES, EXPIRIES, *EVENT_TABLES)
SEALED_TABLES = tuple(name for name in TABLES if name != SEEN_IDS)
"""All but the ids without values."""
