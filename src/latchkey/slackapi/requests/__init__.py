"""What Slack sends: signature, payload, workspace, revocation."""

from latchkey.slackapi.requests.payload import Kind, Payload, parse
from latchkey.slackapi.requests.revocation import revocation
from latchkey.slackapi.requests.signature import SignatureVerifier
from latchkey.slackapi.requests.workspace import Workspace, as_object

__all__ = ["Kind", "Payload", "SignatureVerifier", "Workspace", "as_object", "parse", "revocation"]
