"""The app's credentials: their sources, and what is said of one that Slack cannot have issued."""

from pathlib import Path

import msgspec
import pytest

from latchkey.errors import ConfigError
from tests.config.loading import faults, load
from tests.support.command_line import CLIENT_ID, CLIENT_SECRET, CREDENTIALS, SECRET_MARK, SIGNING_SECRET


def test_lists_all_missing_credentials_at_once(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        load(tmp_path).require_slack()
    assert len(caught.value.faults) == 3
    credentials = load(tmp_path, environ=dict(CREDENTIALS)).require_slack()
    assert credentials.client_id == CLIENT_ID
    assert credentials.client_secret.reveal() == CLIENT_SECRET
    assert [secret.reveal() for secret in credentials.signing_secrets] == [SIGNING_SECRET]


def test_signing_secrets_are_optional_for_calls_to_slack(tmp_path: Path) -> None:
    settings = load(tmp_path, environ={"SLACK_CLIENT_ID": CLIENT_ID, "SLACK_CLIENT_SECRET": CLIENT_SECRET})
    assert settings.require_slack(signing=False).signing_secrets == ()
    with pytest.raises(ConfigError):
        settings.require_slack()


MALFORMED = [
    ({"SLACK_CLIENT_ID": CLIENT_SECRET, "SLACK_CLIENT_SECRET": CLIENT_ID}, "SLACK_CLIENT_ID and SLACK_CLIENT_SECRET: are swapped"),
    ({"SLACK_CLIENT_ID": f'"{CLIENT_ID}"'}, "SLACK_CLIENT_ID: must not be in quotes: they have become part of the value"),
    ({"SLACK_CLIENT_ID": "A0LATCHKEY"}, "SLACK_CLIENT_ID: expected two numbers with a dot between them, such as 1234567890.1234567890"),
    ({"SLACK_CLIENT_ID": SIGNING_SECRET}, "SLACK_CLIENT_ID: expected two numbers with a dot between them, such as 1234567890.1234567890"),
    ({"SLACK_CLIENT_SECRET": f"'{CLIENT_SECRET}'"}, "SLACK_CLIENT_SECRET: must not be in quotes: they have become part of the value"),
    ({"SLACK_CLIENT_SECRET": CLIENT_ID}, "SLACK_CLIENT_SECRET: expected 32 hexadecimal digits; found 21 characters"),
    ({"SLACK_CLIENT_SECRET": f"xoxb-1-{SECRET_MARK}"}, "SLACK_CLIENT_SECRET: is a token, not a secret"),
    ({"SLACK_SIGNING_SECRET": "5"}, "SLACK_SIGNING_SECRET: expected 32 hexadecimal digits; found 1 character"),
    ({"SLACK_SIGNING_SECRET": SIGNING_SECRET[:-1]}, "SLACK_SIGNING_SECRET: expected 32 hexadecimal digits; found 31 characters"),
    ({"SLACK_SIGNING_SECRET": SIGNING_SECRET * 2}, "SLACK_SIGNING_SECRET: expected 32 hexadecimal digits; found 64 characters"),
    ({"SLACK_SIGNING_SECRET": f"{SECRET_MARK}{'z' * 26}"}, "SLACK_SIGNING_SECRET: expected 32 hexadecimal digits; found other characters"),
    ({"SLACK_SIGNING_SECRET": f'"{SIGNING_SECRET}"'}, "SLACK_SIGNING_SECRET: must not be in quotes: they have become part of the value"),
    ({"SLACK_SIGNING_SECRET": f"{SIGNING_SECRET} {SIGNING_SECRET}"}, "SLACK_SIGNING_SECRET: expected one secret per line, in printable ASCII"),
    ({"SLACK_SIGNING_SECRET": f"{SIGNING_SECRET}\n5"}, "SLACK_SIGNING_SECRET, line 2: expected 32 hexadecimal digits; found 1 character"),
    ({"SLACK_SIGNING_SECRET": CLIENT_SECRET}, "SLACK_SIGNING_SECRET: is the same as SLACK_CLIENT_SECRET; the app has two different secrets"),
]  # fmt: skip


@pytest.mark.parametrize(("environ", "expected"), MALFORMED, ids=lambda value: value if isinstance(value, str) else "")
def test_names_a_credential_that_slack_cannot_have_issued(
    tmp_path: Path, environ: dict[str, str], expected: str
) -> None:
    found = faults(tmp_path, environ={**CREDENTIALS, **environ}, need_slack=True)
    assert found == [expected]
    assert SECRET_MARK not in expected


@pytest.mark.parametrize("around", [" {}", "{}\r\n", "\n{}\n", "\t{} "])
def test_ignores_space_and_line_breaks_around_a_credential(tmp_path: Path, around: str) -> None:
    environ = {name: around.format(value) for name, value in CREDENTIALS.items()}
    credentials = load(tmp_path, environ=environ).require_slack()
    assert (credentials.client_id, credentials.client_secret.reveal()) == (CLIENT_ID, CLIENT_SECRET)
    assert [secret.reveal() for secret in credentials.signing_secrets] == [SIGNING_SECRET]


def test_client_id_in_the_file_is_named_there(tmp_path: Path) -> None:
    environ = {"SLACK_CLIENT_SECRET": CLIENT_SECRET, "SLACK_SIGNING_SECRET": SIGNING_SECRET}
    [found] = faults(tmp_path, "[slack]\nclient_id = 'A0LATCHKEY'\n", environ, need_slack=True)
    assert found.startswith("config.toml [slack] client_id: expected two numbers")
    [found] = faults(tmp_path, "[slack]\nclient_id = 12.34\n", environ, need_slack=True)
    assert found == "config.toml [slack] client_id: expected text in quotes"


@pytest.mark.parametrize(
    ("api_url", "is_checked"),
    [
        ("https://slack.com/api/", True),
        ("https://slack-gov.com/api/", True),
        ("https://www.slack.com/api/", True),
        ("http://localhost:8090/api/", False),
        ("https://notslack.com/api/", False),
    ],
)
def test_a_simulated_slack_may_issue_anything(tmp_path: Path, api_url: str, is_checked: bool) -> None:
    environ = {"SLACK_CLIENT_ID": "app", "SLACK_CLIENT_SECRET": "a", "SLACK_SIGNING_SECRET": "b"}
    settings = load(tmp_path, environ={**environ, "LATCHKEY_SLACK_API_URL": api_url})
    assert bool(settings.malformed_credentials()) == is_checked


def test_a_secret_file_may_begin_with_a_byte_order_mark(tmp_path: Path) -> None:
    (tmp_path / "signing").write_text(f"\ufeff{SIGNING_SECRET}\r\n", encoding="utf-8")
    found = load(tmp_path, environ={"SLACK_SIGNING_SECRET_FILE": str(tmp_path / "signing")})
    assert [secret.reveal() for secret in found.signing_secrets] == [SIGNING_SECRET]


def test_precedence_of_secrets_is_credential_file_environment(tmp_path: Path) -> None:
    credentials = tmp_path / "credentials"
    credentials.mkdir()
    (credentials / "client_secret").write_text("from-credential\n")
    (tmp_path / "client").write_text("from-file")
    (tmp_path / "signing").write_text("new\n\nold\n")
    environ = {
        "CREDENTIALS_DIRECTORY": str(credentials),
        "SLACK_CLIENT_SECRET_FILE": str(tmp_path / "client"),
        "SLACK_CLIENT_SECRET": "from-environment",
        "SLACK_SIGNING_SECRET_FILE": str(tmp_path / "signing"),
        "SLACK_SIGNING_SECRET": "x",
    }
    found = load(tmp_path, environ=environ)
    assert found.client_secret is not None
    assert found.client_secret.reveal() == "from-credential"
    assert [secret.reveal() for secret in found.signing_secrets] == ["new", "old"]
    assert found.origins["slack.client_secret"] == "credential client_secret"
    assert sorted(found.secrets) == ["from-credential", "new", "old"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "No such file"), (b"", "is empty"), (b"\n\n", "is empty"), (b'"sentinel"\n', "quotes"), (b"\xff\xfe", "short text file"),
        (b"x" * 20_000, "short text file"), (b"sentinel with spaces", "printable ASCII"), (b"senti\x07nel", "printable ASCII"),
    ],
)  # fmt: skip
def test_names_a_bad_secret_file_without_showing_its_content(
    tmp_path: Path, content: bytes | None, message: str
) -> None:
    path = tmp_path / "secret"
    if content is not None:
        path.write_bytes(content)
    (found,) = faults(tmp_path, environ={"SLACK_SIGNING_SECRET_FILE": str(path)})
    assert found.startswith("SLACK_SIGNING_SECRET_FILE: ")
    assert message in found
    assert "sentinel" not in found


def test_refuses_two_client_secrets(tmp_path: Path) -> None:
    assert faults(tmp_path, environ={"SLACK_CLIENT_SECRET": "a\nb"}) == ["SLACK_CLIENT_SECRET: expected a single line"]


def test_secret_is_hidden_when_printed_or_serialised(tmp_path: Path) -> None:
    import pickle

    found = load(tmp_path, environ={"SLACK_CLIENT_SECRET": "sentinel"})
    secret = found.client_secret
    assert "sentinel" not in f"{secret} {secret!r} {secret:>20} {found} {[secret]}"
    with pytest.raises(TypeError):
        pickle.dumps(secret)
    with pytest.raises(TypeError):
        msgspec.json.encode(secret)
