"""Configuration: typed settings, their checks, and where secrets come from."""

from config.secrets import Secret
from config.settings import SECTIONS, Config, load

__all__ = ["SECTIONS", "Config", "Secret", "load"]
