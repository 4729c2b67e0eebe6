"""`latchkey proxy-config`: its output and its errors; test_proxies.py tests the output in real proxies."""

from pathlib import Path

import pytest

from tests.support.command_line import run

URL = {"LATCHKEY_SERVER_PUBLIC_URL": "https://slack.example.com"}


@pytest.mark.parametrize("proxy", ["caddy", "nginx"])
def test_prints_the_public_url_and_the_address_of_the_server(tmp_path: Path, proxy: str) -> None:
    done = run(tmp_path, "proxy-config", proxy, **URL)
    assert done.returncode == 0
    assert "slack.example.com" in done.stdout
    assert "127.0.0.1:8080" in done.stdout
    assert done.stderr == ('note: set [server] trusted_proxies = ["127.0.0.1"] to log the addresses of clients\n')


def test_caddy_obtains_its_certificate_and_nginx_uses_certbots(tmp_path: Path) -> None:
    assert "\ttls " not in run(tmp_path, "proxy-config", "caddy", **URL).stdout
    printed = run(tmp_path, "proxy-config", "nginx", **URL).stdout
    assert "ssl_certificate /etc/letsencrypt/live/slack.example.com/fullchain.pem;" in printed
    assert "return 301 https://$host$request_uri;" in printed


@pytest.mark.parametrize("proxy", ["caddy", "nginx"])
def test_uses_the_given_certificate(tmp_path: Path, proxy: str) -> None:
    done = run(tmp_path, "proxy-config", proxy, "--certificate", "/etc/ssl/a.pem", "--key", "/etc/ssl/a.key", **URL)
    assert "/etc/ssl/a.pem" in done.stdout
    assert "/etc/ssl/a.key" in done.stdout


@pytest.mark.parametrize(
    ("listen", "caddy", "nginx"),
    [
        (":9000", "reverse_proxy 127.0.0.1:9000 {", "server 127.0.0.1:9000;"),
        ("[::]:9000", "reverse_proxy [::1]:9000 {", "server [::1]:9000;"),
        ("[::1]:9000", "reverse_proxy [::1]:9000 {", "server [::1]:9000;"),
        ("10.0.0.5:80", "reverse_proxy 10.0.0.5:80 {", "server 10.0.0.5:80;"),
        ("unix:/run/l/l.sock", "reverse_proxy unix//run/l/l.sock {", "server unix:/run/l/l.sock;"),
    ],
)
def test_reaches_the_server_wherever_it_listens(tmp_path: Path, listen: str, caddy: str, nginx: str) -> None:
    environ = {**URL, "LATCHKEY_SERVER_LISTEN": listen}
    assert caddy in run(tmp_path, "proxy-config", "caddy", **environ).stdout
    assert nginx in run(tmp_path, "proxy-config", "nginx", **environ).stdout


def test_keeps_a_nonstandard_port_and_adds_no_redirect(tmp_path: Path) -> None:
    environ = {"LATCHKEY_SERVER_PUBLIC_URL": "https://slack.example.com:8443/"}
    assert "https://slack.example.com:8443 {" in run(tmp_path, "proxy-config", "caddy", **environ).stdout
    printed = run(tmp_path, "proxy-config", "nginx", **environ).stdout
    assert "listen 8443 ssl http2;" in printed
    assert "301" not in printed


def test_prints_no_note_if_the_proxy_is_trusted(tmp_path: Path) -> None:
    assert run(tmp_path, "proxy-config", "caddy", LATCHKEY_SERVER_TRUSTED_PROXIES="127.0.0.1", **URL).stderr == ""
    unix = {"LATCHKEY_SERVER_LISTEN": "unix:/run/l.sock", "LATCHKEY_SERVER_TRUSTED_PROXIES": "unix"}
    assert run(tmp_path, "proxy-config", "caddy", **unix, **URL).stderr == ""


@pytest.mark.parametrize(
    ("environ", "problem"),
    [
        ({}, "[server] public_url: must be set"),
        ({**URL, "LATCHKEY_SERVER_LISTEN": "127.0.0.1:0"}, "[server] listen: expected a fixed port, not 0, for the proxy"),
        ({**URL, "LATCHKEY_SERVER_LISTEN": "unix:/run/a b.sock"}, "[server] listen: expected a path without spaces or quotes, for the proxy"),
        ({"LATCHKEY_SERVER_PUBLIC_URL": "https://a;b{}.example.com"}, 'LATCHKEY_SERVER_PUBLIC_URL: expected a URL that starts with https:// and a host name; found "https://a;b{}.example.com"'),
    ],
)  # fmt: skip
@pytest.mark.parametrize("proxy", ["caddy", "nginx"])
def test_refuses_values_that_cannot_be_inserted_safely(
    tmp_path: Path, proxy: str, environ: dict[str, str], problem: str
) -> None:
    done = run(tmp_path, "proxy-config", proxy, **environ)
    assert (done.returncode, done.stdout) == (78, "")
    assert done.stderr.splitlines()[0] == f"latchkey: {problem}"


@pytest.mark.parametrize(
    "arguments",
    [(), ("apache",), ("nginx", "--key", "/a"), ("nginx", "--certificate", "a.pem", "--key", "/a"), ("caddy", "--certificate", "/a b", "--key", "/a"), ("caddy", "--certificate", "/a;b", "--key", "/a")],
)  # fmt: skip
def test_wrong_usage_exits_with_2(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    assert run(tmp_path, "proxy-config", *arguments, **URL).returncode == 2


def test_refuses_a_certificate_for_http(tmp_path: Path) -> None:
    environ = {"LATCHKEY_SERVER_PUBLIC_URL": "http://localhost:8000"}
    done = run(tmp_path, "proxy-config", "caddy", "--certificate", "/a", "--key", "/b", **environ)
    assert done.returncode == 78


@pytest.mark.parametrize(
    ("proxy", "passed_on"),
    [
        ("caddy", ["@public path / /slack/* /add\n"]),
        ("nginx", ["location = / {", "location = /add {"]),
    ],
)
def test_passes_on_the_paths_of_the_install_flow(tmp_path: Path, proxy: str, passed_on: list[str]) -> None:
    paths = {"LATCHKEY_INSTALL_PATH": "/add", "LATCHKEY_INSTALL_CALLBACK_PATH": "/slack/back"}
    printed = run(tmp_path, "proxy-config", proxy, **paths, **URL).stdout
    assert all(line in printed for line in passed_on)
    assert "/slack/back" not in printed
