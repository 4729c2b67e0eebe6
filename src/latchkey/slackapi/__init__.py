"""Slack's protocol: signatures, payloads, OAuth, the Web API. No Tornado, no storage."""
