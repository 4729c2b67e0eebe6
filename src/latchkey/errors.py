"""Every error that Latchkey raises, with its exit code or HTTP status.

    LatchkeyError
    ├── ConfigError            the configuration is invalid                   exit 78
    ├── StartRefused           the server cannot start, for several reasons   exit 78 or 1
    ├── ListenerLoadError      a listener module cannot be loaded             exit 1
    ├── KeyringError           the keyring cannot be used                     exit 1
    ├── StoreError
    │   ├── StoreRefused       the store is not safe to open                  exit 1
    │   │   ├── StoreExposed   other users can access its files               exit 1
    │   │   └── KeysMissing    the keyring lacks keys of the store            exit 1
    │   ├── StoreUnavailable   the store does not respond                     503
    │   └── UnreadableRecord   a record cannot be decrypted                   503
    ├── StaleKeyring           a process still encrypts with an older key     exit 1
    ├── StoreInUse             another command holds the maintenance lock     exit 4
    ├── SignatureError         a request is not signed by Slack               403
    ├── PayloadError           a signed request cannot be parsed              400
    ├── Overloaded             the inbox is full                              503
    ├── OAuthError             Slack refused a step of an install             401
    ├── ResponseUrlSpent       a response_url has expired or is used up       logged
    ├── SlackRefused           Slack answered a call with an error            exit 1
    └── SlackUnavailable       Slack cannot be reached or did not answer      502
        └── SlackUnreachable   there was no connection, so nothing was sent   502

Invariant: no error contains a token, code, state, body, ciphertext, key or secret, so each may be logged and shown.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, NamedTuple

EXIT_FAILED = 1


def plural(count: int, noun: str) -> str:
    """Return the count and the noun, as a message has them."""
    return f"{count:,} {noun}" + ("" if count == 1 else "s")


class LatchkeyError(Exception):
    """The base class. `str()` is what happened and to what; `hint` is what to do, or empty."""

    exit_code: int = EXIT_FAILED
    """Exit code of a command that fails with this error."""
    http_status: ClassVar[int] = 500
    """Status of the response to a request that fails with this error."""

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint

    @property
    def lines(self) -> list[str]:
        """The message for a terminal, one line per fault."""
        return [str(self)]

    @property
    def parts(self) -> Sequence[LatchkeyError]:
        """The errors to print, each with its own hint."""
        return (self,)


class Fault(NamedTuple):
    """One error in the configuration."""

    where: str
    """The file and key, or the environment variable."""
    problem: str
    """What is wrong, and what is expected."""
    setting: str = ""
    """The setting as "section.key", if the fault is in the value of one."""


class ConfigError(LatchkeyError):
    """The configuration is invalid; `faults` contains every error found, not only the first."""

    exit_code = 78  # sysexits.h, EX_CONFIG

    def __init__(self, faults: Sequence[Fault], *, hint: str = "") -> None:
        super().__init__("; ".join(f"{fault.where}: {fault.problem}" for fault in faults), hint=hint)
        self.faults = tuple(faults)

    @property
    def lines(self) -> list[str]:
        return [f"{fault.where}: {fault.problem}" for fault in self.faults]


class StartRefused(LatchkeyError):
    """The server cannot start; `parts` has every reason. The exit code is that of an invalid configuration, if any."""

    def __init__(self, errors: Sequence[LatchkeyError]) -> None:
        super().__init__("; ".join(map(str, errors)))
        self._errors = tuple(errors)
        self.exit_code = max(error.exit_code for error in errors)

    @property
    def parts(self) -> Sequence[LatchkeyError]:
        return self._errors


class ListenerLoadError(LatchkeyError):
    """A module named in `[listeners] modules` cannot be imported, or registers a listener that cannot work."""

    def __init__(self, module: str, reason: str, *, hint: str = "") -> None:
        super().__init__(f"listener module {module}: {reason}", hint=hint)
        self.module = module
        self.reason = reason


class KeyringError(LatchkeyError):
    """The keyring file is missing, accessible to other users, or contains a line that is not a key.

    The message gives the line's number, never its content, because the line may be a mistyped key.
    """


class StoreError(LatchkeyError):
    """Base class of storage's errors."""

    http_status = 503


class StoreRefused(StoreError):
    """The store is not safe to open: not a Latchkey store, empty, missing, or encrypted with keys that are missing."""


class StoreExposed(StoreRefused):
    """Other users can read the store's files, or replace files in its folder or the keyring's."""


