"""Configuration: typed settings, their checks, and where secrets come from."""

from latchkey.config.checkout import find_checkout
from latchkey.config.checks import LOCAL_HOSTS
from latchkey.config.secrets import Secret
from latchkey.config.sections import SECTIONS
from latchkey.config.settings import Settings, SlackCredentials, load_settings

__all__ = ["LOCAL_HOSTS", "SECTIONS", "Secret", "Settings", "SlackCredentials", "find_checkout", "load_settings"]
