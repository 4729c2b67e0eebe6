"""`latchkey proxy-config`: prints a configuration for the reverse proxy in proxy of the server."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from urllib.parse import urlsplit

import click

from latchkey.commands.context import command_settings, settings_with_app
from latchkey.commands.proxies.templates import Proxy, caddy, nginx
from latchkey.commands.terminal import Word, config_option, say
from latchkey.config import LOCAL_HOSTS, Settings
from latchkey.errors import ConfigError, Fault

PROXIES: Mapping[str, Callable[[Proxy], str]] = {"caddy": caddy, "nginx": nginx}
_DEFAULT_PORTS = {"https": 443, "http": 80}
# Safe to insert into a configuration unquoted: no quote, space or brace.
_HOST = re.compile(r"[\w.:-]+", re.ASCII)
_PLAIN = re.compile(r"[\w./:\[\]@+,=~-]+")


@click.command("proxy-config")
@click.argument("proxy", type=Word(list(PROXIES)))
@config_option
@click.option(
    "--certificate",
    metavar="FILE",
    help="TLS certificate with chain (default: Caddy's own or certbot's)",
)
@click.option("--key", metavar="FILE", help="private key of the certificate")
def command(proxy: str, config_path: Path | None, certificate: str | None, key: str | None) -> None:
    """Print a configuration for Caddy or nginx, from [server] public_url and listen.

    It passes on only /slack/, the start page and [install] path and callback_path, and answers 404 to everything else.
    """
    if (certificate is None) != (key is None):
        raise click.UsageError("--certificate and --key go together")
    for path in (certificate, key):
        if path is not None and not (path.startswith("/") and _PLAIN.fullmatch(path)):
            raise click.UsageError("--certificate and --key must be absolute paths without spaces or quotes")
    settings = settings_with_app(command_settings(config_path))
    click.echo(PROXIES[proxy](_proxy(settings, certificate or "", key or "")), nl=False)
    trusted = "unix" if settings.socket_path else "127.0.0.1"
    if trusted not in settings.server.trusted_proxies:
        say(f'note: set [server] trusted_proxies = ["{trusted}"] to log the addresses of clients')


def _proxy(settings: Settings, certificate: str, key: str) -> Proxy:
    """Return the values for the templates; raises ConfigError if one cannot be inserted safely."""
    parts = urlsplit(settings.public_url)
    host = parts.hostname or ""
    if not _HOST.fullmatch(host):
        raise ConfigError([Fault("[server] public_url", "expected a host name or address")])
    if parts.scheme == "http" and certificate:
        raise ConfigError([Fault("[server] public_url", "a certificate needs https://")])
    return Proxy(
        scheme=parts.scheme,
        host=f"[{host}]" if ":" in host else host,
        port=parts.port or _DEFAULT_PORTS[parts.scheme],
        is_local=host in LOCAL_HOSTS,
        listen=_upstream(settings),
        paths=_paths(settings),
        certificate=certificate,
        key=key,
    )


def _paths(settings: Settings) -> tuple[str, ...]:
    """Return the paths of the install flow that are not below /slack/."""
    paths = dict.fromkeys((settings.install.path, settings.install.callback_path))
    return tuple(path for path in paths if path != "/" and not path.startswith("/slack/"))


def _upstream(settings: Settings) -> str:
    if settings.socket_path is not None:
        if not _PLAIN.fullmatch(str(settings.socket_path)):
            raise ConfigError([Fault("[server] listen", "expected a path without spaces or quotes, for the proxy")])
        return settings.server.listen
    host, port = settings.local_address
    if not port:
        raise ConfigError([Fault("[server] listen", "expected a fixed port, not 0, for the proxy")])
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
