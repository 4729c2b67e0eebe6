"""`latchkey proxy-config`."""

from latchkey.commands.proxies.proxy_config import command

__all__ = ["command"]
