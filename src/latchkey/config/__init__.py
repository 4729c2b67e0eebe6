"""Configuration: typed settings, their checks, and where secrets come from."""

from latchkey.config.checkout import find_checkout
from latchkey.config.checks import LOCAL_HOSTS
from latchkey.config.secrets import Secret
from latchkey.config.sections import SECTIONS
from latchkey.config.settings import Config, load

__all__ = ["LOCAL_HOSTS", "SECTIONS", "Config", "Secret", "find_checkout", "load"]
