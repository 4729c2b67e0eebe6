"""Configuration: typed settings, their checks, and the sources of secrets."""

from latchkey.config.checkout import find_checkout, refuse_empty_folder
from latchkey.config.checks import LOCAL_HOSTS
from latchkey.config.credentials import CREDENTIALS_HINT, DEMO_HINT
from latchkey.config.defaults import with_defaults
from latchkey.config.load import DEFAULT_FILE, load_settings
from latchkey.config.proxies import Proxies, Proxy
from latchkey.config.secrets import STORAGE_URL, Secret
from latchkey.config.sections import SECTIONS, SlackSection, shipped_config
from latchkey.config.settings import DEFAULT, EVERYWHERE, PUBLIC_URL_HINT, Settings, SlackCredentials
from latchkey.config.storage_url import parse_storage_url, problem_in_file, storage_url_problem

__all__ = [
    "CREDENTIALS_HINT",
    "DEFAULT",
    "DEFAULT_FILE",
    "DEMO_HINT",
    "EVERYWHERE",
    "LOCAL_HOSTS",
    "PUBLIC_URL_HINT",
    "SECTIONS",
    "STORAGE_URL",
    "Proxies",
    "Proxy",
    "Secret",
    "Settings",
    "SlackCredentials",
    "SlackSection",
    "find_checkout",
    "load_settings",
    "parse_storage_url",
    "problem_in_file",
    "refuse_empty_folder",
    "shipped_config",
    "storage_url_problem",
    "with_defaults",
]
