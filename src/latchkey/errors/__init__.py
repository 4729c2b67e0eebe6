"""Every error that Latchkey raises, with its exit code or HTTP status.

    LatchkeyError
    ├── ConfigError            the configuration is invalid                   exit 78
    ├── StartRefused           the server cannot start, for several reasons   exit 78 or 1
    ├── ListenerLoadError      a listener module cannot be loaded             exit 1
    ├── PackagesError          an app's own packages cannot be installed      exit 1
    ├── KeyringError           the keyring cannot be used                     exit 1
    ├── StoreError
    │   ├── StoreRefused       the store is not safe to open                  exit 1
    │   │   ├── StoreExposed   other users can access its files               exit 1
    │   │   └── KeysMissing    the keyring lacks keys of the store            exit 1
    │   ├── StoreUnavailable   the store does not respond                     503
    │   └── UnreadableRecord   a record cannot be decrypted                   503
    ├── SourceError            an import or export cannot be done             exit 1
    ├── StaleKeyring           a process still encrypts with an older key     exit 1
    ├── StoreInUse             another command holds the maintenance lock     exit 4
    ├── AppInUse               another command changes the app at Slack       exit 4
    ├── SignatureError         a request is not signed by Slack               403
    ├── PayloadError           a signed request cannot be parsed              400
    ├── InstallCheckFailed     a before_install function failed               logged
    ├── LinkError              the values in an install link are unusable     400
    ├── Overloaded             the inbox is full                              503
    ├── NotInstalled           a workspace or a person has no token           exit 1
    ├── NoToken                a listener called Slack after an uninstall     logged
    ├── UnexpectedStatus       a Bolt app has refused an event                logged
    ├── OAuthError             Slack refused a step of an install             401
    ├── ResponseUrlSpent       a response_url has expired or is used up       logged
    ├── SlackRefused           Slack answered a call with an error            exit 1
    │   └── ManifestRefused    Slack refused an app manifest                  exit 1
    ├── TokenUnavailable       a token has expired and is not refreshed yet   503
    │   └── MustReinstall      Slack refuses to refresh it for good           503
    └── SlackUnavailable       Slack cannot be reached or did not answer      502
        ├── SlackRateLimited   Slack accepts such calls only later           502
        └── SlackUnreachable   there was no connection, so nothing was sent   502

Invariant: no error contains a token, code, state, body, ciphertext, key or secret, so each may be logged and shown.
"""

from latchkey.errors.base import EXIT_FAILED, LatchkeyError
from latchkey.errors.requests import (
    InstallCheckFailed,
    LinkError,
    Overloaded,
    PayloadError,
    SignatureError,
    UnexpectedStatus,
)
from latchkey.errors.slack import (
    AppInUse,
    ManifestRefused,
    NotInstalled,
    NoToken,
    OAuthError,
    ResponseUrlSpent,
    SlackRateLimited,
    SlackRefused,
    SlackUnavailable,
    SlackUnreachable,
)
from latchkey.errors.starting import ConfigError, Fault, ListenerLoadError, PackagesError, StartRefused
from latchkey.errors.storing import (
    KeyringError,
    KeysMissing,
    SourceError,
    StaleKeyring,
    StoreError,
    StoreExposed,
    StoreInUse,
    StoreRefused,
    StoreUnavailable,
    UnreadableRecord,
)
from latchkey.errors.tokens import MustReinstall, TokenUnavailable
from latchkey.errors.wording import plural

__all__ = [
    "EXIT_FAILED",
    "AppInUse",
    "ConfigError",
    "Fault",
    "InstallCheckFailed",
    "KeyringError",
    "KeysMissing",
    "LatchkeyError",
    "LinkError",
    "ListenerLoadError",
    "ManifestRefused",
    "MustReinstall",
    "NoToken",
    "NotInstalled",
    "OAuthError",
    "Overloaded",
    "PackagesError",
    "PayloadError",
    "ResponseUrlSpent",
    "SignatureError",
    "SlackRateLimited",
    "SlackRefused",
    "SlackUnavailable",
    "SlackUnreachable",
    "SourceError",
    "StaleKeyring",
    "StartRefused",
    "StoreError",
    "StoreExposed",
    "StoreInUse",
    "StoreRefused",
    "StoreUnavailable",
    "TokenUnavailable",
    "UnexpectedStatus",
    "UnreadableRecord",
    "plural",
]
