"""Loads settings from a text and an environment, as the tests of this folder need it."""

from pathlib import Path

import pytest

from latchkey.config import Settings, load_settings
from latchkey.errors import ConfigError


def load(tmp_path: Path, text: str = "", environ: dict[str, str] | None = None, **flags: str) -> Settings:
    file = tmp_path / "config.toml"
    file.write_text(text)
    return load_settings(file, environ or {}, {name.replace("__", "."): value for name, value in flags.items()})


def faults(
    tmp_path: Path, text: str | bytes = "", environ: dict[str, str] | None = None, *, need_slack: bool = False
) -> list[str]:
    """Return the faults of this configuration, one line each."""
    file = tmp_path / "config.toml"
    file.write_bytes(text.encode() if isinstance(text, str) else text)
    with pytest.raises(ConfigError) as caught:  # noqa: PT012  # the second call is only reached with `need_slack`
        settings = load_settings(file, environ or {}, {}, with_slack_faults=need_slack)
        assert need_slack, "there is no fault"
        settings.require_slack()
    return [line.replace(f"{tmp_path}/", "") for line in caught.value.lines]
