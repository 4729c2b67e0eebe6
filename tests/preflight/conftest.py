"""A configuration with which the server starts, in which each test makes one mistake."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from latchkey.config import load_settings
from latchkey.preflight import Finding, StartContext, run_config_checks
from latchkey.storage import open_store
from tests.support.command_line import CREDENTIALS


@dataclass
class Home:
    """A folder with a configuration and a listener module, and the environment variables."""

    folder: Path
    environ: dict[str, str]

    def listen(self, section: str, address: str) -> None:
        self.environ[f"LATCHKEY_{section.upper()}_LISTEN"] = address

    def create_store(self) -> None:
        """Create a store and its keyring, and close them."""
        open_store(self.folder / "data" / "store.sqlite", self.folder / "keys" / "keyring").close()

    def context(self, checkout: Path | None = None, **options: bool) -> StartContext:
        return StartContext(load_settings(self.folder / "config.toml", self.environ, {}), checkout, **options)

    def findings(self, **options: bool) -> list[Finding]:
        """Return what `config check` finds."""
        return run_config_checks(self.context(**options))


@pytest.fixture
def home(tmp_path: Path, unused_addresses: dict[str, str]) -> Home:
    (tmp_path / "config.toml").touch(mode=0o644)
    (tmp_path / "started_app.py").write_text("def register(app):\n    app.command('/x')(lambda ack: ack())\n")
    return Home(
        tmp_path,
        {
            **CREDENTIALS,
            **unused_addresses,
            "LATCHKEY_SERVER_PUBLIC_URL": "http://localhost",
            "LATCHKEY_LISTENERS_MODULES": "started_app",
        },
    )
