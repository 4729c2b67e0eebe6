"""Every problem that the doctor reports: a stable code, its severity, why it happens, and what to do.

A code keeps its meaning, because scripts rely on it. docs/doctor.md has the same table.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import NamedTuple


class Severity(StrEnum):
    """How bad a problem is."""

    ERROR = "error"
    """Something does not work, or secrets are exposed."""
    WARNING = "warning"
    """Works now, but will fail eventually."""


class Problem(NamedTuple):
    """What is known about one code."""

    severity: Severity
    cause: str
    fix: str


_ERROR, _WARNING = Severity.ERROR, Severity.WARNING

PROBLEMS: Mapping[str, Problem] = {
    "config-invalid": Problem(
        _ERROR,
        "A setting is unknown or has an invalid value.",
        "Correct it. `latchkey config check` lists every fault.",
    ),
    "config-permissions": Problem(
        _ERROR,
        "Other users can write to config.toml, which names the Python modules that the server runs.",
        "chmod go-w config.toml",
    ),
    "slack-not-configured": Problem(
        _ERROR,
        "The app's client id or one of its secrets is not set.",
        "Copy them from Basic Information at https://api.slack.com/apps.",
    ),
    "public-url-unset": Problem(
        _WARNING,
        "Without [server] public_url, the redirect URL names localhost, which Slack cannot reach.",
        'Set it, for example public_url = "https://slack.example.com".',
    ),
    "secret-permissions": Problem(
        _ERROR,
        "Other users can read a file that contains a secret.",
        "chmod 600 the file, then regenerate the secret at Slack.",
    ),
    "listeners-failed": Problem(
        _ERROR,
        "A listener module cannot be imported, or its registration fails.",
        "Fix the module; the server does not start without it.",
    ),
    "store-missing": Problem(
        _ERROR,
        "The path is wrong, a disk is not mounted, or the server has never been started.",
        "Check [storage] path, mount the disk, or restore a backup.",
    ),
    "store-refused": Problem(
        _ERROR,
        "The file is not a store that this version can open.",
        "Restore a backup.",
    ),
    "store-unavailable": Problem(
        _ERROR,
        "The store does not respond: it is locked, full, read-only or damaged.",
        "Fix what the message names; until then the server responds with 503.",
    ),
    "store-damaged": Problem(
        _ERROR,
        "Pages of the database file are damaged.",
        "Stop the server, restore the newest backup, and check the disk.",
    ),
    "store-permissions": Problem(
        _ERROR,
        "Other users can access the store's files or folder.",
        "chmod 700 the folder and 600 the files.",
    ),
    "store-owner": Problem(
        _ERROR,
        "Files of the store have a different owner than its folder, so the server cannot write to them.",
        "chown them to the folder's owner.",
    ),
    "commits-unprotected": Problem(
        _WARNING,
        "This SQLite can lose commits that coincide with a checkpoint in another process. Latchkey keeps the two apart,"
        " but a running process of an earlier version does not.",
        "Restart that process.",
    ),
    "store-beside-keyring": Problem(
        _WARNING,
        "The store and the keyring are in the same folder, so a copy of the folder contains both.",
        "Move the keyring to a folder that is not copied together with the store.",
    ),
    "disk-full": Problem(
        _ERROR,
        "Almost no disk space is left.",
        "Free some space. Until then events are refused, and Slack retries them.",
    ),
    "disk-nearly-full": Problem(
        _WARNING,
        "Disk space is running out.",
        "Free some space, or keep fewer backups ([backup] keep).",
    ),
    "wal-large": Problem(
        _WARNING,
        "A long-running read keeps the -wal file from shrinking.",
        "Find the process: `latchkey keys status` lists those that have the store open.",
    ),
    "keyring-unusable": Problem(
        _ERROR,
        "The keyring is missing, empty, accessible to others, or contains an invalid line.",
        "Restore it from its copy, with mode 0600.",
    ),
    "keys-missing": Problem(
        _ERROR,
        "Records are encrypted with keys that are not in the keyring.",
        "Put the missing keys back from a copy of the keyring.",
    ),
    "records-unreadable": Problem(
        _ERROR,
        "Records were changed after they were encrypted, or copied to another id.",
        "`latchkey keys verify` lists them. Restore a backup, or remove those workspaces and reinstall the app there.",
    ),
    "rotation-unfinished": Problem(
        _WARNING,
        "A rotation was interrupted, or a key was added and existing records still use an older one.",
        "`latchkey keys rotate` resumes it.",
    ),
    "old-key-in-use": Problem(
        _ERROR,
        "A running process does not encrypt with the primary key.",
        "Restart it, then run `latchkey keys rotate`.",
    ),
    "key-old": Problem(
        _WARNING,
        "The primary key is more than a year old.",
        "Run `latchkey keys rotate`.",
    ),
    "backup-missing": Problem(
        _WARNING,
        "There is no backup yet.",
        "Run `latchkey backup`, and enable the daily timer.",
    ),
    "backup-old": Problem(
        _WARNING,
        "The newest backup is several days old.",
        "Check why the timer does not run, or run `latchkey backup`.",
    ),
    "backup-damaged": Problem(
        _ERROR,
        "The newest backup does not match its manifest.",
        "Run `latchkey backup`, and check the disk that holds the backups.",
    ),
    "backup-keys-missing": Problem(
        _ERROR,
        "The newest backup needs keys that are not in the keyring, so it cannot be restored.",
        "Put the keys back, or make a new backup.",
    ),
    "events-failed": Problem(
        _WARNING,
        "Listeners failed on these events, and there will be no further retries.",
        "`latchkey events list --status failed`, then `latchkey events retry` or `drop`.",
    ),
    "events-late": Problem(
        _WARNING,
        "Events have been waiting for a long time: listeners are slow, or fail and are retried.",
        "See `latchkey events list` and the log.",
    ),
    "inbox-nearly-full": Problem(
        _WARNING,
        "Events arrive faster than listeners handle them.",
        "Make the listeners faster, or raise [events] inbox_events.",
    ),
    "server-down": Problem(
        _ERROR,
        "No server responds at [server] listen.",
        "Start it, or see the end of its log.",
    ),
    "server-not-ready": Problem(
        _ERROR,
        "The server is running, but its store does not respond or keys are missing.",
        "See the other findings and the server's log.",
    ),
    "dns-failed": Problem(
        _ERROR,
        "A host name cannot be resolved on this machine.",
        "Check the name and this machine's resolver.",
    ),
    "slack-unreachable": Problem(
        _ERROR,
        "Slack's Web API cannot be reached from this machine.",
        "Allow connections to slack.com, port 443, or name your proxy in HTTPS_PROXY (docs/outgoing-proxy.md).",
    ),
    "clock-off": Problem(
        _ERROR,
        "This machine's clock differs from Slack's; beyond 5 minutes every request is refused.",
        "Turn on time synchronisation: timedatectl set-ntp true",
    ),
    "certificate-invalid": Problem(
        _ERROR,
        "Browsers and Slack refuse the certificate of the public address.",
        "Renew it, and serve its whole chain.",
    ),
    "certificate-expiring": Problem(
        _WARNING,
        "The certificate expires soon and should have been renewed by now.",
        "Check why the proxy does not renew it.",
    ),
    "public-unreachable": Problem(
        _ERROR,
        "The public address does not respond.",
        "Check DNS, firewall and proxy. Some networks do not let a machine reach its own public address.",
    ),
    "proxy-path": Problem(
        _ERROR,
        "The public address does not forward /slack/events to this server.",
        "Compare the proxy's configuration with `latchkey proxy-config`.",
    ),
    "proxy-body": Problem(
        _ERROR,
        "A request signed on this machine is refused at the public address: the proxy changes its "
        "body or headers, or a server with another secret responds there.",
        "Make the proxy forward requests unchanged; compare it with `latchkey proxy-config`.",
    ),
    "credentials-refused": Problem(
        _ERROR,
        "Slack does not accept this client id and client secret.",
        "Copy both from Basic Information at https://api.slack.com/apps.",
    ),
    "tokens-revoked": Problem(
        _WARNING,
        "Workspaces removed the app, and the server did not receive the event.",
        "`latchkey installs check` lists them. Remove them, or reinstall the app there.",
    ),
    "scopes-missing": Problem(
        _WARNING,
        "Scopes were added after these workspaces installed the app.",
        "Have them install the app again.",
    ),
    "app-settings": Problem(
        _ERROR,
        "The app's settings at Slack do not match the configuration and the listeners.",
        "`latchkey manifest` prints the settings it needs.",
    ),
    "unit-failed": Problem(
        _ERROR,
        "systemd could not keep the service running.",
        "Run journalctl -u latchkey -n 100",
    ),
    "sandbox-weak": Problem(
        _WARNING,
        "The service is less confined than the shipped unit: a drop-in or an old unit loosens it.",
        "Check systemctl cat latchkey, and install the shipped unit again.",
    ),
}
"""By code."""
