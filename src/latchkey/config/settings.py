"""Typed configuration: what may be set, from where it is taken, and what is said when it is wrong.

Rule: command-line flag, then environment, then file, then default; every fault
is found before one is reported; a secret is never read from config.toml.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from latchkey.config.checks import CHECKS, UNIX_PREFIX
from latchkey.config.secrets import Secret, read_secrets
from latchkey.config.sections import (
    SECTIONS,
    BackupSection,
    EventsSection,
    InstallSection,
    ListenersSection,
    LogSection,
    ManifestSection,
    MetricsSection,
    Section,
    ServerSection,
    SlackSection,
    StorageSection,
)
from latchkey.errors import ConfigError, Fault

DEFAULT_FILE = "config.toml"


_SECRET_KEYS = frozenset({"client_secret", "signing_secret", "signing_secrets", "token", "bot_token", "secret"})
_ENVIRONMENT_ALIASES = {"SLACK_CLIENT_ID": ("slack", "client_id")}
_PREFIX = "LATCHKEY_"
_FILE_VARIABLE = "LATCHKEY_CONFIG"
_NO_SETTINGS = frozenset({_FILE_VARIABLE, "LATCHKEY_PYTHON"})


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

    server: ServerSection
    slack: SlackSection
    install: InstallSection
    storage: StorageSection
    backup: BackupSection
    events: EventsSection
    listeners: ListenersSection
    metrics: MetricsSection
    manifest: ManifestSection
    log: LogSection
    client_secret: Secret | None
    signing_secrets: tuple[Secret, ...]
    base: Path
    """The folder of config.toml, where relative paths begin."""
    origins: Mapping[str, str]
    """Where each value came from, by "section.key"."""

    @property
    def store_path(self) -> Path:
        return self.base / self.storage.path

    @property
    def keyring_path(self) -> Path:
        return self.base / self.storage.keyring

    @property
    def backup_path(self) -> Path:
        return self.base / self.backup.path

    @property
    def unix_sockets_path(self) -> Path | None:
        """The folder of the unix sockets that lead to Slack, or None where the network does."""
        return self.base / self.slack.unix_sockets if self.slack.unix_sockets else None

    @property
    def address(self) -> tuple[str, int]:
        """Host and port to listen on, where it is no unix socket."""
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
    def metrics_address(self) -> tuple[str, int] | None:
        """Host and port to show the metrics at; None: nowhere."""
        return _host_and_port(self.metrics.listen) if self.metrics.listen else None

    @property
    def secrets(self) -> list[str]:
        """All configured secrets in the clear, for the one purpose of keeping them out of the log."""
        found = [secret.reveal() for secret in self.signing_secrets]
        return found + ([self.client_secret.reveal()] if self.client_secret else [])

    @property
    def public_url(self) -> str:
        """Scheme and host, without a slash at the end; raises ConfigError where none is set."""
        if not self.server.public_url:
            raise ConfigError(
                [Fault("[server] public_url", "must be set")], hint="the address by which Slack reaches the server"
            )
        return self.server.public_url.rstrip("/")

    def require_slack(self, *, signing: bool = True) -> SlackCredentials:
        """Return the app's credentials; raises ConfigError naming every one that is missing.

        Pass `signing=False` if the signing secrets are not needed.
        """
        faults = []
        if not self.slack.client_id:
            faults.append(Fault("SLACK_CLIENT_ID (or [slack] client_id)", "must be set"))
        if self.client_secret is None:
            faults.append(Fault("SLACK_CLIENT_SECRET", "must be set"))
        if signing and not self.signing_secrets:
            faults.append(Fault("SLACK_SIGNING_SECRET", "must be set"))
        if faults or self.client_secret is None:
            raise ConfigError(
                faults,
                hint="they are under Basic Information at https://api.slack.com/apps; to try it out without an app:"
                " latchkey demo",
            )
        return SlackCredentials(self.slack.client_id, self.client_secret, self.signing_secrets)


def _host_and_port(listen: str) -> tuple[str, int]:
    host, _, port = listen.rpartition(":")
    return host.strip("[]"), int(port)


def load_settings(path: Path | None, environ: Mapping[str, str], flags: Mapping[str, str]) -> Settings:
    """Return the configuration.

    `path` is config.toml (None: the one that LATCHKEY_CONFIG names, else the one in the current folder,
    where there is one), `flags` are command-line values by "section.key". Raises ConfigError with every fault.
    """
    faults: list[Fault] = []
    if path is None and environ.get(_FILE_VARIABLE):
        path = Path(environ[_FILE_VARIABLE])
    file = Path(DEFAULT_FILE) if path is None else path
    tables = _read(file, faults) if path is not None or file.exists() else {}
    origins = {f"{section}.{key}": str(file) for section, table in tables.items() for key in table}
    _overlay_environment(tables, origins, environ, faults)
    for name, value in flags.items():
        section, _, key = name.partition(".")
        tables.setdefault(section, {})[key] = value
        origins[name] = f"--{key}"
    sections = {name: _convert(name, tables.get(name, {}), origins, faults) for name in SECTIONS}
    client_secret, signing_secrets = read_secrets(environ, origins, faults)
    if faults:
        raise ConfigError(faults)
    for name, section_type in SECTIONS.items():
        for key in section_type.__struct_fields__:
            origins.setdefault(f"{name}.{key}", "default")
    return Settings(
        **sections,  # type: ignore[arg-type]  # each name has its own section's type, by SECTIONS
        client_secret=client_secret,
        signing_secrets=signing_secrets,
        base=file.absolute().parent,
        origins=origins,
    )


def _read(file: Path, faults: list[Fault]) -> dict[str, dict[str, Any]]:
    """Return the file's known sections; what is wrong with it goes to `faults`, without its content."""
    try:
        document = tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        faults.append(Fault(str(file), error.strerror or "cannot be read"))
        return {}
    except UnicodeDecodeError:
        faults.append(Fault(str(file), "must be UTF-8 text"))
        return {}
    except tomllib.TOMLDecodeError as error:
        # tomllib's message ends in "(at line 3, column 7)" and may begin with a piece of the line.
        faults.append(Fault(str(file), f"is not TOML{_position(str(error))}"))
        return {}
    tables = {}
    for name, table in document.items():
        if name in SECTIONS and isinstance(table, dict):
            tables[name] = {key: value for key, value in table.items() if _known(file, name, key, faults)}
        else:
            faults.append(Fault(f"{file} [{name}]", f"there is no such section{_meant(name, SECTIONS)}"))
    return tables


