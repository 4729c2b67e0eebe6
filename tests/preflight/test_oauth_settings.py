"""The OAuth settings of a mounted app: they replace defaults, and what the operator writes replaces them."""

import itertools
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from latchkey.config import Settings
from latchkey.preflight import Finding
from tests.preflight.conftest import Home

NUMBERS = itertools.count()
APP = """
from slack_bolt import App, BoltResponse
from slack_bolt.oauth.callback_options import CallbackOptions
from slack_bolt.oauth.oauth_flow import OAuthFlow
from slack_bolt.oauth.oauth_settings import OAuthSettings

def success(args):
    return BoltResponse(status=200, body=f"welcome {args.installation.user_id}")

def failure(args):
    return BoltResponse(status=args.suggested_status_code, body=f"no: {args.reason}")

OPTIONS = CallbackOptions(success=success, failure=failure)
class MyFlow(OAuthFlow):
    pass

"""


class Mounting:
    """A configuration whose `[bolt] app` is written by a test."""

    def __init__(self, home: Home) -> None:
        self._home = home
        del home.environ["LATCHKEY_LISTENERS_MODULES"]

    def app(self, oauth: str, flow: str = "") -> None:
        """Write an app with OAuthSettings of these arguments; `flow` is the class of its flow."""
        name = f"oauth_{next(NUMBERS)}"
        settings = f"OAuthSettings({oauth})"
        given = f"oauth_flow={flow}(settings={settings})" if flow else f"oauth_settings={settings}"
        (self._home.folder / f"{name}.py").write_text(f"{APP}app = App(signing_secret='s', {given})\n")
        self._home.environ["LATCHKEY_BOLT_APP"] = f"{name}:app"

    def set(self, **values: str) -> None:
        self._home.environ |= {f"LATCHKEY_{name.upper()}": value for name, value in values.items()}

    @property
    def settings(self) -> Settings:
        return self._home.context().settings_with_app

    @property
    def findings(self) -> list[Finding]:
        return self._home.findings()

    @property
    def unused(self) -> list[str]:
        """What doctor says of the OAuth settings."""
        return [found.what.removeprefix("the app ") for found in self.findings if found.code == "bolt-oauth"]


@pytest.fixture
def mounting(home: Home) -> Iterator[Mounting]:
    yield Mounting(home)
    for name in [name for name in sys.modules if name.startswith("oauth_")]:
        del sys.modules[name]


EVERYTHING = (
    "scopes='chat:write,reactions:read', user_scopes=['search:read'], install_path='/start', redirect_uri_path='/back',"
    " install_page_rendering_enabled=False, state_expiration_seconds=120, success_url='https://example.com/ok',"
    " failure_url='https://example.com/no', authorization_url='https://slack-gov.com/oauth/v2/authorize'"
)
TAKEN = {
    "slack.scopes": ["chat:write", "reactions:read"],
    "slack.user_scopes": ["search:read"],
    "slack.authorize_url": "https://slack-gov.com/oauth/v2/authorize",
    "install.path": "/start",
    "install.callback_path": "/back",
    "install.page": False,
    "install.state_seconds": 120,
    "install.success_url": "https://example.com/ok",
    "install.failure_url": "https://example.com/no",
}


def shown(settings: Settings) -> dict[str, Any]:
    """Return the settings that an app can give, and check where they come from."""
    values = {}
    for name in TAKEN:
        section, _, key = name.partition(".")
        values[name] = getattr(getattr(settings, section), key)
    return values


def test_the_apps_settings_replace_defaults(mounting: Mounting) -> None:
    mounting.app(EVERYTHING)
    settings = mounting.settings
    assert shown(settings) == TAKEN
    assert {settings.origins[name].partition("_")[0] for name in TAKEN} == {"oauth"}
    assert settings.redirect_url == "http://localhost/back"
    assert mounting.unused == []


