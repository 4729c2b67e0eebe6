"""Loads the settings: command-line flag, then environment, then config.toml, then default.

Invariant: every fault is reported at once.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from latchkey.config.credentials import CREDENTIALS_HINT
from latchkey.config.proxies import Proxies
from latchkey.config.secrets import FOLDER, STORAGE_URL_VARIABLE, Secret, read_client_id, read_secrets
from latchkey.config.sections import MOVED, SECTIONS, BoltSection, ListenersSection, Section, StorageSection
from latchkey.config.settings import DEFAULT, Settings
from latchkey.config.toml_file import read_tables
from latchkey.config.values import convert, suggestion
from latchkey.errors import ConfigError, Fault

DEFAULT_FILE = "config.toml"

_ENVIRONMENT_ALIASES = {"SLACK_CLIENT_ID": ("slack", "client_id")}
_PREFIX = "LATCHKEY_"
_FILE_VARIABLE = "LATCHKEY_CONFIG"
_NOT_SETTINGS = frozenset({_FILE_VARIABLE, "LATCHKEY_PYTHON", STORAGE_URL_VARIABLE, f"{STORAGE_URL_VARIABLE}_FILE"})


def load_settings(
    path: Path | None, environ: Mapping[str, str], flags: Mapping[str, str], *, with_slack_faults: bool = False
) -> Settings:
    """Return the settings; raises ConfigError with every fault.

    `path` is config.toml; None means the file that LATCHKEY_CONFIG names, else the one in the current folder
    if there is one. `flags` are command-line values by "section.key". With `with_slack_faults`, a ConfigError
    also lists the faults of the app's credentials and of the proxy, which by themselves are not an error here.
    """
    faults: list[Fault] = []
    if path is None and environ.get(_FILE_VARIABLE):
        path = Path(environ[_FILE_VARIABLE])
    file = Path(DEFAULT_FILE) if path is None else path
    is_read = path is not None or file.exists()
    tables = read_tables(file, faults) if is_read else {}
    origins = {f"{section}.{key}": str(file) for section, table in tables.items() for key in table}
    _overlay_environment(tables, origins, environ, faults)
    folder = file.absolute().parent / FOLDER
    _add_client_id(tables, folder, origins, faults)
    for name, value in flags.items():
        section, _, key = name.partition(".")
        tables.setdefault(section, {})[key] = value
        origins[name] = f"--{key}"
    sections = {name: _section(name, tables.get(name, {}), file, origins, faults) for name in SECTIONS}
    bolt = sections["bolt"]
    if isinstance(bolt, BoltSection) and bolt.is_set and "listeners.modules" not in origins:
        sections["listeners"] = ListenersSection(modules=[])
    secrets = read_secrets(environ, folder, origins, faults)
    storage = sections["storage"]
    assert isinstance(storage, StorageSection)
    if secrets.storage_url is not None:  # it replaces the one in config.toml
        sections["storage"] = msgspec.structs.replace(storage, url="")
    storage_url = secrets.storage_url or (Secret(storage.url) if storage.url else None)
    for name, section_type in SECTIONS.items():
        for key in section_type.__struct_fields__:
            origins.setdefault(f"{name}.{key}", DEFAULT)
    settings = Settings(
        **sections,  # type: ignore[arg-type]  # each name has its own section's type, by SECTIONS
        client_secret=secrets.client,
        signing_secrets=secrets.signing,
        storage_url=storage_url,
        secret_files=secrets.files,
        config_path=file if is_read else None,
        base=file.absolute().parent,
        origins=origins,
        proxies=Proxies(environ),
    )
    if not faults:
        return settings
    hint = ""
    if with_slack_faults:
        reported = {fault.setting for fault in faults}
        found = [*settings.missing_credentials(), *settings.malformed_credentials()]
        faults += [fault for fault in found if fault.setting not in reported]
        hint = CREDENTIALS_HINT if found else ""
        faults += settings.proxy_faults()
    raise ConfigError(faults, hint=hint)


def _overlay_environment(
    tables: dict[str, dict[str, Any]], origins: dict[str, str], environ: Mapping[str, str], faults: list[Fault]
) -> None:
    names = {_variable(s, k): (s, k) for s, kind in SECTIONS.items() for k in kind.__struct_fields__}
    names |= _ENVIRONMENT_ALIASES
    moved = {_variable(*old): _variable(*new) for old, new in MOVED.items()}
    for variable in sorted(environ):
        if variable == STORAGE_URL_VARIABLE and environ[variable]:
            continue  # a secret
        if variable in names:
            section, key = names[variable]
            tables.setdefault(section, {})[key] = environ[variable]
            origins[f"{section}.{key}"] = variable
        elif variable in moved:
            faults.append(Fault(variable, f"has been renamed to {moved[variable]}"))
        elif variable.startswith(_PREFIX) and variable not in _NOT_SETTINGS:
            faults.append(Fault(variable, f"unknown setting{suggestion(variable, names)}"))


def _add_client_id(
    tables: dict[str, dict[str, Any]], folder: Path, origins: dict[str, str], faults: list[Fault]
) -> None:
    """Use the client ID that `latchkey setup` has stored, if none is configured."""
    slack = tables.setdefault("slack", {})
    if not slack.get("client_id") and (client_id := read_client_id(folder, origins, faults)):
        slack["client_id"] = client_id


def _variable(section: str, key: str) -> str:
    return f"{_PREFIX}{section}_{key}".upper()


def _section(
    name: str, table: Mapping[str, Any], file: Path, origins: Mapping[str, str], faults: list[Fault]
) -> Section | None:
    """Return the section; each key is converted separately, so that one fault does not hide another."""
    kind = SECTIONS[name]
    types = {field.name: field.type for field in msgspec.structs.fields(kind)}
    values: dict[str, Any] = {}
    for key, raw in table.items():
        origin = origins[f"{name}.{key}"]
        from_toml = origin == str(file)
        converted = convert(f"{name}.{key}", raw, types[key], from_toml=from_toml)
        if converted.problem:
            where = f"{origin} [{name}] {key}" if from_toml else origin
            faults.append(Fault(where, converted.problem, f"{name}.{key}"))
        else:
            values[key] = converted.value
    return kind(**values)
