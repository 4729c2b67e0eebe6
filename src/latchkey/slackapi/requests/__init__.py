"""Requests from Slack: signature, payload, workspace, revocation."""

from latchkey.slackapi.requests.actor import Actor, actor_of
from latchkey.slackapi.requests.conversation import assistant_thread_of, takes_suggested_prompts, thread_ts_of
from latchkey.slackapi.requests.identity import WorkspaceId, as_object
from latchkey.slackapi.requests.limits import MAX_BODY_BYTES
from latchkey.slackapi.requests.payload import (
    AGENT_SESSION_STOPPED,
    FUNCTION_EXECUTED,
    Kind,
    Payload,
    parse,
    parse_stored,
)
from latchkey.slackapi.requests.repeats import SeenSignatures
from latchkey.slackapi.requests.revocation import APP_UNINSTALLED, REVOCATIONS, Revocation, revocation
from latchkey.slackapi.requests.signature import SignatureVerifier, sign

__all__ = [
    "AGENT_SESSION_STOPPED",
    "APP_UNINSTALLED",
    "FUNCTION_EXECUTED",
    "MAX_BODY_BYTES",
    "REVOCATIONS",
    "Actor",
    "Kind",
    "Payload",
    "Revocation",
    "SeenSignatures",
    "SignatureVerifier",
    "WorkspaceId",
    "actor_of",
    "as_object",
    "assistant_thread_of",
    "parse",
    "parse_stored",
    "revocation",
    "sign",
    "takes_suggested_prompts",
    "thread_ts_of",
]