def test_what_the_operator_writes_is_used_and_a_difference_is_reported(mounting: Mounting) -> None:
    mounting.app(EVERYTHING)
    mounting.set(slack_scopes="commands", install_path="/add", install_state_seconds="120", install_page="true")
    settings = mounting.settings
    assert (settings.slack.scopes, settings.install.path, settings.install.page) == (["commands"], "/add", True)
    assert settings.install.callback_path == "/back"
    assert sorted(mounting.unused) == [
        "has another value for [install] page than LATCHKEY_INSTALL_PAGE, which is used",
        "has another value for [install] path than LATCHKEY_INSTALL_PATH, which is used",
        "has another value for [slack] scopes than LATCHKEY_SLACK_SCOPES, which is used",
    ]


def test_scopes_are_the_same_in_any_order_and_with_the_optional_ones(mounting: Mounting) -> None:
    mounting.app("scopes=['chat:write', 'reactions:read']")
    mounting.set(slack_scopes="reactions:read", slack_optional_scopes="chat:write")
    assert mounting.unused == []


def test_bolts_redirect_path_is_used_although_it_is_a_default(mounting: Mounting) -> None:
    mounting.app("")
    settings = mounting.settings
    assert settings.install.callback_path == "/slack/oauth_redirect"
    assert (settings.install.path, settings.slack.scopes) == (
        "/slack/install",
        ["app_mentions:read", "chat:write", "commands"],
    )


def test_an_app_of_user_scopes_asks_for_no_bot_scope(mounting: Mounting) -> None:
    mounting.app("user_scopes=['search:read']")
    assert (mounting.settings.slack.scopes, mounting.settings.slack.user_scopes) == ([], ["search:read"])


@pytest.mark.parametrize(
    ("oauth", "said"),
    [
        ("install_path='start'", "[install] path that cannot be used: expected a path"),
        ("install_path='/slack/events'", "[install] path that cannot be used: expected another path"),
        ("state_expiration_seconds=5", "[install] state_seconds that cannot be used: expected a number from 60"),
        ("state_expiration_seconds='soon'", "[install] state_seconds that cannot be used: expected a whole number"),
        ("success_url='http://example.com'", "[install] success_url that cannot be used: expected https://"),
        ("client_id='3.4'", "another client_id than SLACK_CLIENT_ID"),
        ("redirect_uri='https://example.com/back'", "another redirect_uri than http://localhost/slack/oauth_redirect"),
        ("state_validation_enabled=False", "sets state_validation_enabled=False"),
        ("user_token_resolution='actor'", "sets user_token_resolution='actor'"),
    ],
)
def test_what_cannot_be_used_is_reported_and_the_default_stays(mounting: Mounting, oauth: str, said: str) -> None:
    mounting.app(oauth)
    [found] = mounting.unused
    assert said in found
    install = mounting.settings.install
    assert (install.path, install.state_seconds, install.success_url) == ("/slack/install", 600, "")


def test_a_flow_of_the_authors_own_is_reported(mounting: Mounting) -> None:
    mounting.app("install_path='/start'", flow="MyFlow")
    [found] = mounting.unused
    assert "has an OAuth flow of its own (oauth_" in found
    assert "MyFlow" in found
    assert mounting.settings.install.path == "/start"


def test_a_handler_that_the_operators_page_replaces_is_reported(mounting: Mounting) -> None:
    mounting.app("callback_options=OPTIONS, success_url='https://example.com/unused'")
    assert mounting.settings.install.success_url == ""
    assert mounting.unused == []
    mounting.set(install_success_url="https://example.com/ok")
    assert mounting.unused == ["has a success handler, which is not called because [install] success_url is set"]


def test_one_path_for_both_ends_of_an_install_is_refused(mounting: Mounting) -> None:
    mounting.app("install_path='/x', redirect_uri_path='/x'")
    [found] = mounting.findings
    assert found.message.startswith("[install] callback_path: must not be the same as [install] path")
