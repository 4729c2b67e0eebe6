"""The environment in which a configuration's server runs against a simulated Slack.

Invariant: the server reaches neither the configuration's store, keys and backups, nor its secrets, nor Slack.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

_REMOVED = frozenset(
    {
        "CREDENTIALS_DIRECTORY",
        "LATCHKEY_STORAGE_URL",
        "LATCHKEY_STORAGE_URL_FILE",
        "NOTIFY_SOCKET",
        "WATCHDOG_USEC",
        "LISTEN_FDS",
        "LISTEN_FDNAMES",
    }
)
"""What names secrets, or a systemd unit that runs this process."""
_NO_TOKEN = "xoxb-simulated"  # no workspace has it
"""For apps that cannot be imported without a token. The tokens of the simulated workspaces are in the store."""


def isolated_environment(
    environ: Mapping[str, str], folder: Path, *, listen: str, api_url: str, authorize_url: str
) -> dict[str, str]:
    """Return `environ` without secrets, with each setting replaced that would leave `folder` and the simulator.

    The settings of the app itself, such as its listeners and scopes, are kept. The caller adds the credentials.
    """
    return without_secrets(environ) | {
        "LATCHKEY_SERVER_LISTEN": listen,
        "LATCHKEY_SERVER_PUBLIC_URL": "",
        "LATCHKEY_SERVER_TRUSTED_PROXIES": "",
        "LATCHKEY_SLACK_API_URL": api_url,
        "LATCHKEY_SLACK_AUTHORIZE_URL": authorize_url,
        "LATCHKEY_SLACK_UNIX_SOCKETS": "",
        "LATCHKEY_INSTALL_WORKSPACES": "",  # the simulated ones
        "LATCHKEY_INSTALL_SUCCESS_URL": "",
        "LATCHKEY_INSTALL_FAILURE_URL": "",
        "LATCHKEY_STORAGE_URL": "",  # a file, whatever config.toml and the folder `secrets` contain
        "LATCHKEY_STORAGE_PATH": str(folder / "data" / "store.sqlite"),
        "LATCHKEY_STORAGE_KEYRING": str(folder / "keys" / "keyring"),
        "LATCHKEY_BACKUP_PATH": str(folder / "backups"),
        "LATCHKEY_METRICS_LISTEN": "127.0.0.1:0",
        "LATCHKEY_LOG_LEVEL": "info",
        "LATCHKEY_LOG_FORMAT": "text",
        "LATCHKEY_LOG_EVENTS": "true",  # the inspector shows it
        "PYTHONUNBUFFERED": "1",  # what a listener prints is shown at once
        "SLACK_BOT_TOKEN": _NO_TOKEN,
        "SLACK_APP_TOKEN": _NO_TOKEN,
    }


def without_secrets(environ: Mapping[str, str]) -> dict[str, str]:
    """Return `environ` without the secrets of Slack and of the store, and without the variables of a systemd unit."""
    return {name: value for name, value in environ.items() if not name.startswith("SLACK_") and name not in _REMOVED}
