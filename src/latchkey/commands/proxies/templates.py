"""Configurations of the proxies that may stand before the server.

Rule: nothing but /slack/ gets through, the body as it came, and the server is
told its client's address by the proxy alone, never by the client.
"""

from __future__ import annotations

from dataclasses import dataclass

LARGEST_BODY_MIB = 1
"""As much as the server takes (`handlers.events`)."""


@dataclass(frozen=True)
class Front:
    """What the proxy shows, and where it passes requests on."""

    scheme: str
    host: str
    """As it stands in a URL: IPv6 in brackets."""
    port: int
    is_local: bool
    """Only this machine is to reach it."""
    listen: str
    """The server's HOST:PORT, or "unix:/path"."""
    certificate: str = ""
    key: str = ""


def caddy(front: Front) -> str:
    """Return a site of a Caddyfile."""
    usual = front.port == (443 if front.scheme == "https" else 80)
    address = f"{front.scheme}://{front.host}" + ("" if usual else f":{front.port}")
    bind = "\tbind 127.0.0.1\n" if front.is_local else ""
    tls = f"\ttls {front.certificate} {front.key}\n" if front.certificate else ""
    upstream = front.listen.replace("unix:", "unix/", 1)
    return f"""\
# Caddy 2.6 or later: put this into /etc/caddy/Caddyfile, then `systemctl reload caddy`.
{address} {{
{bind}{tls}\t# Nothing but this gets through. Without the second `handle`, Caddy would answer 200 to everything else.
\thandle /slack/* {{
\t\trequest_body {{
\t\t\tmax_size {LARGEST_BODY_MIB}MiB
\t\t}}
\t\t# X-Forwarded-For becomes the client's address; what the client wrote there itself is dropped.
\t\treverse_proxy {upstream} {{
\t\t\t# While the server restarts, requests wait for it; Slack waits for 3 seconds.
\t\t\tlb_try_duration 2s
\t\t\tlb_try_interval 100ms
\t\t\ttransport http {{
\t\t\t\tdial_timeout 1s
\t\t\t\tresponse_header_timeout 20s
\t\t\t\t# Shorter than the server's own 9 seconds, so that no request meets a connection that it closes.
\t\t\t\tkeepalive 5s
\t\t\t}}
\t\t}}
\t}}
\thandle {{
\t\trespond 404
\t}}
}}
"""


def nginx(front: Front) -> str:
    """Return a file for nginx's `conf.d`."""
    return f"""\
# nginx 1.18 or later: put this into /etc/nginx/conf.d/latchkey.conf, then `nginx -t && systemctl reload nginx`.

# The path alone: nginx's usual format would log the codes and states of installs.
log_format latchkey '$remote_addr [$time_iso8601] "$request_method $uri" $status $body_bytes_sent $request_time';

upstream latchkey {{
    server {front.listen};
    keepalive 32;
    # Shorter than the server's own 9 seconds, so that no request meets a connection that it closes.
    keepalive_timeout 5s;
}}

server {{
{_nginx_listen(front)}
    server_name {front.host};
    access_log /var/log/nginx/latchkey.log latchkey;
    server_tokens off;

    client_max_body_size {LARGEST_BODY_MIB}m;
    client_header_timeout 10s;
    client_body_timeout 5s;

    # Nothing but this gets through.
    location ^~ /slack/ {{
        # No path here: with one, nginx would pass on another address than the one that was asked for.
        proxy_pass http://latchkey;
        proxy_http_version 1.1;
        proxy_set_header Connection "";
        proxy_set_header Host $host;
        # Set, and not added to: what the client wrote there itself is dropped.
        proxy_set_header X-Forwarded-For $remote_addr;
        proxy_set_header X-Forwarded-Proto $scheme;
        proxy_connect_timeout 1s;
        proxy_read_timeout 20s;
    }}
    location / {{
        return 404;
    }}
}}
{_nginx_redirect(front)}"""


def _nginx_listen(front: Front) -> str:
    tls = front.scheme == "https"
    more = " ssl http2" if tls else ""
    addresses = [f"127.0.0.1:{front.port}"] if front.is_local else [str(front.port), f"[::]:{front.port}"]
    lines = [f"    listen {address}{more};" for address in addresses]
    if tls:
        folder = f"/etc/letsencrypt/live/{front.host}"
        lines += [
            f"    ssl_certificate {front.certificate or f'{folder}/fullchain.pem'};",
            f"    ssl_certificate_key {front.key or f'{folder}/privkey.pem'};",
            "    ssl_protocols TLSv1.2 TLSv1.3;",
        ]
    return "\n".join(lines)


def _nginx_redirect(front: Front) -> str:
    """Return the plain server beside a usual https one, for people who type the address without a scheme."""
    if front.is_local or (front.scheme, front.port) != ("https", 443):
        return ""
    return f"""
server {{
    listen 80;
    listen [::]:80;
    server_name {front.host};
    access_log off;
    # Where certbot or another client of Let's Encrypt puts its answers.
    location /.well-known/acme-challenge/ {{
        root /var/www/html;
    }}
    location / {{
        return 301 https://$host$request_uri;
    }}
}}
"""
