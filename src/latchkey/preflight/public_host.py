"""Checks that the host of the public URL has an address."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from urllib.parse import urlsplit

from latchkey.config import LOCAL_HOSTS
from latchkey.preflight.context import StartContext
from latchkey.preflight.problems import Finding, Problem, Severity

LOOKUP_TIMEOUT = 3.0
"""Seconds; a resolver that cannot be reached would be waited for much longer."""

DNS_FAILED = Problem.error(
    "dns-failed",
    cause="A host name cannot be resolved on this machine.",
    fix="Check the name and this machine's resolver.",
)


def check_public_host(context: StartContext) -> Iterator[Finding]:
    """Look the host up. A failure is a warning: Slack may know a name that this machine does not."""
    host = urlsplit(context.settings.server.public_url).hostname
    if host and host not in LOCAL_HOSTS and not _has_address(host):
        found = DNS_FAILED.found(f"{host} cannot be resolved", where="[server] public_url")
        yield found._replace(severity=Severity.WARNING)


def _has_address(host: str) -> bool:
    answers: list[bool] = []

    def look_up() -> None:
        try:
            answers.append(bool(socket.getaddrinfo(host, None)))
        except (OSError, UnicodeError):
            answers.append(False)

    # getaddrinfo takes no timeout; a daemon thread does not keep the process from ending.
    thread = threading.Thread(target=look_up, daemon=True)
    thread.start()
    thread.join(LOOKUP_TIMEOUT)
    return answers == [True]
