"""The app that the tests are about, and how it is found and loaded."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeAlias

from latchkey.config import DEFAULT_FILE, SECTIONS, Settings, find_checkout, load_settings
from latchkey.dispatch import App, MountedApp, load_listeners

Register: TypeAlias = Callable[[Any], Any]
"""A function like a listener module's `register(app)`."""

LISTENER_TIMEOUT = 10.0
CLIENT_ID = "111.222"
CLIENT_SECRET = "a-client-secret"  # noqa: S105  # the simulated Slack's
SIGNING_SECRET = "a-signing-secret"  # noqa: S105
_SECRETS = {"SLACK_CLIENT_SECRET": CLIENT_SECRET, "SLACK_SIGNING_SECRET": SIGNING_SECRET}
_NO_TOKENS = {"SLACK_BOT_TOKEN": "xoxb-not-a-token", "SLACK_APP_TOKEN": "xapp-not-a-token"}
_CREDENTIALS = {"SLACK_CLIENT_ID": CLIENT_ID, **_SECRETS, **_NO_TOKENS}
"""For Bolt apps that read them from the environment when they are imported."""


@dataclass(frozen=True)
class AppToTest:
    """The app that the fixture `slack` runs; return one from a fixture `latchkey_app` to choose another.

    Without arguments, it is the app of the nearest config.toml.
    """

    config: str | Path | None = None
    """The configuration file, relative to the folder of the tests; None: the nearest config.toml, if there is one."""
    modules: Sequence[str | Register] | None = None
    """The listener modules instead of the configured ones; also functions like their `register(app)`."""
    bolt: Any = None
    """The app to mount instead of the configured one: "module:attribute", or an App or AsyncApp of slack_bolt."""
    settings: dict[str, Any] = field(default_factory=dict)
    """Settings that replace those of the file, such as {"slack.scopes": ["chat:write"]}."""
    install: bool = True
    """Whether the app is installed in the first workspace when a test begins."""
    timeout: float = LISTENER_TIMEOUT
    """Seconds that a call waits for listeners to end."""


class AppLoader:
    """Loads apps for the tests of one run, a Bolt app only once: it keeps what was registered with it."""

    def __init__(self, root: Path) -> None:
        """`root` is pytest's rootdir, above which no config.toml is looked for."""
        self._root = root
        self._mounted: dict[object, MountedApp] = {}

    def settings(self, wanted: AppToTest, folder: Path, flags: dict[str, str]) -> Settings:
        """Return the settings for tests in `folder`; `flags` replace some. Raises ConfigError."""
        path = self._config(wanted, folder)
        if path is None and wanted.modules is None and wanted.bolt is None:
            raise FileNotFoundError(
                f"there is no {DEFAULT_FILE} in {folder} or above it, up to {self._root}: "
                "set latchkey_config in pytest's configuration, or write a fixture latchkey_app that returns an "
                "AppToTest(modules=[…])"
            )
        # Nothing of the machine's environment: it may have the real app's secrets, and a test must not depend on it.
        settings = load_settings(path, _SECRETS, {**flags, **_as_flags(wanted.settings)})
        return settings if path is not None else replace(settings, base=folder)

    def load(self, wanted: AppToTest, settings: Settings) -> App:
        """Return the app with its listeners. Raises ListenerLoadError or ConfigError."""
        modules = wanted.modules
        if modules is None:
            modules = settings.listeners.modules if wanted.bolt is None else ()
        app = load_listeners([each for each in modules if isinstance(each, str)], settings.base, find_checkout())
        for each in modules:
            if not isinstance(each, str):
                each(app)
        if wanted.bolt is not None or (wanted.modules is None and settings.bolt.is_set):
            app.mount(self._mount(wanted.bolt, settings))
        return app

    def _mount(self, bolt: Any, settings: Settings) -> MountedApp:
        from latchkey.bolt import BoltApp, load_bolt_app  # only tests of Bolt apps need it

        key = bolt if bolt is not None else (settings.bolt.app, *settings.bolt.modules)
        if key not in self._mounted:
            if bolt is None:
                self._mounted[key] = load_bolt_app(settings.bolt.app, settings.bolt.modules, _CREDENTIALS)
            elif isinstance(bolt, str):
                self._mounted[key] = load_bolt_app(bolt, (), _CREDENTIALS)
            else:
                self._mounted[key] = BoltApp(type(bolt).__name__, bolt)
        return self._mounted[key]

    def _config(self, wanted: AppToTest, folder: Path) -> Path | None:
        if wanted.config is not None:
            return folder / wanted.config
        for place in (folder, *folder.parents):
            if (place / DEFAULT_FILE).is_file():
                return place / DEFAULT_FILE
            if place == self._root:
                return None
        return None


def _as_flags(settings: dict[str, Any]) -> dict[str, str]:
    """Return settings in the form of command-line values. Raises ValueError for an unknown one."""
    known = [f"{section}.{key}" for section, kind in SECTIONS.items() for key in kind.__struct_fields__]
    for name in settings:
        if name not in known:
            raise ValueError(f"AppToTest: there is no setting {name!r}; name it as in config.toml, 'section.key'")
    return {name: _as_text(value) for name, value in settings.items()}


def _as_text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return ",".join(value) if isinstance(value, list | tuple) else str(value)
