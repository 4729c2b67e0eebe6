"""The one tree of errors: what each means, what it carries, and what a person can do.

    LatchkeyError
    ├── ConfigError            the configuration cannot be used          exit 78
    ├── ListenerLoadError      a listener module cannot be loaded        exit 1
    ├── KeyringError           the keyring cannot be used                exit 1
    ├── StoreError
    │   ├── StoreRefused       the store must not be opened as it is     exit 1
    │   │   └── KeysMissing    none of its keys is in the keyring        exit 1
    │   ├── StoreUnavailable   the store does not answer now             503
    │   └── UnreadableRecord   one record cannot be opened               503
    ├── KeysNotTaken           a process does not take up the keys   exit 1
    ├── AnotherRun             another command holds the lock            exit 4
    ├── SignatureError         a request is not signed by Slack          403
    ├── PayloadError           a signed request cannot be understood     400
    ├── Overloaded             the inbox is full                         503
    ├── OAuthError             Slack refused a step of an install        401
    ├── ResponseUrlSpent       a response_url has been used up           logged
    ├── SlackRefused           Slack answered a call with an error       exit 1
    └── SlackUnavailable       Slack does not answer now                 502

An error carries data. It never carries a token, a code, a state, a body, a
ciphertext, a key or a secret: what it says may be logged and shown.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, NamedTuple

EXIT_FAILED = 1


class LatchkeyError(Exception):
    """The root: `str()` says what was wrong and where, `hint` says what to do (or is empty)."""

    exit_code: ClassVar[int] = EXIT_FAILED
    """The exit code of a command that ends with this error."""
    http_status: ClassVar[int] = 500
    """The status of the response to a request from Slack that ends with this error."""

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint

    @property
    def lines(self) -> list[str]:
        """The error for a terminal, one line per fault."""
        return [str(self)]


class Fault(NamedTuple):
    """One thing wrong in the configuration."""

    where: str
    """The file and key, or the environment variable."""
    problem: str
    """What was expected there."""


class ConfigError(LatchkeyError):
    """The configuration cannot be used; `faults` lists all that is wrong, not just the first."""

    exit_code = 78  # sysexits.h, EX_CONFIG

    def __init__(self, faults: Sequence[Fault], *, hint: str = "") -> None:
        super().__init__("; ".join(f"{fault.where}: {fault.problem}" for fault in faults), hint=hint)
        self.faults = tuple(faults)

    @property
    def lines(self) -> list[str]:
        return [f"{fault.where}: {fault.problem}" for fault in self.faults]


class ListenerLoadError(LatchkeyError):
    """A module named in `[listeners] modules` cannot be loaded, or registers something impossible."""

    def __init__(self, module: str, reason: str, *, hint: str = "") -> None:
        super().__init__(f"listener module {module}: {reason}", hint=hint)
        self.module = module
        self.reason = reason


class KeyringError(LatchkeyError):
    """The keyring file is missing, open to others, or holds a line that is no key.

    The message gives the line's number and never its content: the line may be a mistyped key.
    """


class StoreError(LatchkeyError):
    """The root of what storage raises."""

    http_status = 503


class StoreRefused(StoreError):
    """The store must not be opened as it is: foreign, empty, missing, or encrypted with missing keys."""


class KeysMissing(StoreRefused):
    """The keyring does not contain the keys that the store's records need; `missing` and `present` are key ids."""

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
    """The store does not answer now: locked, full, read-only, replaced, damaged, or out of time.

    `reason` is one word for metrics and tests. A write that ended so may or may not have been
    committed when the reason is `timeout`; for every other reason it was not.
    """

    def __init__(self, reason: str, message: str, *, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.reason = reason


class UnreadableRecord(StoreError):
    """A record cannot be opened: its key is not in the keyring, or it is not what was sealed under its name."""

    def __init__(self, table: str, record_id: str, key_id: str | None, reason: str) -> None:
        super().__init__(
            f"record {record_id!r} of {table} (key id {key_id or 'unknown'}): {reason}",
            hint="it is left as it is; restore its key, or a backup",
        )
        self.table = table
        self.record_id = record_id
        self.key_id = key_id
        self.reason = reason


class KeysNotTaken(LatchkeyError):
    """Processes that have the store open do not encrypt with the primary key; `pids` are their ids."""

    def __init__(self, key_id: str, pids: Sequence[int]) -> None:
        listed = ", ".join(map(str, pids))
        super().__init__(
            f"processes that have the store open still encrypt with an older key than {key_id} (pid {listed})",
            hint="restart them; they may read a copy of the keyring, such as a systemd credential. Then run the command"
            " again: `latchkey keys rotate` continues with the same key",
        )
        self.key_id = key_id
        self.pids = tuple(pids)


class AnotherRun(LatchkeyError):
    """Another command changes the same store's keys or records now."""

    exit_code = 4

    def __init__(self, store: str) -> None:
        super().__init__(
            f"another command is using the store {store}", hint="wait until it ends, then run this one again"
        )


class SignatureError(LatchkeyError):
    """A request is not signed by Slack; `reason` is missing, timestamp, expired or mismatch."""

    http_status = 403

    def __init__(self, reason: str) -> None:
        super().__init__(f"the request's signature was refused ({reason})")
        self.reason = reason


class PayloadError(LatchkeyError):
    """A signed request cannot be understood; `reason` says which rule it broke, never what it held."""

    http_status = 400

    def __init__(self, reason: str) -> None:
        super().__init__(f"the request cannot be understood ({reason})")
        self.reason = reason


class Overloaded(LatchkeyError):
    """The inbox is full; Slack should send the event again later."""

    http_status = 503

    def __init__(self, events: int) -> None:
        super().__init__(
            f"the inbox is full with {events} events",
            hint="events arrive faster than listeners handle them; see `latchkey events status`",
        )
        self.events = events


class OAuthError(LatchkeyError):
    """Slack refused a step of an install; `reason` is Slack's own error code."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"Slack refused the installation ({reason})")
        self.reason = reason


class ResponseUrlSpent(LatchkeyError):
    """A payload's `response_url` has been used up."""

    def __init__(self, reason: str) -> None:
        super().__init__(
            f"the response_url is spent: {reason}",
            hint="Slack takes five messages within 30 minutes; then use `client`",
        )
        self.reason = reason


class SlackRefused(LatchkeyError):
    """Slack answered a call with an error; `reason` is Slack's own error code."""

    def __init__(self, method: str, reason: str, *, hint: str = "") -> None:
        super().__init__(f"Slack refused {method} ({reason})", hint=hint)
        self.method = method
        self.reason = reason


class SlackUnavailable(LatchkeyError):
    """Slack could not be reached, or answered with something that is no answer; `method` is what was called."""

    def __init__(self, method: str, reason: str) -> None:
        super().__init__(f"Slack did not answer {method} ({reason})")
        self.method = method
        self.reason = reason
