"""Templates for Caddy and nginx.

Invariant: only /slack/, the start page and the paths of the install flow are passed on, with the body unchanged;
X-Forwarded-For is set by the proxy, never by the client.
"""

from __future__ import annotations

from dataclasses import dataclass

from latchkey.slackapi.requests import MAX_BODY_BYTES

MAX_BODY_MIB = MAX_BODY_BYTES >> 20
"""The server's own limit."""


@dataclass(frozen=True)
class Proxy:
    """The values that the templates need."""

    scheme: str
    host: str
    """As in a URL: IPv6 in brackets."""
    port: int
    is_local: bool
    """Listen on loopback only."""
    listen: str
    """Where the server listens: HOST:PORT, or "unix:/path"."""
    paths: tuple[str, ...] = ()
    """Paths outside of /slack/ that are passed on, besides the start page."""
    certificate: str = ""
    key: str = ""


def caddy(proxy: Proxy) -> str:
    """Return a site block for a Caddyfile."""
    is_default = proxy.port == (443 if proxy.scheme == "https" else 80)
    address = f"{proxy.scheme}://{proxy.host}" + ("" if is_default else f":{proxy.port}")
    bind = "\tbind 127.0.0.1\n" if proxy.is_local else ""
    tls = f"\ttls {proxy.certificate} {proxy.key}\n" if proxy.certificate else ""
    upstream = proxy.listen.replace("unix:", "unix/", 1)
    return f"""\
# For Caddy 2.6 or later. Add it to /etc/caddy/Caddyfile, then run `systemctl reload caddy`.
{address} {{
{bind}{tls}\t# Only this is passed on. Without the second `handle`, Caddy would answer 200 to everything else.
\t@public path / /slack/*{"".join(f" {path}" for path in proxy.paths)}
\thandle @public {{
\t\trequest_body {{
\t\t\tmax_size {MAX_BODY_MIB}MiB
\t\t}}
\t\t# Sets X-Forwarded-For to the client's address and drops what the client sent there.
\t\treverse_proxy {upstream} {{
\t\t\t# Requests wait while the server restarts. Slack gives up after 3 seconds.
\t\t\tlb_try_duration 2s
\t\t\tlb_try_interval 100ms
\t\t\ttransport http {{
\t\t\t\tdial_timeout 1s
\t\t\t\tresponse_header_timeout 20s
\t\t\t\t# Shorter than the server's 9 seconds, so that no request is sent on a connection being closed.
\t\t\t\tkeepalive 5s
\t\t\t}}
\t\t}}
\t}}
\thandle {{
\t\trespond 404
\t}}
}}
"""


def nginx(proxy: Proxy) -> str:
    """Return a file for nginx's conf.d."""
    return f"""\
# For nginx 1.18 or later. Save it as /etc/nginx/conf.d/latchkey.conf, then run `nginx -t && systemctl reload nginx`.

# Only the path: nginx's default format would log the codes and states of installs.
log_format latchkey '$remote_addr [$time_iso8601] "$request_method $uri" $status $body_bytes_sent $request_time';

upstream latchkey {{
    server {proxy.listen};
    keepalive 32;
    # Shorter than the server's 9 seconds, so that no request is sent on a connection being closed.
    keepalive_timeout 5s;
}}

server {{
{_nginx_listen(proxy)}
    server_name {proxy.host};
    access_log /var/log/nginx/latchkey.log latchkey;
    server_tokens off;

    client_max_body_size {MAX_BODY_MIB}m;
    client_header_timeout 10s;
    client_body_timeout 5s;

    proxy_http_version 1.1;
    proxy_set_header Connection "";
    proxy_set_header Host $host;
    # Replaced, not appended to, so that what the client sent there is dropped.
    proxy_set_header X-Forwarded-For $remote_addr;
    proxy_set_header X-Forwarded-Proto $scheme;
    proxy_connect_timeout 1s;
    proxy_read_timeout 20s;

    # Only these are passed on. No path in proxy_pass: with one, nginx would rewrite the path of the request.
    location ^~ /slack/ {{
        proxy_pass http://latchkey;
    }}
{_nginx_locations(("/", *proxy.paths))}
    location / {{
        return 404;
    }}
}}
{_nginx_redirect(proxy)}"""


def _nginx_listen(proxy: Proxy) -> str:
    tls = proxy.scheme == "https"
    options = " ssl http2" if tls else ""
    addresses = [f"127.0.0.1:{proxy.port}"] if proxy.is_local else [str(proxy.port), f"[::]:{proxy.port}"]
    lines = [f"    listen {address}{options};" for address in addresses]
    if tls:
        folder = f"/etc/letsencrypt/live/{proxy.host}"
        lines += [
            f"    ssl_certificate {proxy.certificate or f'{folder}/fullchain.pem'};",
            f"    ssl_certificate_key {proxy.key or f'{folder}/privkey.pem'};",
            "    ssl_protocols TLSv1.2 TLSv1.3;",
        ]
    return "\n".join(lines)


def _nginx_locations(paths: tuple[str, ...]) -> str:
    return "\n".join(f"    location = {path} {{\n        proxy_pass http://latchkey;\n    }}" for path in paths)


def _nginx_redirect(proxy: Proxy) -> str:
    """Return a redirect from port 80, for people who type the address without a scheme."""
    if proxy.is_local or (proxy.scheme, proxy.port) != ("https", 443):
        return ""
    return f"""
server {{
    listen 80;
    listen [::]:80;
    server_name {proxy.host};
    access_log off;
    # For certbot and other ACME clients.
    location /.well-known/acme-challenge/ {{
        root /var/www/html;
    }}
    location / {{
        return 301 https://$host$request_uri;
    }}
}}
"""
