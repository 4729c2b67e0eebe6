"""The [app] section: what is refused in the texts and links that pages show."""

from pathlib import Path

import pytest

from latchkey.config import Settings, load_settings
from latchkey.errors import ConfigError

URL_KEYS = [
    ("app", "support_url"),
    ("app", "privacy_url"),
    ("install", "success_url"),
    ("install", "failure_url"),
    ("server", "public_url"),
]
BAD_URLS = [
    "javascript:alert(1)",
    "JaVaScRiPt:alert(1)//https://example.com",
    "data:text/html,<script>alert(1)</script>",
    "vbscript:x",
    "file:///etc/passwd",
    "ftp://example.com/",
    "//example.com/",
    "/privacy",
    "example.com",
    "http://example.com/",
    "http://10.0.0.1/",
    "http://localhost.evil.example/",
    "http://localhost@evil.example/",
    "https://",
    "https:///path",
    "https:example.com",
    "https://user:password@example.com/",
    "https://@example.com/",
    "https://exa mple.com/",
    "https://example.com/\nhttps://evil.example/",
    "https://example.com\\.evil.example/",
    'https://example.com"onmouseover="alert(1)',
    "https://exa<b>mple.com/",
    "https://exa%6dple.com/",
    "https://-example.com/",
    "https://example..com/",
    "https://" + "a" * 64 + ".com/",
    "https://" + "a." * 130 + "com/",
    "https://example.com:0/",
    "https://example.com:99999/",
    "https://example.com:x/",
    "https://[::1/",
    "https://[::zz]/",
    "https://пример.example/",
    "https://example.com/приватность",
    "https://example.com/\u202egpj.exe",
    "https://example.com/\u200b",
    "https://example.com/\x00",
    "https://example.com/\x7f",
    "https://example.com/" + "x" * 3000,
    "https://example.com/?" + "x" * 3000,
]


def settings(tmp_path: Path, section: str, **values: str) -> Settings:
    environ = {f"LATCHKEY_{section}_{key}".upper(): value for key, value in values.items()}
    file = tmp_path / "config.toml"
    file.touch()
    return load_settings(file, environ, {})


@pytest.mark.parametrize("url", BAD_URLS, ids=lambda url: ascii(url)[:40])
@pytest.mark.parametrize(("section", "key"), URL_KEYS)
def test_refuses_bad_urls_in_every_setting_that_is_one(tmp_path: Path, section: str, key: str, url: str) -> None:
    with pytest.raises(ConfigError) as caught:
        settings(tmp_path, section, **{key: url})
    [fault] = caught.value.faults
    assert fault.where == f"LATCHKEY_{section}_{key}".upper()
    assert fault.problem.startswith("expected ")
    assert fault.problem.isprintable(), "a value cannot change the line that shows it"


@pytest.mark.parametrize(
    "url",
    [
        "",
        "https://example.com",
        "https://example.com/legal?language=en#privacy",
        "https://xn--e1afmkfd.example/%D0%BF",
        "https://192.0.2.1:8443/",
        "https://[2001:db8::1]/",
        "http://localhost:8080/privacy",
    ],
)
def test_links_are_https_or_on_this_machine(tmp_path: Path, url: str) -> None:
    found = settings(tmp_path, "app", support_url=url, privacy_url=url)
    assert (found.app.support_url, found.app.privacy_url) == (url, url)


def test_support_may_be_one_email_address(tmp_path: Path) -> None:
    assert settings(tmp_path, "app", support_url="mailto:help+slack@example.com").app.support_url
    for value in (
        "mailto:",
        "mailto:nobody",
        "mailto:a@b@example.com",
        "mailto:a@example.com,b@example.com",
        "mailto:a@example.com?bcc=b@example.com",
        "mailto:a b@example.com",
        "mailto:a@example.com\u202e",
        "mailto:" + "a" * 300 + "@example.com",
        "mailto:a%0abcc:b@example.com",
    ):
        with pytest.raises(ConfigError, match="mailto:help@example.com"):
            settings(tmp_path, "app", support_url=value)
    with pytest.raises(ConfigError, match="https://"):
        settings(tmp_path, "app", privacy_url="mailto:help@example.com")


@pytest.mark.parametrize("key", ["name", "description", "operator"])
@pytest.mark.parametrize(
    "text",
    ["a\nb", "a\tb", "a\x00b", "a\x1b[31mb", "a\u202eb", "a\u200fb", "a\u2066b", "a\u2028b", "\ufeffa", "a\ud800b"],
)
def test_texts_have_no_control_or_direction_characters(tmp_path: Path, key: str, text: str) -> None:
    with pytest.raises(ConfigError, match="printable characters"):
        settings(tmp_path, "app", **{key: text})


def test_texts_may_be_in_any_language(tmp_path: Path) -> None:
    found = settings(tmp_path, "app", name="Погода", description="天気をお知らせします ☂", operator="شركة المثال")
    assert (found.app.name, found.app.description, found.app.operator) == (
        "Погода",
        "天気をお知らせします ☂",
        "شركة المثال",
    )