class KeysMissing(StoreRefused):
    """The keyring lacks keys that the store's records need; `missing` and `present` are key ids."""

    def __init__(
        self, store: object, keyring: object, *, missing: Sequence[str], present: Sequence[str], what: str = "store"
    ) -> None:
        super().__init__(
            f"the {what} {store} needs the key ids {', '.join(missing)}, which {keyring} lacks"
            f" (it has {', '.join(present)})",
            hint="restore the missing keys from the copy of the keyring, or use a backup that needs only the present"
            " keys; nothing was changed",
        )
        self.missing = tuple(missing)
        self.present = tuple(present)


class StoreUnavailable(StoreError):
    """The store does not respond: it is locked, full, read-only, replaced or damaged, or the call timed out.

    `reason` is one word, used as a metric label. If it is `timeout`, a write may have been committed;
    with every other reason it was not.
    """

    def __init__(self, reason: str, message: str, *, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.reason = reason


class UnreadableRecord(StoreError):
    """A record cannot be decrypted: its key is missing, or it was changed, or moved here from another table or id."""

    def __init__(self, table: str, record_id: str, key_id: str | None, reason: str) -> None:
        super().__init__(
            f"record {record_id!r} of {table} (key id {key_id or 'unknown'}): {reason}",
            hint="the record is unchanged; restore its key, or restore a backup",
        )
        self.table = table
        self.record_id = record_id
        self.key_id = key_id
        self.reason = reason


class StaleKeyring(LatchkeyError):
    """Processes with the store open still encrypt with an older key than the primary one; `pids` are their ids."""

    def __init__(self, key_id: str, pids: Sequence[int]) -> None:
        listed = ", ".join(map(str, pids))
        super().__init__(
            f"processes that have the store open still encrypt with an older key than {key_id} (pid {listed})",
            hint="restart them; they may read a copy of the keyring, such as a systemd credential. Then run the command"
            " again: `latchkey keys rotate` continues with the same key",
        )
        self.key_id = key_id
        self.pids = tuple(pids)


class StoreInUse(LatchkeyError):
    """Another command holds the lock on changing this store's keys or replacing its records."""

    exit_code = 4

    def __init__(self, store: str) -> None:
        super().__init__(
            f"another command is using the store {store}", hint="wait until it ends, then run this one again"
        )


class SignatureError(LatchkeyError):
    """A request is not signed by Slack; `reason` is `missing`, `timestamp`, `expired` or `mismatch`."""

    http_status = 403

    def __init__(self, reason: str) -> None:
        super().__init__(f"the request's signature was refused ({reason})")
        self.reason = reason


class PayloadError(LatchkeyError):
    """A signed request cannot be parsed; `reason` names the broken rule and contains nothing of the body."""

    http_status = 400

    def __init__(self, reason: str) -> None:
        super().__init__(f"cannot parse the request ({reason})")
        self.reason = reason


class Overloaded(LatchkeyError):
    """The inbox is full; Slack should retry the event later."""

    http_status = 503

    def __init__(self, events: int) -> None:
        super().__init__(
            f"the inbox is full with {plural(events, 'event')}",
            hint="events arrive faster than listeners handle them; see `latchkey events status`",
        )
        self.events = events


class OAuthError(LatchkeyError):
    """Slack refused a step of an install; `reason` is Slack's own error code."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"Slack refused the installation ({reason})")
        self.reason = reason


class ResponseUrlSpent(LatchkeyError):
    """A payload's `response_url` has expired or has been used five times."""

    def __init__(self, reason: str) -> None:
        super().__init__(
            f"the response_url cannot be used any longer: {reason}",
            hint="Slack accepts five messages within 30 minutes; after that, use `client`",
        )
        self.reason = reason


class SlackRefused(LatchkeyError):
    """Slack answered a call with an error; `reason` is Slack's own error code."""

    def __init__(self, method: str, reason: str, *, hint: str = "") -> None:
        super().__init__(f"Slack refused {method} ({reason})", hint=hint)
        self.method = method
        self.reason = reason


class SlackUnavailable(LatchkeyError):
    """Slack could not be reached, or its response was invalid; `method` is the API method called."""

    def __init__(self, method: str, reason: str) -> None:
        super().__init__(f"Slack did not answer {method} ({reason})")
        self.method = method
        self.reason = reason


class SlackUnreachable(SlackUnavailable):
    """There was no connection to Slack, so nothing was sent."""
