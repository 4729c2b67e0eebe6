"""All that the doctor can find: a stable code, how bad it is, why it happens, and what to do.

Rule: a finding tells where, and never shows a token, a key, a secret or what
people wrote. A code that has been given out keeps its meaning for good.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import NamedTuple


class Severity(StrEnum):
    """How bad a finding is."""

    ERROR = "error"
    """Something does not work, or secrets are open to others."""
    WARNING = "warning"
    """It works, and will not for ever."""


class Illness(NamedTuple):
    """What is known of one code."""

    severity: Severity
    cause: str
    fix: str


class Finding(NamedTuple):
    """One thing that is wrong here."""

    code: str
    what: str
    """What was seen, and where."""
    fix: str

    @property
    def severity(self) -> Severity:
        return ILLNESSES[self.code].severity

    @property
    def cause(self) -> str:
        return ILLNESSES[self.code].cause


def finding(code: str, what: str, fix: str = "") -> Finding:
    """Return a finding; `fix` where there is a better one than the code's own."""
    return Finding(code, what, fix or ILLNESSES[code].fix)


_ERROR, _WARNING = Severity.ERROR, Severity.WARNING

ILLNESSES: Mapping[str, Illness] = {
    "config-invalid": Illness(
        _ERROR,
        "A setting is misspelt or has a value that cannot be used.",
        "Correct it; `latchkey config check` tells more.",
    ),
    "config-open": Illness(
        _ERROR,
        "Others may write to config.toml, and it names the Python modules that the server runs.",
        "chmod go-w config.toml",
    ),
    "slack-unconfigured": Illness(
        _ERROR,
        "The app's id or one of its secrets is not set.",
        "They stand under Basic Information at https://api.slack.com/apps.",
    ),
    "public-url-unset": Illness(
        _WARNING,
        "Without [server] public_url the redirect URL names localhost, which Slack reaches from nowhere.",
        'Set it, for example public_url = "https://slack.example.com".',
    ),
    "secret-open": Illness(
        _ERROR, "Others can read a file with a secret in it.", "chmod 600 the file, then renew the secret at Slack."
    ),
    "listeners-fail": Illness(
        _ERROR,
        "A listener module cannot be imported, or registers something impossible.",
        "Mend the module; the server does not start with it.",
    ),
    "store-missing": Illness(
        _ERROR,
        "The path is wrong, a disk is not mounted, or the server was never started.",
        "Check [storage] path; mount or restore the store.",
    ),
    "store-refused": Illness(_ERROR, "The file is not a store that can be served.", "Restore a backup."),
    "store-unavailable": Illness(
        _ERROR,
        "The store does not answer: locked, full, read-only or damaged.",
        "See what the message names; the server says 503 until then.",
    ),
    "store-damaged": Illness(
        _ERROR,
        "Pages of the database file have changed on the disk.",
        "Stop the server and restore the newest backup; check the disk.",
    ),
    "store-open": Illness(
        _ERROR,
        "Others can read or change the store's files or their folder.",
        "chmod 700 the folder and 600 the files.",
    ),
    "store-foreign": Illness(
        _ERROR,
        "Files of the store belong to another user than its folder, so that the server cannot write to them.",
        "chown them to the folder's owner.",
    ),
    "store-beside-keyring": Illness(
        _WARNING,
        "Store and keyring lie in one folder, so whoever copies it has both.",
        "Move the keyring to a path that no backup of the store takes along.",
    ),
    "disk-full": Illness(
        _ERROR,
        "Almost nothing can be written any more.",
        "Make room; events are refused until then, and Slack sends them again.",
    ),
    "disk-nearly-full": Illness(_WARNING, "The disk fills up.", "Make room, or keep fewer backups ([backup] keep)."),
    "wal-large": Illness(
        _WARNING,
        "Something reads in the store for very long, so that its -wal cannot be cut back.",
        "Find the reader: `latchkey keys status` lists who has the store open.",
    ),
    "keyring-unusable": Illness(
        _ERROR,
        "The keyring is missing, empty, open to others, or holds a line that is no key.",
        "Put it back from its copy, mode 0600.",
    ),
    "keys-missing": Illness(
        _ERROR, "Records are sealed under keys that the keyring lacks.", "Put the keys back from the keyring's copy."
    ),
    "records-unreadable": Illness(
        _ERROR,
        "Records were changed after they were sealed, or copied to another name.",
        "`latchkey keys verify` names them; restore a backup, or remove those workspaces and install again.",
    ),
    "rotation-unfinished": Illness(
        _WARNING,
        "A rotation was interrupted, or a key was added and nothing was sealed again.",
        "`latchkey keys rotate` goes on where it stopped.",
    ),
    "key-not-taken": Illness(
        _ERROR, "A running process does not seal with the newest key.", "Restart it, then run `latchkey keys rotate`."
    ),
    "key-old": Illness(_WARNING, "The key that seals is older than a year.", "`latchkey keys rotate`"),
    "backup-missing": Illness(
        _WARNING, "No backup was ever made here.", "`latchkey backup`, and the timer that does it every day."
    ),
    "backup-old": Illness(
        _WARNING, "The last backup is days old.", "See why the timer does not run, or `latchkey backup`."
    ),
    "backup-damaged": Illness(
        _ERROR, "The newest backup is not what was written.", "`latchkey backup`; check the disk that it is on."
    ),
    "backup-keys-missing": Illness(
        _ERROR,
        "The newest backup needs keys that the keyring lacks, and so could not be restored.",
        "Put the keys back, or make a new backup.",
    ),
    "events-aside": Illness(
        _WARNING,
        "Listeners have failed for the last time.",
        "`latchkey events list --state aside`, then `retry` or `drop`.",
    ),
    "events-late": Illness(
        _WARNING,
        "Events wait for long: listeners are slow, or fail and are tried again.",
        "`latchkey events list`, and the log.",
    ),
    "inbox-nearly-full": Illness(
        _WARNING,
        "Events come faster than listeners finish.",
        "Make the listeners faster, or raise [events] inbox_events.",
    ),
    "server-down": Illness(_ERROR, "No server answers on [server] listen.", "Start it, and read the end of its log."),
    "server-not-ready": Illness(
        _ERROR,
        "The server runs, and its store does not answer or lacks keys.",
        "See what else is found here, and its log.",
    ),
    "dns-failed": Illness(_ERROR, "A name has no address here.", "Check the name and this machine's resolver."),
    "slack-unreachable": Illness(
        _ERROR,
        "Slack's Web API cannot be reached from here.",
        "Let the machine open connections to slack.com, port 443.",
    ),
    "clock-off": Illness(
        _ERROR,
        "This machine's clock differs from Slack's; beyond 5 minutes every request is refused.",
        "Switch on time synchronisation: timedatectl set-ntp true",
    ),
    "certificate-invalid": Illness(
        _ERROR, "Browsers and Slack refuse the public address's certificate.", "Renew it, with its whole chain."
    ),
    "certificate-expiring": Illness(
        _WARNING,
        "The certificate ends soon, and should have been renewed by now.",
        "See why the proxy does not renew it.",
    ),
    "public-unreachable": Illness(
        _ERROR,
        "The public address does not answer.",
        "Check DNS, firewall and proxy. Some networks do not let a machine reach its own public address.",
    ),
    "proxy-path": Illness(
        _ERROR,
        "What answers at the public address does not pass /slack/events on.",
        "Compare the proxy with `latchkey proxy-config`.",
    ),
    "proxy-body": Illness(
        _ERROR,
        "A request that was signed here is refused at the public address: the proxy changes its body or headers, or "
        "another server with another secret answers there.",
        "The proxy must pass the body on as it came; compare it with `latchkey proxy-config`.",
    ),
    "credentials-refused": Illness(
        _ERROR, "Slack does not know this client id and client secret.", "Take both anew from Basic Information."
    ),
    "tokens-revoked": Illness(
        _WARNING,
        "Workspaces have removed the app while the server did not hear of it.",
        "`latchkey installs check` names them; remove them, or install again.",
    ),
    "scopes-missing": Illness(
        _WARNING, "The app has asked for more scopes since these workspaces installed it.", "Let them install it again."
    ),
    "app-settings": Illness(
        _ERROR,
        "The app's settings at Slack do not fit the configuration and the listeners.",
        "`latchkey manifest` prints those that do.",
    ),
    "unit-failed": Illness(_ERROR, "systemd could not keep the service running.", "journalctl -u latchkey -n 100"),
    "sandbox-weak": Illness(
        _WARNING,
        "The service is less confined than the shipped unit: a drop-in or an old unit loosens it.",
        "systemctl cat latchkey; install the shipped unit again.",
    ),
}
"""By code."""
