"""Replaces defaults of settings with values from elsewhere than the configuration."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import msgspec

from latchkey.config.sections import SECTIONS
from latchkey.config.settings import DEFAULT, Settings
from latchkey.config.values import convert
from latchkey.errors import Fault


def with_defaults(settings: Settings, values: Mapping[str, Any], origin: str) -> tuple[Settings, list[Fault]]:
    """Return the settings with these values, by "section.key", except for those that the configuration sets.

    `origin` is where the values come from. One that cannot be used is left out, with a fault.
    """
    faults: list[Fault] = []
    changes: dict[str, dict[str, Any]] = {}
    for name, raw in values.items():
        section, _, key = name.partition(".")
        types = {field.name: field.type for field in msgspec.structs.fields(SECTIONS[section])}
        converted = convert(name, raw, types[key], from_toml=True)
        if converted.problem:
            faults.append(Fault(origin, converted.problem, name))
        elif settings.origins[name] == DEFAULT:
            changes.setdefault(section, {})[key] = converted.value
    origins = {f"{section}.{key}": origin for section, keys in changes.items() for key in keys}
    sections = {
        section: msgspec.structs.replace(getattr(settings, section), **keys) for section, keys in changes.items()
    }
    return replace(settings, **sections, origins={**settings.origins, **origins}), faults
