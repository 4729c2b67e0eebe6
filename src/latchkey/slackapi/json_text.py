r"""JSON that also works for text that is not valid Unicode, and for numbers that no float can hold.

Slack cuts long texts between the two halves of an emoji (a surrogate pair), and sends the first half as `\ud83d`.
msgspec refuses that when it decodes and when it encodes, so everything here is tried with msgspec first, and again
with such halves replaced.

Invariant: no text that `decode_json` returns contains half of a surrogate pair, so it can be encoded anywhere.
"""

from __future__ import annotations

import json
from typing import Any, NoReturn

import msgspec

MAX_INTEGER_DIGITS = 4300
"""Python refuses to parse longer ones (docs.python.org, "Integer string conversion length limitation")."""

_decode = msgspec.json.Decoder().decode


def decode_json(text: bytes | str) -> Any:
    """Return the value of a JSON document; raises ValueError if it is none.

    Half of a surrogate pair becomes U+FFFD, and so do bytes that are not UTF-8; a number that is too large for a float
    becomes infinite.
    """
    try:
        return _decode(text)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        pass
    if isinstance(text, bytes):
        text = text.decode("utf-8", "replace")
    try:
        return well_formed(json.loads(text, parse_int=_integer, parse_constant=_refuse))
    except RecursionError:
        raise ValueError("nested too deeply") from None


def encode_json(document: object) -> bytes:
    """Return a JSON document; slack_sdk's objects (blocks, views, options) in it are converted.

    Half of a surrogate pair becomes U+FFFD. Raises TypeError for an object that has no JSON.
    """
    try:
        return msgspec.json.encode(document, enc_hook=_model_to_dict)
    except UnicodeEncodeError:
        return msgspec.json.encode(to_plain(document))


def to_plain(document: object) -> Any:
    """Return the document as dicts, lists, texts and numbers: what its JSON decodes to. Raises TypeError."""
    return well_formed(msgspec.to_builtins(document, enc_hook=_model_to_dict))


def well_formed(value: Any) -> Any:
    """Return a text, or all texts in a list or dict, with each half of a surrogate pair replaced by U+FFFD.

    A tuple becomes a list, as in JSON.
    """
    if isinstance(value, str):
        return _well_formed_text(value)
    if isinstance(value, dict):
        return {well_formed(name): well_formed(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [well_formed(item) for item in value]
    return value


def _well_formed_text(text: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError:
        # UTF-16 also joins two halves that belong together.
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text


def _model_to_dict(model: Any) -> Any:
    if hasattr(model, "to_dict"):
        return model.to_dict()
    raise TypeError(f"cannot send a {type(model).__name__} to Slack as JSON")


def _integer(digits: str) -> int | float:
    return int(digits) if len(digits) <= MAX_INTEGER_DIGITS else float(digits)


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"JSON has no {constant}")
