"""Reads config.toml.

Invariant: a secret is never read from it, and no message shows what may be one.
"""

from __future__ import annotations

import codecs
import re
import tomllib
from pathlib import Path
from typing import Any

from latchkey.config.sections import MOVED, SECTIONS
from latchkey.config.values import may_be_secret, suggestion
from latchkey.errors import Fault

_SECRET_KEYS = frozenset({"client_secret", "signing_secret", "signing_secrets", "token", "bot_token", "secret"})
_POSITION = re.compile(r" \(at (?:line (\d+), column \d+|end of document)\)$")
_REASONS = {
    "Cannot overwrite": "the same key again; keep one of them",
    "Duplicate": "the same key again; keep one of them",
    "Cannot declare": "the same section again; put all its keys under one heading",
    "Cannot redefine": "the same section again; put all its keys under one heading",
    "Expected ']]'": 'missing "]]"',
    "Expected ']'": 'missing "]"',
    "Expected '='": 'missing "=" after the key',
    "Expected newline": 'more text after the value; text must be in quotes: key = "value"',
    "Invalid value": 'not a value; text must be in quotes (key = "value"), true and false in lower case',
    "Unclosed array": 'missing "]" at the end of the list',
    "Unescaped": "a backslash in double quotes must be doubled; in single quotes it stays as it is",
    "Unterminated": "missing quote at the end of the text",
    "Expected": "missing quote at the end of the text",
    "Illegal": "a line break or control character inside quotes",
}
"""Ours for the beginning of each of tomllib's messages, which may quote the file."""


def read_tables(file: Path, faults: list[Fault]) -> dict[str, dict[str, Any]]:
    """Return the file's known sections and keys, and add its faults to `faults`."""
    try:
        document = tomllib.loads(_decoded(file.read_bytes()))
    except OSError as error:
        faults.append(Fault(str(file), error.strerror or "cannot be read"))
        return {}
    except UnicodeDecodeError:
        faults.append(Fault(str(file), "must be UTF-8 text"))
        return {}
    except tomllib.TOMLDecodeError as error:
        faults.append(_syntax_fault(file, str(error)))
        return {}
    tables = {}
    for name, table in document.items():
        if name in SECTIONS and isinstance(table, dict):
            tables[name] = {key: value for key, value in table.items() if _is_known(file, name, key, faults)}
        elif isinstance(table, dict):
            faults.append(Fault(f"{file} [{_shown(name)}]", f"unknown section{suggestion(name, SECTIONS)}"))
        else:
            faults.append(Fault(f"{file} {_shown(name)}", _outside_sections(name)))
    return tables


def _outside_sections(key: str) -> str:
    owners = [f"[{section}]" for section, kind in SECTIONS.items() if key in kind.__struct_fields__]
    return f"must be in a section, below the line {' or '.join(owners) or 'with its [name]'}"


def _decoded(content: bytes) -> str:
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise UnicodeDecodeError("utf-8", content, 0, 2, "UTF-16")
    # Some editors begin UTF-8 text with a byte order mark, and Windows ends lines with CR LF.
    return content.removeprefix(codecs.BOM_UTF8).decode().replace("\r\n", "\n")


def _syntax_fault(file: Path, message: str) -> Fault:
    position = _POSITION.search(message)
    line = f"line {position[1]}" if position and position[1] else "the end"
    reason = next((ours for start, ours in _REASONS.items() if message.startswith(start)), "not valid TOML")
    return Fault(f"{file}, {line}", reason)


def _shown(name: str) -> str:
    return "[hidden]" if may_be_secret(name) else name


def _is_known(file: Path, section: str, key: str, faults: list[Fault]) -> bool:
    fields = SECTIONS[section].__struct_fields__
    if key in fields:
        return True
    where = f"{file} [{section}] {_shown(key)}"
    if (section, key) in MOVED:
        new_section, new_key = MOVED[section, key]
        faults.append(Fault(where, f"has moved to [{new_section}] {new_key}"))
    elif key in _SECRET_KEYS:
        faults.append(Fault(where, "secrets are not allowed here; set SLACK_… or SLACK_…_FILE in the environment"))
    else:
        faults.append(Fault(where, f"unknown key{suggestion(key, fields)}"))
    return False
