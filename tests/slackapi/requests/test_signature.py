"""Signatures: Slack's own example, several secrets, and SignatureError for anything else."""

import hashlib
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from latchkey.errors import SignatureError
from latchkey.slackapi.requests import SignatureVerifier, sign
from tests.support.clocks import Clock

# The example in https://docs.slack.dev/authentication/verifying-requests-from-slack
SECRET = "8f742231b10e8888abcd99yyyzzz85a5"
TIMESTAMP = "1531420618"
BODY = (
    b"token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V"
    b"&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text="
    b"&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN"
    b"&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c"
)
SIGNATURE = "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503"

CLOCK = Clock(float(TIMESTAMP))
VERIFIER = SignatureVerifier([SECRET], CLOCK)


def verify(verifier: SignatureVerifier, timestamp: str | None, signature: str | None, body: bytes) -> None:
    verifier.check_body(*verifier.check_headers(timestamp, signature), body)


def test_accepts_and_makes_slacks_own_example() -> None:
    verify(VERIFIER, TIMESTAMP, SIGNATURE, BODY)
    assert sign(SECRET, TIMESTAMP, BODY) == SIGNATURE


def test_accepts_any_of_several_secrets_and_no_other() -> None:
    for secrets in (["new", SECRET], [SECRET, "old"]):
        verify(SignatureVerifier(secrets, CLOCK), TIMESTAMP, SIGNATURE, BODY)
    with pytest.raises(SignatureError, match="mismatch"):
        verify(SignatureVerifier(["new", "old"], CLOCK), TIMESTAMP, SIGNATURE, BODY)


@pytest.mark.parametrize("secrets", [[], [""], ["a", ""]])
def test_refuses_an_empty_secret(secrets: list[str]) -> None:
    with pytest.raises(ValueError, match="signing secret"):
        SignatureVerifier(secrets)


@pytest.mark.parametrize(
    ("offset", "good"),
    [(0, True), (299, True), (300, True), (301, False), (-299, True), (-300, True), (-301, False), (3600, False)],
)
def test_accepts_timestamps_within_five_minutes(offset: int, good: bool) -> None:
    """bolt-js takes any time in the future."""
    verifier = SignatureVerifier([SECRET], Clock(float(TIMESTAMP) + offset))
    if good:
        verify(verifier, TIMESTAMP, SIGNATURE, BODY)
    else:
        with pytest.raises(SignatureError, match="expired"):
            verify(verifier, TIMESTAMP, SIGNATURE, BODY)


@given(position=st.integers(0, len(BODY) - 1), change=st.integers(1, 255))
def test_refuses_a_changed_body(position: int, change: int) -> None:
    changed = bytearray(BODY)
    changed[position] ^= change
    with pytest.raises(SignatureError):
        verify(VERIFIER, TIMESTAMP, SIGNATURE, bytes(changed))


@given(position=st.integers(0, len(SIGNATURE) - 1), letter=st.characters())
def test_refuses_a_changed_signature(position: int, letter: str) -> None:
    changed = SIGNATURE[:position] + letter + SIGNATURE[position + 1 :]
    if changed != SIGNATURE:
        with pytest.raises(SignatureError):
            verify(VERIFIER, TIMESTAMP, changed, BODY)


@given(timestamp=st.none() | st.text(), signature=st.none() | st.text(), body=st.binary())
def test_any_headers_raise_only_signature_error(timestamp: str | None, signature: str | None, body: bytes) -> None:
    with pytest.raises(SignatureError):
        verify(VERIFIER, timestamp, signature, body)


@pytest.mark.parametrize(
    "timestamp", ["١٥٣١٤٢٠٦١٨", "+1531420618", " 1531420618", "1531420618\n", "1_531420618", "1e9", "0x5B", "9" * 4000]
)
def test_refuses_a_signed_timestamp_that_is_not_ascii_digits(timestamp: str) -> None:
    base = b"v0:" + timestamp.encode() + b":" + BODY
    signature = "v0=" + hmac.new(SECRET.encode(), base, hashlib.sha256).hexdigest()
    with pytest.raises(SignatureError, match="timestamp"):
        verify(VERIFIER, timestamp, signature, BODY)


def test_the_error_contains_neither_secret_nor_signature() -> None:
    with pytest.raises(SignatureError) as caught:
        verify(VERIFIER, TIMESTAMP, SIGNATURE[:-1] + "0", BODY)
    assert SECRET not in str(caught.value)
    assert SIGNATURE[:20] not in str(caught.value)
