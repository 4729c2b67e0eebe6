"""Checks the app's credentials: whether they are set, and whether they can be what Slack issued.

Invariant: a message contains nothing of a credential except its length.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from urllib.parse import urlsplit

from latchkey.config.secrets import Secret
from latchkey.errors import Fault

CREDENTIALS_HINT = "Slack shows them under Basic Information at https://api.slack.com/apps"
DEMO_HINT = (
    "latchkey setup creates an app and stores them; of an app that exists, Slack shows them under Basic Information at"
    " https://api.slack.com/apps; to try Latchkey without an app, run latchkey demo"
)

ID, SECRET, SIGNING = "slack.client_id", "slack.client_secret", "slack.signing_secret"

_SLACK_HOSTS = ("slack.com", "slack-gov.com")
_CLIENT_ID = re.compile(r"\d+\.\d+")
_SECRET = re.compile(r"[0-9a-f]{32}")
"""The form of both secrets that Slack issues."""
_TOKEN = re.compile(r"xox|xapp-|xwfp-")


def missing_credentials(client_id: str, client_secret: Secret | None, signing_secrets: Sequence[Secret]) -> list[Fault]:
    """Return a fault for each credential that is not set."""
    named = {
        ID: ("SLACK_CLIENT_ID (or [slack] client_id)", client_id),
        SECRET: ("SLACK_CLIENT_SECRET", client_secret),
        SIGNING: ("SLACK_SIGNING_SECRET", signing_secrets),
    }
    return [Fault(where, "must be set", setting) for setting, (where, value) in named.items() if not value]


def is_slack(api_url: str) -> bool:
    """Whether the URL of a Web API is Slack's own."""
    host = urlsplit(api_url).hostname or ""
    return any(host == slack or host.endswith(f".{slack}") for slack in _SLACK_HOSTS)


def malformed_credentials(
    client_id: str, secret: Secret | None, signing_secrets: Sequence[Secret], origins: Mapping[str, str]
) -> Iterator[Fault]:
    """Yield a fault for each credential that Slack cannot have issued; `origins` has the source of each one.

    A simulated Slack may issue anything.
    """
    client_secret = secret.reveal() if secret else ""
    secret_origin = origins.get(SECRET, "")
    id_origin = origins[ID] if origins[ID].isupper() else f"{origins[ID]} [slack] client_id"
    if _SECRET.fullmatch(client_id) and _CLIENT_ID.fullmatch(client_secret):
        yield Fault(f"{id_origin} and {secret_origin}", "are swapped", ID)
    else:
        if client_id and not _CLIENT_ID.fullmatch(client_id):
            yield Fault(id_origin, "expected two numbers with a dot between them, such as 1234567890.1234567890", ID)
        if client_secret and (problem := _secret_problem(client_secret)):
            yield Fault(secret_origin, problem, SECRET)
    for number, signing in enumerate(signing_secrets, 1):
        where = origins[SIGNING] + (f", line {number}" if len(signing_secrets) > 1 else "")
        if signing.reveal() == client_secret:
            yield Fault(where, f"is the same as {secret_origin}; the app has two different secrets", SIGNING)
        elif problem := _secret_problem(signing.reveal()):
            yield Fault(where, problem, SIGNING)


def _secret_problem(secret: str) -> str:
    if _SECRET.fullmatch(secret):
        return ""
    if _TOKEN.match(secret):
        return "is a token, not a secret"
    found = "other characters" if len(secret) == 32 else f"{len(secret)} character{'' if len(secret) == 1 else 's'}"
    return f"expected 32 hexadecimal digits; found {found}"
