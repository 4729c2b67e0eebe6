"""Loads the settings: command-line flag, then environment, then config.toml, then default.

Invariant: every fault is reported at once, and a secret is never read from config.toml.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from latchkey.config.checks import CHECKS
from latchkey.config.secrets import read_secrets
from latchkey.config.sections import MOVED, SECTIONS, Section
from latchkey.config.settings import Settings
from latchkey.errors import ConfigError, Fault

DEFAULT_FILE = "config.toml"


_SECRET_KEYS = frozenset({"client_secret", "signing_secret", "signing_secrets", "token", "bot_token", "secret"})
_ENVIRONMENT_ALIASES = {"SLACK_CLIENT_ID": ("slack", "client_id")}
_PREFIX = "LATCHKEY_"
_FILE_VARIABLE = "LATCHKEY_CONFIG"
_NOT_SETTINGS = frozenset({_FILE_VARIABLE, "LATCHKEY_PYTHON"})


def load_settings(path: Path | None, environ: Mapping[str, str], flags: Mapping[str, str]) -> Settings:
    """Return the settings; raises ConfigError with every fault.

    `path` is config.toml; None means the file that LATCHKEY_CONFIG names, else the one in the current folder
    if there is one. `flags` are command-line values by "section.key".
    """
    faults: list[Fault] = []
    if path is None and environ.get(_FILE_VARIABLE):
        path = Path(environ[_FILE_VARIABLE])
    file = Path(DEFAULT_FILE) if path is None else path
    is_read = path is not None or file.exists()
    tables = _read(file, faults) if is_read else {}
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
        config_path=file if is_read else None,
        base=file.absolute().parent,
        origins=origins,
    )


def _read(file: Path, faults: list[Fault]) -> dict[str, dict[str, Any]]:
    """Return the file's known sections and add its faults to `faults`, without quoting the file."""
    try:
        document = tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        faults.append(Fault(str(file), error.strerror or "cannot be read"))
        return {}
    except UnicodeDecodeError:
        faults.append(Fault(str(file), "must be UTF-8 text"))
        return {}
    except tomllib.TOMLDecodeError as error:
        # tomllib's message ends in "(at line 3, column 7)" and may quote part of the line before that.
        faults.append(Fault(str(file), f"is not valid TOML{_position(str(error))}"))
        return {}
    tables = {}
    for name, table in document.items():
        if name in SECTIONS and isinstance(table, dict):
            tables[name] = {key: value for key, value in table.items() if _is_known(file, name, key, faults)}
        else:
            faults.append(Fault(f"{file} [{name}]", f"unknown section{_suggestion(name, SECTIONS)}"))
    return tables


def _position(message: str) -> str:
    start = message.rfind("(at ")
    return " " + message[start:] if start >= 0 else ""


def _is_known(file: Path, section: str, key: str, faults: list[Fault]) -> bool:
    fields = SECTIONS[section].__struct_fields__
    if key in fields:
        return True
    where = f"{file} [{section}] {key}"
    if (section, key) in MOVED:
        new_section, new_key = MOVED[section, key]
        faults.append(Fault(where, f"has moved to [{new_section}] {new_key}"))
    elif key in _SECRET_KEYS:
        faults.append(Fault(where, "secrets are not allowed here; set SLACK_… or SLACK_…_FILE in the environment"))
    else:
        faults.append(Fault(where, f"unknown key{_suggestion(key, fields)}"))
    return False


def _suggestion(name: str, known: Any) -> str:
    from difflib import get_close_matches  # takes 1 MB, and is needed only for a mistake

    close = get_close_matches(name, list(known), 1)
    return f" (did you mean {close[0]}?)" if close else ""


def _overlay_environment(
    tables: dict[str, dict[str, Any]], origins: dict[str, str], environ: Mapping[str, str], faults: list[Fault]
) -> None:
    names = {_variable(s, k): (s, k) for s, kind in SECTIONS.items() for k in kind.__struct_fields__}
    names |= _ENVIRONMENT_ALIASES
    moved = {_variable(*old): _variable(*new) for old, new in MOVED.items()}
    for variable in sorted(environ):
        if variable in names:
            section, key = names[variable]
            tables.setdefault(section, {})[key] = environ[variable]
            origins[f"{section}.{key}"] = variable
        elif variable in moved:
            faults.append(Fault(variable, f"has been renamed to {moved[variable]}"))
        elif variable.startswith(_PREFIX) and variable not in _NOT_SETTINGS:
            faults.append(Fault(variable, f"unknown setting{_suggestion(variable, names)}"))


def _variable(section: str, key: str) -> str:
    return f"{_PREFIX}{section}_{key}".upper()


def _convert(name: str, table: dict[str, Any], origins: Mapping[str, str], faults: list[Fault]) -> Section | None:
    """Return the section; each key is converted separately, so that one fault does not hide another."""
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
