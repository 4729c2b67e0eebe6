"""What the fake AI libraries answer."""

REPLY = "a fake answer"
