"""Requests from Slack: signature, payload, workspace, revocation."""

from latchkey.slackapi.requests.identity import WorkspaceId, as_object
from latchkey.slackapi.requests.limits import MAX_BODY_BYTES
from latchkey.slackapi.requests.payload import Kind, Payload, parse, parse_stored
from latchkey.slackapi.requests.repeats import SeenSignatures
from latchkey.slackapi.requests.revocation import APP_UNINSTALLED, REVOCATIONS, Revocation, revocation
from latchkey.slackapi.requests.signature import SignatureVerifier, sign

__all__ = [
    "APP_UNINSTALLED",
    "MAX_BODY_BYTES",
    "REVOCATIONS",
    "Kind",
    "Payload",
    "Revocation",
    "SeenSignatures",
    "SignatureVerifier",
    "WorkspaceId",
    "as_object",
    "parse",
    "parse_stored",
    "revocation",
    "sign",
]
