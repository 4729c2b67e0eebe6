"""`latchkey.connect`: a program beside the server."""

import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

import latchkey
from latchkey.errors import ConfigError, NotInstalled, StoreRefused, TokenUnavailable
from latchkey.simulator import Slack
from latchkey.simulator.tokens import TOKEN_SECONDS
from latchkey.storage import Store, open_store
from tests.storage.conformance.installations.models import installation, user_only
from tests.support.clocks import Clock
from tests.support.waiting import until_blocking
from tests.tokens.issuing import save_pairs
from tests.tokens.slack_thread import slack_in_thread

SECRET = "sentinel-client-secret"


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The config.toml of a server without a Slack."""
    for name in ("SLACK_CLIENT_ID", "SLACK_CLIENT_SECRET", "LATCHKEY_CONFIG"):
        monkeypatch.delenv(name, raising=False)
    path = tmp_path / "config.toml"
    path.write_text('[slack]\nclient_id = "1.2"\n')
    return path


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """The server's store."""
    with closing(open_store(tmp_path / "data" / "store.sqlite", tmp_path / "keys" / "keyring")) as store:
        yield store


@pytest.fixture
def clock() -> Clock:
    return Clock(time.time())


@pytest.fixture
def slack(clock: Clock, config: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Slack]:
    with slack_in_thread(client_id="1.2", client_secret=SECRET, clock=clock) as slack:
        config.write_text(f'[slack]\nclient_id = "1.2"\napi_url = "{slack.api_url}"\n')
        monkeypatch.setenv("SLACK_CLIENT_SECRET", SECRET)
        yield slack


def bot_token(store: Store) -> str | None:
    bot = store.installations.find_bot(enterprise_id=None, team_id="T0ACME")
    return bot.bot_token if bot else None


def test_client_for_returns_the_token_that_is_named(store: Store, config: Path) -> None:
    store.installations.save(installation(user_token="xoxp-U1"))
    store.installations.save(user_only("U2"))
    store.installations.save(installation(team_id=None, enterprise_id="E1", is_enterprise_install=True))
    with latchkey.connect(config) as slack:
        assert slack.client_for(None, "T1").token == "xoxb-T1-U1"
        assert slack.client_for(None, "T1", "U2").token == "xoxp-U2"
        assert slack.client_for("E1", "T9").token == slack.client_for("E1", None).token == "xoxb-None-U1"
        assert slack.client_for("E1", "T9").default_params["team_id"] == "T9"
        assert slack.installations.find_bot(enterprise_id=None, team_id="T1") is not None
        with pytest.raises(NotInstalled, match="no installation of '/T1' with a token of the person U3"):
            slack.client_for(None, "T1", "U3")


def test_without_a_bot_it_acts_only_as_configured(store: Store, config: Path) -> None:
    store.installations.save(user_only("U2"))
    with latchkey.connect(config) as slack, pytest.raises(NotInstalled, match="with a bot's token"):
        slack.client_for(None, "T1")
    config.write_text('[slack]\nact_as = "installer"\n')
    with latchkey.connect(config) as slack:
        assert slack.client_for(None, "T1").token == "xoxp-U2"
        with pytest.raises(NotInstalled):
            slack.client_for(None, "T1", "U3")


def test_an_expired_token_is_refreshed_for_the_server_as_well(
    store: Store, config: Path, slack: Slack, clock: Clock
) -> None:
    clock.now -= TOKEN_SECONDS + 60
    old = save_pairs(slack, store, "T0ACME", "U1", clock.now)
    clock.now += TOKEN_SECONDS + 60
    assert bot_token(store) == old.bot_token  # it is cached now
    with latchkey.connect(config) as connection:
        client = connection.client_for(None, "T0ACME")
        assert client.auth_test()["ok"]
        assert client.token != old.bot_token
    until_blocking(lambda: bot_token(store) == client.token, 10)
    assert slack.world.refresh_tokens[old.bot_refresh_token or ""].sent == 1


def test_an_expired_token_is_never_returned_without_a_client_secret(store: Store, config: Path) -> None:
    store.installations.save(installation(bot_refresh_token="xoxe-1", bot_token_expires_at=int(time.time()) + 30))
    store.installations.save(
        installation(team_id="T2", bot_refresh_token="xoxe-2", bot_token_expires_at=int(time.time()) - 30)
    )
    with latchkey.connect(config) as slack:
        assert slack.client_for(None, "T1").token == "xoxb-T1-U1"
        with pytest.raises(TokenUnavailable, match="this program has no client secret"):
            slack.client_for(None, "T2")


def test_it_never_creates_a_store(tmp_path: Path, config: Path) -> None:
    with pytest.raises(StoreRefused, match="there is no store"):
        latchkey.connect(config)
    assert [path.name for path in tmp_path.iterdir()] == ["config.toml"]


def test_a_wrong_configuration_is_reported(config: Path) -> None:
    config.write_text('[slack]\nact_as = "boss"\n')
    with pytest.raises(ConfigError, match="act_as"):
        latchkey.connect(config)


def test_it_finds_the_configuration_as_the_server_does(
    store: Store, config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.installations.save(installation())
    monkeypatch.setenv("LATCHKEY_CONFIG", str(config))
    with latchkey.connect() as slack:
        assert slack.client_for(None, "T1").token == "xoxb-T1-U1"


def test_closing_twice_is_harmless_and_leaves_no_thread(store: Store, config: Path) -> None:
    before = set(threading.enumerate())
    slack = latchkey.connect(config)
    slack.close()
    slack.close()
    until_blocking(lambda: set(threading.enumerate()) <= before)


def test_importing_latchkey_does_not_import_it() -> None:
    code = "import sys, latchkey; assert 'latchkey.connecting' not in sys.modules; assert latchkey.connect"
    subprocess.run([sys.executable, "-c", code], check=True)
