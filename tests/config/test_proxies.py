"""Which outgoing proxy a URL is reached through, by the environment."""

import pytest

from latchkey.config import Proxies, load_settings
from latchkey.errors import ConfigError
from tests.support.command_line import CREDENTIALS

SLACK = "https://slack.com/api/"
PROXY = "http://proxy.example.com:3128"
OTHER = "http://other.example.com:8080"


def url_of(environ: dict[str, str], url: str = SLACK) -> str | None:
    proxy = Proxies(environ).for_url(url)
    return proxy.url if proxy else None


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({}, None),
        ({"HTTPS_PROXY": PROXY}, PROXY),
        ({"https_proxy": PROXY}, PROXY),
        ({"https_proxy": PROXY, "HTTPS_PROXY": OTHER}, PROXY),
        ({"HTTPS_PROXY": PROXY, "ALL_PROXY": OTHER, "HTTP_PROXY": OTHER}, PROXY),
        ({"ALL_PROXY": PROXY, "HTTP_PROXY": OTHER}, PROXY),
        ({"all_proxy": PROXY}, PROXY),
        ({"HTTP_PROXY": PROXY}, PROXY),
        ({"http_proxy": PROXY}, PROXY),
        ({"HTTPS_PROXY": ""}, None),
        ({"HTTPS_PROXY": "  "}, None),
        ({"HTTPS_PROXY": "", "HTTP_PROXY": PROXY}, PROXY),
        ({"HTTPS_PROXY": "proxy.example.com:3128"}, PROXY),
        ({"HTTPS_PROXY": f" {PROXY}/ "}, PROXY),
        ({"HTTPS_PROXY": "https://proxy.example.com"}, "https://proxy.example.com"),
        ({"HTTPS_PROXY": "http://[2001:db8::1]:3128"}, "http://[2001:db8::1]:3128"),
        ({"ALL_PROXY": "socks5h://proxy.example.com:1080"}, None),
        ({"ALL_PROXY": "socks5h://proxy.example.com:1080", "HTTP_PROXY": PROXY}, PROXY),
    ],
)
def test_the_most_specific_variable_counts(environ: dict[str, str], expected: str | None) -> None:
    assert url_of(environ) == expected


@pytest.mark.parametrize(
    ("hosts", "url", "direct"),
    [
        ("slack.com", SLACK, True),
        ("slack.com", "https://hooks.slack.com/x", True),
        (".slack.com", "https://files.slack.com/x", True),
        ("hooks.slack.com", SLACK, False),
        ("hooks.slack.com", "https://hooks.slack.com/x", True),
        ("lack.com", SLACK, False),
        ("example.com, slack.com", SLACK, True),
        ("*", SLACK, True),
        ("", SLACK, False),
        ("slack.com:8443", "https://slack.com:8443/x", True),
        ("slack.com:8443", SLACK, False),
    ],
)
@pytest.mark.parametrize("name", ["NO_PROXY", "no_proxy"])
def test_hosts_in_no_proxy_are_reached_directly(name: str, hosts: str, url: str, direct: bool) -> None:
    assert url_of({"HTTPS_PROXY": PROXY, name: hosts}, url) == (None if direct else PROXY)


@pytest.mark.parametrize("host", ["localhost", "localhost.", "LOCALHOST", "127.0.0.1", "127.8.9.10", "[::1]"])
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_this_machine_is_reached_directly(scheme: str, host: str) -> None:
    assert (
        url_of({"HTTPS_PROXY": PROXY, "HTTP_PROXY": PROXY, "ALL_PROXY": PROXY}, f"{scheme}://{host}:8090/api/") is None
    )


def test_user_and_password_are_only_in_the_header_for_the_proxy() -> None:
    proxies = Proxies({"HTTPS_PROXY": "http://user:p%40ss:w@proxy.example.com:3128"})
    proxy = proxies.for_url(SLACK)
    assert proxy is not None
    assert proxy.url == PROXY
    assert proxy.headers == {"Proxy-Authorization": "Basic dXNlcjpwQHNzOnc="}
    assert proxies.arguments(SLACK) == {"proxy": PROXY, "proxy_headers": proxy.headers}
    assert "p%40ss" not in repr(proxies)


@pytest.mark.parametrize(
    "value", ["socks5://sentinel:1080", "http://", "ftp://sentinel", "http://sentinel:99999", "http://sentinel:0", "http://[sentinel", "sentinel://"]
)  # fmt: skip
@pytest.mark.parametrize("variable", ["HTTPS_PROXY", "https_proxy"])
def test_an_unusable_proxy_is_refused_without_showing_it(variable: str, value: str) -> None:
    environ = {**CREDENTIALS, variable: value}
    for load in (lambda: Proxies(environ).for_url(SLACK), lambda: load_settings(None, environ, {}).require_slack()):
        with pytest.raises(ConfigError, match="HTTPS_PROXY: expected http://HOST:PORT") as caught:
            load()
        assert "sentinel" not in str(caught.value)
        assert caught.value.exit_code == 78


def test_an_unusable_proxy_does_not_matter_to_what_never_contacts_slack() -> None:
    settings = load_settings(None, {"HTTPS_PROXY": "socks5://proxy:1080"}, {})
    assert [fault.where for fault in settings.proxy_faults()] == ["HTTPS_PROXY"]
    local = {"HTTPS_PROXY": "socks5://proxy:1080", "LATCHKEY_SLACK_API_URL": "http://localhost:8090/api/"}
    assert not load_settings(None, {**CREDENTIALS, **local}, {}).proxy_faults()
