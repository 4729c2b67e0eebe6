"""A working installation, in which each test causes one problem."""

import time
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from slack_sdk.oauth.installation_store import Installation

from latchkey.config import load_settings
from latchkey.doctor import DoctorContext, run_checks
from latchkey.errors import ConfigError
from latchkey.preflight import Finding, invalid_configuration
from latchkey.storage import Store, make_backup, open_store
from tests.support.command_line import CREDENTIALS

PROJECT = Path(__file__).resolve().parent.parent.parent


@dataclass
class Home:
    """A folder with a configuration, a store, a keyring and a backup, and the environment variables."""

    folder: Path
    environ: dict[str, str] = field(default_factory=dict)
    offline: bool = True
    ahead: float = 0.0
    """Seconds by which the doctor's clock is ahead."""

    @property
    def config(self) -> Path:
        return self.folder / "config.toml"

    @property
    def store(self) -> Path:
        return self.folder / "data" / "store.sqlite"

    @property
    def keyring(self) -> Path:
        return self.folder / "keys" / "keyring"

    def opened(self) -> "closing[Store]":
        return closing(open_store(self.store, self.keyring))

    def back_up(self) -> Path:
        return make_backup(self.store, self.keyring, self.folder / "backups").path

    def findings(self) -> list[Finding]:
        try:
            settings = load_settings(self.config, self.environ, {})
        except ConfigError as error:
            return invalid_configuration(error)
        with DoctorContext(
            settings, PROJECT, beside_server=True, offline=self.offline, clock=lambda: time.time() + self.ahead
        ) as context:
            return run_checks(context)

    def codes(self) -> set[str]:
        return {item.code for item in self.findings()}


@pytest.fixture
def home(tmp_path: Path, unused_addresses: dict[str, str]) -> Home:
    """Everything works, except that no server is running."""
    home = Home(
        tmp_path,
        {**CREDENTIALS, **unused_addresses, "LATCHKEY_SERVER_PUBLIC_URL": "https://app.example.com"},
    )
    home.config.write_text("")
    home.config.chmod(0o644)
    with home.opened() as store:
        store.installations.save(
            Installation(
                app_id="A1", team_id="T0SENTINEL", user_id="U1", bot_token="xoxb-sentinel", bot_id="B1", bot_user_id="UB1",
                bot_scopes=["app_mentions:read", "chat:write", "commands"],
            )
        )  # fmt: skip
    home.back_up()
    return home
