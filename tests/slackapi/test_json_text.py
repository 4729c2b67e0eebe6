"""JSON with half a surrogate pair, with bytes that are not UTF-8, and with numbers that no float can hold."""

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from slack_sdk.models.attachments import BlockAttachment
from slack_sdk.models.blocks import SectionBlock
from slack_sdk.models.metadata import Metadata

from latchkey.slackapi.json_text import decode_json, encode_json, to_plain, well_formed

SECTION = {"type": "section", "text": {"type": "mrkdwn", "text": "x"}}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (b'"cut \\ud83d"', "cut \ufffd"),
        (b'"cut \\ude00"', "cut \ufffd"),
        (b'"\\ude00\\ud83d"', "\ufffd\ufffd"),
        (b'"\\ud83d\\ud83d\\ude00"', "\ufffd\U0001f600"),
        (b'"\\ud83d\\ude00"', "\U0001f600"),
        (b'"\\\\ud83d and \\ud83d"', "\\ud83d and \ufffd"),
        (b'{"\\ud83d": ["\\ud83d", {"a": "\\ud83d"}]}', {"\ufffd": ["\ufffd", {"a": "\ufffd"}]}),
        ('"\ud83d"', "\ufffd"),
        (b'"\xed\xa0\xbd"', "\ufffd\ufffd\ufffd"),
        (b'"\xff"', "\ufffd"),
        (b"1e400", math.inf),
        (b"-1e400", -math.inf),
        (b"1" * 400, int("1" * 400)),
        (b"9" * 5000, math.inf),
    ],
)
def test_decodes_what_msgspec_refuses(text: bytes | str, value: object) -> None:
    assert decode_json(text) == value


@pytest.mark.parametrize(
    "text",
    [b"", b"{", b"NaN", b"-Infinity", b'{"a": \\ud83d}', b"[" * 100_000, b'{"a":' * 5000, b"'a'", b'["\\ud83d",]'],
)
def test_refuses_what_is_not_json(text: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  # from two libraries
        decode_json(text)


def test_encodes_text_with_half_a_surrogate_pair() -> None:
    assert json.loads(encode_json({"text": "cut \ud83d", "\ud83d": ("\ude00",)})) == {
        "text": "cut \ufffd",
        "\ufffd": ["\ufffd"],
    }


def test_joins_two_halves_that_belong_together() -> None:
    assert well_formed("\ud83d\ude00") == "\U0001f600"


@pytest.mark.parametrize("cut", ["", "\ud83d"])
def test_converts_slack_sdks_objects_and_tuples(cut: str) -> None:
    message = {
        "blocks": (SectionBlock(text="x"),),
        "attachments": [BlockAttachment(fallback="x" + cut, blocks=[SectionBlock(text="x")])],
        "metadata": Metadata(event_type="e", event_payload={"a": 1}),
    }
    plain = to_plain(message)
    assert plain["blocks"] == [SECTION]
    assert plain["attachments"][0]["blocks"] == [SECTION]
    assert plain["metadata"] == {"event_type": "e", "event_payload": {"a": 1}}
    assert json.loads(encode_json(message)) == plain


@pytest.mark.parametrize("encode", [encode_json, to_plain])
def test_an_object_without_json_is_a_type_error_that_names_its_class(encode: Any) -> None:
    with pytest.raises(TypeError, match="cannot send a object to Slack"):
        encode({"blocks": [object()]})


@given(st.text(alphabet=st.characters(exclude_categories=())))
def test_any_text_survives_both_ways(text: str) -> None:
    expected = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    assert decode_json(json.dumps(text)) == decode_json(encode_json(text)) == well_formed(text) == expected
    assert well_formed(text).encode().decode() == expected
