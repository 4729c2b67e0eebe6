"""Configuration: typed settings, their checks, and the sources of secrets."""

from latchkey.config.checkout import find_checkout, refuse_empty_folder
from latchkey.config.checks import LOCAL_HOSTS
from latchkey.config.load import load_settings
from latchkey.config.proxies import Proxies, Proxy
from latchkey.config.secrets import Secret
from latchkey.config.sections import SECTIONS, shipped_config
from latchkey.config.settings import Settings, SlackCredentials

__all__ = [
    "LOCAL_HOSTS",
    "SECTIONS",
    "Proxies",
    "Proxy",
    "Secret",
    "Settings",
    "SlackCredentials",
    "find_checkout",
    "load_settings",
    "refuse_empty_folder",
    "shipped_config",
]
