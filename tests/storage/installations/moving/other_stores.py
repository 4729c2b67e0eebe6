"""Fills the stores of other programs, with their own code if it is Python's."""

import json
import sqlite3
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import sqlalchemy
from slack_sdk.oauth.installation_store import FileInstallationStore, Installation
from slack_sdk.oauth.installation_store.sqlalchemy import SQLAlchemyInstallationStore
from slack_sdk.oauth.installation_store.sqlite3 import SQLite3InstallationStore

CLIENT_ID = "1234567890.0987654321"

Writer = Callable[[Path, Iterable[Installation]], str]
"""Saves installations in a new store in this folder, one after another; returns what to pass to `installs import`."""


def file_store(folder: Path, installations: Iterable[Installation]) -> str:
    store = FileInstallationStore(base_dir=str(folder / "files"), client_id=CLIENT_ID)
    for installation in installations:
        store.save(installation)
    return str(folder / "files")


def file_store_without_history(folder: Path, installations: Iterable[Installation]) -> str:
    store = FileInstallationStore(base_dir=str(folder / "files"), historical_data_enabled=False)
    for installation in installations:
        store.save(installation)
    return str(folder / "files")


class QuickSQLite3InstallationStore(SQLite3InstallationStore):
    """Does not wait for the disk: a test's source need not survive a power cut."""

    def connect(self) -> sqlite3.Connection:
        connection = super().connect()
        connection.execute("PRAGMA synchronous = OFF")
        return connection


def sqlite3_store(folder: Path, installations: Iterable[Installation]) -> str:
    path = folder / "installations.db"
    store = QuickSQLite3InstallationStore(database=str(path), client_id=CLIENT_ID)
    for installation in installations:
        store.save(installation)
    return str(path)


def sqlalchemy_store(folder: Path, installations: Iterable[Installation]) -> str:
    url = f"sqlite:///{folder / 'alchemy.db'}"
    engine = sqlalchemy.create_engine(url)
    sqlalchemy.event.listen(engine, "connect", lambda connection, _: connection.execute("PRAGMA synchronous = OFF"))
    store = SQLAlchemyInstallationStore(client_id=CLIENT_ID, engine=engine)
    store.create_tables()
    for installation in installations:
        store.save(installation)
    engine.dispose()
    return url


def bolt_js_store(folder: Path, installations: Iterable[Installation], client_id: str = "") -> str:
    """Write the files that packages/oauth/src/installation-stores/file-store.ts of node-slack-sdk writes."""
    base = folder / "bolt-js" / client_id
    base.mkdir(parents=True, exist_ok=True)
    for installation in installations:
        content = json.dumps(bolt_js_document(installation))
        enterprise, team = installation.enterprise_id or "", installation.team_id or ""
        # Without an org, the id follows the folder's path without a slash.
        place = f"{base / enterprise}-{team}" if enterprise and team else f"{base / enterprise}{team}"
        Path(place).mkdir(exist_ok=True)
        version = f"{installation.installed_at * 1000:.0f}"
        for name in ("app", f"user-{installation.user_id}"):
            for end in ("latest", version):
                (Path(place) / f"{name}-{end}").write_text(content)
    return str(folder / "bolt-js")


def bolt_js_document(installation: Installation) -> dict[str, Any]:
    """Return the JSON document that Bolt for JavaScript writes; JSON.stringify leaves undefined values out."""
    user = {
        "id": installation.user_id,
        "token": installation.user_token,
        "scopes": installation.user_scopes or None,
        "refreshToken": installation.user_refresh_token,
        "expiresAt": installation.user_token_expires_at,
    }
    bot = {
        "id": installation.bot_id,
        "userId": installation.bot_user_id,
        "token": installation.bot_token,
        "scopes": list(installation.bot_scopes or ()),
        "refreshToken": installation.bot_refresh_token,
        "expiresAt": installation.bot_token_expires_at,
    }
    named = {"id": installation.team_id, "name": installation.team_name} if installation.team_id else None
    org = {"id": installation.enterprise_id, "name": installation.enterprise_name}
    document = {
        "team": named,
        "enterprise": org if installation.enterprise_id else None,
        "user": {name: value for name, value in user.items() if value is not None},
        "bot": {name: value for name, value in bot.items() if value is not None} if installation.bot_token else None,
        "incomingWebhook": {"url": installation.incoming_webhook_url} if installation.incoming_webhook_url else None,
        "appId": installation.app_id,
        "tokenType": "bot",
        "isEnterpriseInstall": installation.is_enterprise_install,
        "authVersion": "v2",
    }
    return {name: value for name, value in document.items() if value is not None}


STORES: dict[str, Writer] = {
    "file": file_store,
    "file-without-history": file_store_without_history,
    "sqlite3": sqlite3_store,
    "sqlalchemy": sqlalchemy_store,
    "bolt-js": bolt_js_store,
}
