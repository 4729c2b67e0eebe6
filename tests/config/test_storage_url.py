"""`[storage] url`: what is accepted, where it may come from, and that no password is shown."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from psycopg.conninfo import conninfo_to_dict

from latchkey.config import Settings
from latchkey.config.storage_url import parse_storage_url, storage_url_problem
from latchkey.storage.engine.postgresql import DatabaseUrl
from tests.config.loading import faults, load
from tests.support.command_line import SECRET_MARK, run

FORM = "expected postgresql://USER@HOST:PORT/DATABASE"
ESCAPED = "; in a user name or a password, write : as %3A, / as %2F and @ as %40"
VARIABLE = "LATCHKEY_STORAGE_URL"
VALID = [
    "postgresql://db.example.com/latchkey",
    "postgres://latchkey@db/latchkey?sslmode=verify-full&sslrootcert=system",
    "postgresql://u@h1:5432,h2/db?target_session_attrs=read-write&sslrootcert=/etc/ca.pem&sslmode=verify-full",
    "postgresql://u@h1,h2:5433,[2001:db8::1]:5434/db?connect_timeout=3&load_balance_hosts=random",
    "postgresql://u@db/db?sslcert=/etc/client.pem&sslkey=/etc/client.key&sslcertmode=require",
    "postgresql://u@db/db?keepalives=1&keepalives_idle=30&keepalives_interval=5&keepalives_count=3&tcp_user_timeout=0",
    "postgresql://u@db/db?application_name=our%20app&channel_binding=require&passfile=/etc/latchkey/pgpass",
    "postgresql:///db?host=/run/postgresql&port=5433",
    "postgresql://u@%2Frun%2Fpostgresql/db",
    "postgresql://db:5433/db?hostaddr=10.1.2.3",
]
WITH_PASSWORD = [
    ("postgresql://u:p%40ss-word@db/latchkey", ["p@ss-word", "p%40ss-word"]),
    ("postgresql://u:what?ever,is:this@db/latchkey", ["what?ever,is:this"]),
    ("postgresql://u@db/latchkey?password=a%26b%3Dcd", ["a&b=cd", "a%26b%3Dcd"]),
    ("postgresql://u@db/latchkey?sslkey=/k&sslpassword=key-word", ["key-word"]),
]
MALFORMED = [
    ("mysql://db/latchkey", FORM),
    ("host=db dbname=latchkey", "expected a URL of ASCII characters without spaces; write others as %…"),
    ("postgresql://dbä/latchkey", "expected a URL of ASCII characters without spaces; write others as %…"),
    ("postgresql:db/latchkey", FORM),
    ("postgresql://", FORM),
    ("postgresql://[::1/latchkey", FORM),
    ("postgresql:///latchkey", "expected a host, or the folder of a unix socket as in postgresql:///DATABASE?host=/run/postgresql"),
    ("postgresql://db", "expected the name of a database: postgresql://HOST/DATABASE"),
    ("postgresql://db/", "expected the name of a database: postgresql://HOST/DATABASE"),
    ("postgresql://db:65536/l", f"port must be a number from 1 to 65535{ESCAPED}"),
    ("postgresql://db:0/l", f"port must be a number from 1 to 65535{ESCAPED}"),
    ("postgresql://a:1,b:2,c/l?hostaddr=1.2.3.4", "must have as many ports and addresses as hosts"),
    ("postgresql://a,,b/l", f"host must be host names or folders of sockets{ESCAPED}"),
    ("postgresql://db/l?sslmod=require", "has a parameter after the ? that is not supported (did you mean sslmode?)"),
    ("postgresql://db/l?sslmode", 'has no value for sslmode, or an "=" in it, which is written as %3D'),
    ("postgresql://db/l?sslmode=require&sslmode=disable", "sets sslmode twice"),
    ("postgresql://db/l?host=other", "sets host twice"),
    ("postgresql://db/l?sslmode=on", "sslmode must be disable, allow, prefer, require, verify-ca or verify-full"),
    ("postgresql://db/l?sslrootcert=ca.pem", "sslrootcert must be an absolute path"),
    ("postgresql://db/l?connect_timeout=1", "connect_timeout must be a number from 2 to 86400"),
    ("postgresql://db/l?keepalives=yes", "keepalives must be 0 or 1"),
    ("postgresql://db/l?target_session_attrs=standby", "target_session_attrs must be any, read-write or primary"),
    ("postgresql://db/l?options=-csearch_path%3Dx", "must not set options: the server chooses the options of its sessions itself"),
    ("postgresql://db/l?service=x", "must not set service: write what the service file contains into the URL"),
    ("postgresql://db/100%", 'has a "%" that two hexadecimal digits do not follow; write a "%" itself as "%25"'),
    # A password that is not escaped.
    (f"postgresql://u:{SECRET_MARK}/x@db/l", f"port must be a number from 1 to 65535{ESCAPED}"),
    (f"postgresql://u:12/{SECRET_MARK}@db/l", f"dbname must be the name of a database{ESCAPED}"),
    (f"postgresql://u:x@{SECRET_MARK}@db/l", f"host must be host names or folders of sockets{ESCAPED}"),
    (f"postgresql://db/l?password=x&{SECRET_MARK}", "has a parameter after the ? that is not supported"),
    (f"postgresql://db/l?{SECRET_MARK}=x", "has a parameter after the ? that is not supported"),
]  # fmt: skip


@pytest.mark.parametrize("url", [*VALID, *(url for url, _ in WITH_PASSWORD)])
def test_understands_a_url_as_libpq_does(url: str) -> None:
    assert storage_url_problem(url) is None
    found = parse_storage_url(url)
    assert found.parts == conninfo_to_dict(url)
    assert found.shown == str(DatabaseUrl(url))


URLS = st.from_regex(
    r"\Apostgres://([a-z:?,%0-9]{0,6}@)?([a-z0-9@\[:]{0,5})(:[0-9]{1,3})?(,[a-z])?/([a-z]|%4)[0-9a-z@%]{0,4}"
    r"(\?(host|password|port|user)=[a-z0-9/,:@%]{0,9})?\Z"
)


@given(URLS)
def test_accepts_nothing_that_libpq_understands_in_another_way(url: str) -> None:
    if storage_url_problem(url) is None:
        understood = {
            name: value for name, value in conninfo_to_dict(url).items() if value.strip(",")
        }  # "," is no port
        assert parse_storage_url(url).parts == understood


@pytest.mark.parametrize(("url", "problem"), MALFORMED)
@pytest.mark.parametrize("is_secret", [False, True], ids=["in the file", "as a secret"])
def test_fault_says_what_is_wrong_and_shows_no_part_of_the_url(
    tmp_path: Path, url: str, problem: str, is_secret: bool
) -> None:
    text, environ = ("", {VARIABLE: url}) if is_secret else (f"[storage]\nurl = '{url}'\n", {})
    if is_secret and " " in problem and ("ä" in url or " " in url):
        problem = "expected one secret per line, in printable ASCII"
    [found] = faults(tmp_path, text, environ)
    assert found == f"{VARIABLE if is_secret else 'config.toml [storage] url'}: {problem}"
    assert SECRET_MARK not in found


@pytest.mark.parametrize(("url", "passwords"), WITH_PASSWORD, ids=[url for url, _ in WITH_PASSWORD])
def test_password_is_refused_in_the_file_and_hidden_otherwise(tmp_path: Path, url: str, passwords: list[str]) -> None:
    [found] = faults(tmp_path, f"[storage]\nurl = '{url}'\n")
    assert found == (
        "config.toml [storage] url: must not contain a password here; pass the whole URL in LATCHKEY_STORAGE_URL_FILE,"
        " in LATCHKEY_STORAGE_URL or as the systemd credential storage_url"
    )
    settings = load(tmp_path, environ={VARIABLE: url})
    assert settings.secrets == passwords
    assert url not in repr(settings)
    assert settings.store_name == "postgresql://db/latchkey"
    assert settings.storage_url is not None
    assert settings.storage_url.reveal() == url


def test_password_that_ordinary_messages_contain_is_not_hidden_in_them(tmp_path: Path) -> None:
    for password in ("postgres", "latchkey", "a", "db.example.com"):
        url = f"postgresql://u:{password}@db.example.com/x"
        assert load(tmp_path, environ={VARIABLE: url}).secrets == []


def location(settings: Settings) -> str:
    found = settings.store_location
    return str(found) if isinstance(found, Path) else found.reveal()


def test_secret_sources_come_first_and_name_themselves(tmp_path: Path) -> None:
    def url(name: str) -> str:
        return f"postgresql://{name}/db"

    (tmp_path / "given").write_text(url("of-file") + "\n")
    for folder in ("credentials", "secrets"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "storage_url").write_text(url(f"in-{folder}"))
    text = f"[storage]\nurl = '{url('in-config')}'\n"
    environ = {
        "CREDENTIALS_DIRECTORY": str(tmp_path / "credentials"),
        f"{VARIABLE}_FILE": str(tmp_path / "given"),
        VARIABLE: url("in-variable"),
    }
    expected = [
        ("in-credentials", "credential storage_url", "CREDENTIALS_DIRECTORY"),
        ("of-file", f"{VARIABLE}_FILE", f"{VARIABLE}_FILE"),
        ("in-variable", VARIABLE, VARIABLE),
        ("in-secrets", "secrets/storage_url", ""),
    ]
    for name, origin, variable in expected:
        settings = load(tmp_path, text, environ)
        assert (location(settings), settings.origins["storage.url"]) == (url(name), origin)
        assert settings.storage.url == ""
        environ.pop(variable, None)
    (tmp_path / "secrets" / "storage_url").unlink()
    settings = load(tmp_path, text)
    assert (location(settings), settings.storage.url) == (url("in-config"), url("in-config"))
    assert settings.origins["storage.url"].endswith("config.toml")


def test_flag_or_an_empty_variable_says_that_the_store_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "storage_url").write_text("postgresql://db/of-secrets")
    text = "[storage]\nurl = 'postgresql://db/of-config'\n"
    assert location(load(tmp_path, text, {VARIABLE: ""})) == str(tmp_path / "data" / "store.sqlite")
    environ = {VARIABLE: "postgresql://db/of-variable"}
    assert location(load(tmp_path, text, environ, storage__url="")) == str(tmp_path / "data" / "store.sqlite")
    (tmp_path / "given").write_text("postgresql://db/of-file")
    assert location(load(tmp_path, text, {VARIABLE: "", f"{VARIABLE}_FILE": str(tmp_path / "given")})).endswith(
        "of-file"
    )


def test_a_file_with_several_urls_is_refused(tmp_path: Path) -> None:
    (tmp_path / "given").write_text("postgresql://a/db\npostgresql://b/db\n")
    environ = {f"{VARIABLE}_FILE": str(tmp_path / "given")}
    assert faults(tmp_path, environ=environ) == [f"{VARIABLE}_FILE: expected a single line"]


@pytest.mark.parametrize("connections", [1, 101])
def test_number_of_connections_is_limited(tmp_path: Path, connections: int) -> None:
    expected = f"config.toml [storage] connections: expected a number from 2 to 100; found {connections}"
    assert faults(tmp_path, f"[storage]\nconnections = {connections}\n") == [expected]


def test_roots_commands_act_as_the_owner_of_the_keyring_or_of_the_path_that_is_set(tmp_path: Path) -> None:
    text = "[storage]\nurl = 'postgresql://db/latchkey'\n"
    assert load(tmp_path).owner_path == tmp_path / "data" / "store.sqlite"
    assert load(tmp_path, text).owner_path == tmp_path / "keys" / "keyring"
    assert load(tmp_path, f"{text}path = '/var/lib/latchkey/store.sqlite'\n").owner_path.parent.name == "latchkey"


def test_config_show_names_the_origin_and_not_the_secret(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text("[storage]\npath = 'store.sqlite'\nurl = 'postgresql://other/db'\n")
    environ = {VARIABLE: f"postgresql://someone:{SECRET_MARK}@db/latchkey?sslmode=require"}
    done = run(tmp_path, "config", "show", **environ)
    assert (done.returncode, done.stderr) == (0, "")
    rows = {line.split()[0]: " ".join(line.split()[1:]) for line in done.stdout.splitlines()}
    assert rows["storage.url"] == f"******** (postgresql://db/latchkey) {VARIABLE}"
    assert rows["storage.path"] == "store.sqlite config.toml; not used, because the store is in a database"
    shown = json.loads(run(tmp_path, "config", "show", "--json", **environ).stdout)
    assert SECRET_MARK not in done.stdout + json.dumps(shown)
    assert "someone" not in done.stdout + json.dumps(shown)
    own = json.loads(run(tmp_path, "config", "show", "--json").stdout)
    assert own["storage.url"] == {"value": "postgresql://other/db", "from": "config.toml"}