def _position(message: str) -> str:
    start = message.rfind("(at ")
    return " " + message[start:] if start >= 0 else ""


def _known(file: Path, section: str, key: str, faults: list[Fault]) -> bool:
    fields = SECTIONS[section].__struct_fields__
    if key in fields:
        return True
    where = f"{file} [{section}] {key}"
    if key in _SECRET_KEYS:
        faults.append(Fault(where, "a secret does not belong in this file; give it as SLACK_… or SLACK_…_FILE"))
    else:
        faults.append(Fault(where, f"there is no such key{_meant(key, fields)}"))
    return False


def _meant(name: str, known: Any) -> str:
    from difflib import get_close_matches  # for a mistake alone; it takes 1 MB

    close = get_close_matches(name, list(known), 1)
    return f" (did you mean {close[0]}?)" if close else ""


def _overlay_environment(
    tables: dict[str, dict[str, Any]], origins: dict[str, str], environ: Mapping[str, str], faults: list[Fault]
) -> None:
    names = {f"{_PREFIX}{s}_{k}".upper(): (s, k) for s, kind in SECTIONS.items() for k in kind.__struct_fields__}
    names |= _ENVIRONMENT_ALIASES
    for variable in sorted(environ):
        if variable in names:
            section, key = names[variable]
            tables.setdefault(section, {})[key] = environ[variable]
            origins[f"{section}.{key}"] = variable
        elif variable.startswith(_PREFIX) and variable not in _NO_SETTINGS:
            faults.append(Fault(variable, f"there is no such setting{_meant(variable, names)}"))


def _convert(name: str, table: dict[str, Any], origins: Mapping[str, str], faults: list[Fault]) -> Section | None:
    """Return the section, each key converted by itself so that one fault does not hide another."""
    kind = SECTIONS[name]
    types = {field.name: field.type for field in msgspec.structs.fields(kind)}
    values: dict[str, Any] = {}
    for key, raw in table.items():
        origin = origins[f"{name}.{key}"]
        where = f"{origin} [{name}] {key}" if origin.endswith(".toml") else origin
        text = not origin.endswith(".toml") and isinstance(raw, str)
        value = [item.strip() for item in raw.split(",") if item.strip()] if text and types[key] == list[str] else raw
        try:
            values[key] = msgspec.convert(value, types[key], strict=not text)
        except msgspec.ValidationError as error:
            faults.append(Fault(where, str(error)[:1].lower() + str(error)[1:]))
            continue
        problem = CHECKS.get(f"{name}.{key}", lambda _: None)(values[key])
        if problem:
            faults.append(Fault(where, problem))
    return kind(**values)
