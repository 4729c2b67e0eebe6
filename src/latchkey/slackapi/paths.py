"""Where Slack and browsers find this server: the paths behind its public URL."""

INSTALL_PATH = "/slack/install"
CALLBACK_PATH = "/slack/oauth/callback"
BOLT_CALLBACK_PATH = "/slack/oauth_redirect"
"""Bolt's own, so that an app that comes from Bolt needs no change at Slack."""
EVENTS_PATH = "/slack/events"
