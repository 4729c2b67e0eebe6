"""`latchkey proxy-config`: a configuration for the proxy that stands before the server."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from urllib.parse import urlsplit

import click

from latchkey.commands.output import config_option, say
from latchkey.commands.proxies.templates import Front, caddy, nginx
from latchkey.config import LOCAL_HOSTS, Settings, load_settings
from latchkey.errors import ConfigError, Fault

PROXIES: Mapping[str, Callable[[Front], str]] = {"caddy": caddy, "nginx": nginx}
_USUAL_PORTS = {"https": 443, "http": 80}
# What may stand in a configuration as it is, without a quote, a space or a brace.
_HOST = re.compile(r"[\w.:-]+", re.ASCII)
_PLAIN = re.compile(r"[\w./:\[\]@+,=~-]+")


@click.command("proxy-config")
@click.argument("proxy", type=click.Choice(list(PROXIES)))
@config_option
@click.option("--certificate", metavar="FILE", help="the certificate with its chain (default: Caddy's, or certbot's)")
@click.option("--key", metavar="FILE", help="its private key")
def command(proxy: str, config_path: Path | None, certificate: str | None, key: str | None) -> None:
    """Print a configuration of Caddy or nginx for [server] public_url and listen.

    Nothing but /slack/ gets through it.
    """
    if (certificate is None) != (key is None):
        raise click.UsageError("--certificate and --key go together")
    for path in (certificate, key):
        if path is not None and not (path.startswith("/") and _PLAIN.fullmatch(path)):
            raise click.UsageError("--certificate and --key take absolute paths without spaces and quotes")
    settings = load_settings(config_path, os.environ, {})
    click.echo(PROXIES[proxy](_front(settings, certificate or "", key or "")), nl=False)
    trusted = "unix" if settings.socket_path else "127.0.0.1"
    if trusted not in settings.server.trusted_proxies:
        say(f'note: with [server] trusted_proxies = ["{trusted}"] the access log shows the clients\' addresses')


def _front(settings: Settings, certificate: str, key: str) -> Front:
    """Return what is asked of the proxy; raises ConfigError where it cannot be written down."""
    parts = urlsplit(settings.public_url)
    host = parts.hostname or ""
    if not _HOST.fullmatch(host):
        raise ConfigError([Fault("[server] public_url", "expected a host's name or address")])
    if parts.scheme == "http" and certificate:
        raise ConfigError([Fault("[server] public_url", "begins with http://, which has no certificate")])
    return Front(
        scheme=parts.scheme,
        host=f"[{host}]" if ":" in host else host,
        port=parts.port or _USUAL_PORTS[parts.scheme],
        is_local=host in LOCAL_HOSTS,
        listen=_upstream(settings),
        certificate=certificate,
        key=key,
    )


def _upstream(settings: Settings) -> str:
    if settings.socket_path is not None:
        if not _PLAIN.fullmatch(str(settings.socket_path)):
            raise ConfigError([Fault("[server] listen", "expected a path without spaces and quotes, for the proxy")])
        return settings.server.listen
    host, port = settings.address
    if not port:
        raise ConfigError([Fault("[server] listen", "expected a port other than 0, for the proxy to find")])
    # An address that means all of this machine's is reached at its own.
    host = "127.0.0.1" if host in ("", "0.0.0.0", "::") else host  # noqa: S104  # it is compared, not listened on
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
