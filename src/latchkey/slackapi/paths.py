"""The paths below the public URL at which Slack and browsers reach this server."""

INSTALL_PATH = "/slack/install"
CALLBACK_PATH = "/slack/oauth/callback"
BOLT_CALLBACK_PATH = "/slack/oauth_redirect"
"""Bolt's callback path, so that an app moved here from Bolt needs no change at Slack."""
INSTALLED_PATH = "/slack/installed"
EVENTS_PATH = "/slack/events"
