"""The settings after all sources are merged and checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from latchkey.config.checks import UNIX_PREFIX
from latchkey.config.credentials import (
    CREDENTIALS_HINT,
    DEMO_HINT,
    SIGNING,
    is_slack,
    malformed_credentials,
    missing_credentials,
)
from latchkey.config.proxies import Proxies
from latchkey.config.secrets import FOLDER, Secret
from latchkey.config.sections import (
    AppSection,
    BackupSection,
    BoltSection,
    EventsSection,
    InstallSection,
    ListenersSection,
    LogSection,
    ManifestSection,
    MetricsSection,
    ServerSection,
    SlackSection,
    StorageSection,
)
from latchkey.config.storage_url import parse_storage_url
from latchkey.errors import ConfigError, Fault

DEFAULT = "default"
"""The origin of a value that nobody has set."""
PUBLIC_URL_HINT = "set the https:// address at which Slack reaches the server"


@dataclass(frozen=True)
class SlackCredentials:
    """What identifies the app to Slack, and Slack to the app."""

    client_id: str
    client_secret: Secret
    signing_secrets: tuple[Secret, ...]
    """Any of them may have signed a request; empty only if they were not required."""


@dataclass(frozen=True)
class Settings:
    """All settings, checked."""

    app: AppSection
    server: ServerSection
    slack: SlackSection
    install: InstallSection
    storage: StorageSection
    backup: BackupSection
    events: EventsSection
    listeners: ListenersSection
    bolt: BoltSection
    metrics: MetricsSection
    manifest: ManifestSection
    log: LogSection
    client_secret: Secret | None
    signing_secrets: tuple[Secret, ...]
    storage_url: Secret | None
    """The URL of the database that contains the store, which may contain a password; None: the store is a file."""
    secret_files: tuple[Path, ...]
    """The files that the secrets were read from, if any."""
    config_path: Path | None
    """The config.toml that was read; None if there was none."""
    base: Path
    """The folder of config.toml, or the current one; relative paths start here."""
    origins: Mapping[str, str]
    """Where each value came from, by "section.key"."""
    proxies: Proxies = field(default_factory=Proxies)
    """The environment's outgoing proxies."""

    @property
    def store_path(self) -> Path:
        """The store's file, which is not used if the store is in a database."""
        return self.base / self.storage.path

    @property
    def store_location(self) -> Path | Secret:
        """The store's file, or the URL of its database."""
        return self.store_path if self.storage_url is None else self.storage_url

    @property
    def store_name(self) -> str:
        """The store as messages show it: its path, or the URL of its database without user, password and query."""
        if self.storage_url is None:
            return str(self.store_path)
        return parse_storage_url(self.storage_url.reveal()).shown

    @property
    def owner_path(self) -> Path:
        """The path whose owner runs the server, as which root's commands act.

        With the store in a database, that is the keyring, unless [storage] path is set too: `install-service` sets it
        to a file in the folder of the service's account, while the keyring is in a folder of root's.
        """
        is_unused = self.storage_url is not None and self.origins["storage.path"] == DEFAULT
        return self.keyring_path if is_unused else self.store_path

    @property
    def keyring_path(self) -> Path:
        return self.base / self.storage.keyring

    @property
    def backup_path(self) -> Path:
        return self.base / self.backup.path

    @property
    def secrets_path(self) -> Path:
        """The folder of the credentials that `latchkey setup` stores."""
        return self.base / FOLDER

    @property
    def unix_sockets_path(self) -> Path | None:
        """The folder of unix sockets to Slack's hosts; None to use the network."""
        return self.base / self.slack.unix_sockets if self.slack.unix_sockets else None

    @property
    def address(self) -> tuple[str, int]:
        """Host and port to listen on, unless it is a unix socket."""
        return _host_and_port(self.server.listen)

    @property
    def socket_path(self) -> Path | None:
        """The unix socket to listen on, or None."""
        path = self.server.listen.removeprefix(UNIX_PREFIX)
        return Path(path) if path != self.server.listen else None

    @property
    def socket_mode(self) -> int:
        return int(self.server.socket_mode, 8)

    @property
    def local_address(self) -> tuple[str, int]:
        """Host and port at which a program on this machine reaches the server; see `address`."""
        host, port = self.address
        return _LOOPBACK.get(host, host), port

    @property
    def metrics_address(self) -> tuple[str, int] | None:
        """Host and port of the metrics listener; None if it is off."""
        return _host_and_port(self.metrics.listen) if self.metrics.listen else None

    @property
    def uses_slack(self) -> bool:
        """Whether the app is at Slack itself, not at a simulated one."""
        return is_slack(self.slack.api_url)

    @property
    def secrets(self) -> list[str]:
        """All configured secrets in plain text, so that the log can hide them."""
        found = [secret.reveal() for secret in self.signing_secrets]
        if self.client_secret is not None:
            found.append(self.client_secret.reveal())
        if self.storage_url is not None:
            found += parse_storage_url(self.storage_url.reveal()).hidden
        return found

    @property
    def public_url(self) -> str:
        """Scheme and host without a trailing slash; raises ConfigError if it is not set."""
        if not self.server.public_url:
            raise ConfigError(
                [Fault("[server] public_url", "must be set")],
                hint=PUBLIC_URL_HINT,
            )
        return self.server.public_url.rstrip("/")

    @property
    def redirect_url(self) -> str:
        """The URL to which Slack sends people back; raises ConfigError as `public_url` does."""
        return self.public_url + self.install.callback_path

    def missing_credentials(self) -> list[Fault]:
        """Return a fault for each of the app's credentials that is not set."""
        return missing_credentials(self.slack.client_id, self.client_secret, self.signing_secrets)

    def malformed_credentials(self) -> list[Fault]:
        """Return a fault for each of the app's credentials that Slack cannot have issued."""
        if not self.uses_slack:
            return []
        return list(malformed_credentials(self.slack.client_id, self.client_secret, self.signing_secrets, self.origins))

    def proxy_faults(self) -> list[Fault]:
        """Return a fault for each outgoing proxy that is needed and unusable."""
        faults: dict[Fault, None] = {}  # in order, each once
        for url in filter(None, (self.slack.api_url, self.server.public_url)):
            try:
                self.proxies.for_url(url)
            except ConfigError as error:
                faults.update(dict.fromkeys(error.faults))
        return list(faults)

    def require_slack(self, *, signing: bool = True) -> SlackCredentials:
        """Return the app's credentials; raises ConfigError naming every one that is missing or malformed.

        An outgoing proxy must be usable as well.

        Pass `signing=False` if the signing secrets are not needed.
        """
        missing, malformed = (
            [fault for fault in faults if signing or fault.setting != SIGNING]
            for faults in (self.missing_credentials(), self.malformed_credentials())
        )
        faults = [*missing, *malformed, *self.proxy_faults()]
        if faults or self.client_secret is None:
            hint = DEMO_HINT if missing else CREDENTIALS_HINT if malformed else ""
            raise ConfigError(faults, hint=hint)
        return SlackCredentials(self.slack.client_id, self.client_secret, self.signing_secrets)


_LOOPBACK = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104  # compared, not bound
"""How to reach a server that listens on all addresses; Tornado binds `::` for IPv6 only."""
EVERYWHERE = frozenset(_LOOPBACK)
"""Hosts in `listen` that mean every address of this machine."""


def _host_and_port(listen: str) -> tuple[str, int]:
    host, _, port = listen.rpartition(":")
    return host.strip("[]"), int(port)
