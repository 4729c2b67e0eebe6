"""Configuration: typed settings, their checks, and where secrets come from."""

from config.secrets import Secret
from config.sections import SECTIONS
from config.settings import Config, load

__all__ = ["SECTIONS", "Config", "Secret", "load"]
