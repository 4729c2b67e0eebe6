"""The sections of config.toml: every key with its type and default. config.toml's comments say what each means."""

from __future__ import annotations

from importlib.resources import files
from typing import Literal

import msgspec


class Section(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A section of config.toml."""


class AppSection(Section, frozen=True):
    name: str = "Latchkey"
    description: str = ""
    operator: str = ""
    support_url: str = ""
    privacy_url: str = ""


class ServerSection(Section, frozen=True):
    public_url: str = ""
    listen: str = "127.0.0.1:8080"
    socket_mode: str = "660"
    trusted_proxies: list[str] = msgspec.field(default_factory=list)
    drain_seconds: float = 10


class SlackSection(Section, frozen=True):
    client_id: str = ""
    scopes: list[str] = msgspec.field(default_factory=lambda: ["app_mentions:read", "chat:write", "commands"])
    user_scopes: list[str] = msgspec.field(default_factory=list)
    optional_scopes: list[str] = msgspec.field(default_factory=list)
    optional_user_scopes: list[str] = msgspec.field(default_factory=list)
    act_as: Literal["person", "installer"] = "person"
    token_rotation: bool = False
    refreshes_per_second: float = 20
    api_url: str = "https://slack.com/api/"
    authorize_url: str = "https://slack.com/oauth/v2/authorize"
    unix_sockets: str = ""

    @property
    def requested_scopes(self) -> list[str]:
        """The bot scopes that an install asks for, optional ones included."""
        return list(dict.fromkeys([*self.scopes, *self.optional_scopes]))

    @property
    def requested_user_scopes(self) -> list[str]:
        return list(dict.fromkeys([*self.user_scopes, *self.optional_user_scopes]))

    @property
    def required_scopes(self) -> list[str]:
        """The bot scopes that nobody can decline. A scope in both lists is optional, as in Slack's manifest."""
        return [scope for scope in self.scopes if scope not in self.optional_scopes]

    @property
    def required_user_scopes(self) -> list[str]:
        return [scope for scope in self.user_scopes if scope not in self.optional_user_scopes]


class InstallSection(Section, frozen=True):
    page: bool = True
    workspaces: list[str] = msgspec.field(default_factory=list)
    unsigned_metadata: list[str] = msgspec.field(default_factory=list)
    path: str = "/slack/install"
    callback_path: str = "/slack/oauth/callback"
    state_seconds: int = 600
    success_url: str = ""
    failure_url: str = ""


class StorageSection(Section, frozen=True):
    path: str = "data/store.sqlite"
    keyring: str = "keys/keyring"
    url: str = ""
    connections: int = 10


class BackupSection(Section, frozen=True):
    path: str = "backups"
    keep: int = 7


class EventsSection(Section, frozen=True):
    durable: bool = True
    max_attempts: int = 5
    ordered: Literal["none", "channel"] = "none"
    inbox_events: int = 20_000
    inbox_megabytes: int = 64


class ListenersSection(Section, frozen=True):
    modules: list[str] = msgspec.field(default_factory=lambda: ["listeners"])


class BoltSection(Section, frozen=True):
    app: str = ""
    modules: list[str] = msgspec.field(default_factory=list)

    @property
    def is_set(self) -> bool:
        """Whether there is a Bolt app to run."""
        return bool(self.app or self.modules)


class MetricsSection(Section, frozen=True):
    listen: str = "127.0.0.1:9464"


class ManifestSection(Section, frozen=True):
    org_deployment: bool = False


class LogSection(Section, frozen=True):
    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["text", "json"] = "text"
    events: bool = False


SECTIONS: dict[str, type[Section]] = {
    "app": AppSection,
    "server": ServerSection,
    "slack": SlackSection,
    "install": InstallSection,
    "storage": StorageSection,
    "backup": BackupSection,
    "events": EventsSection,
    "listeners": ListenersSection,
    "bolt": BoltSection,
    "metrics": MetricsSection,
    "manifest": ManifestSection,
    "log": LogSection,
}

MOVED = {("manifest", "name"): ("app", "name"), ("manifest", "description"): ("app", "description")}
"""Keys that have moved: the old section and key, and the new ones."""


def shipped_config() -> str:
    """Return the commented config.toml with every key and its default."""
    return files(__package__).joinpath("config.toml").read_text(encoding="utf-8")
