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
INBOX = "inbox"
"""Events that were acknowledged together, one record for all of them."""
RETRIES = "retries"
"""Events that have been tried, each by itself."""
ASIDE = "aside"
"""Events whose listeners have failed for the last time."""
REPLAYS = "replays"
"""Events set aside that the administrator wants tried again; the server takes them from here."""
REMEMBERED = "remembered"
"""Which events are done or have a record of their own: ids without a value."""

EVENT_TABLES = (INBOX, RETRIES, ASIDE, REPLAYS, REMEMBERED)
TABLES = (META, INSTALLATIONS, BOTS, WORKSPACES, STATES, *EVENT_TABLES)
SEALED_TABLES = tuple(name for name in TABLES if name != REMEMBERED)
"""All but the ids without values."""
