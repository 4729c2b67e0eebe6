"""Mistakes that are found before a start: each by its code, and whether the server refuses to start with it."""

from collections.abc import Callable
from typing import NamedTuple

import pytest

from tests.preflight.conftest import Home
from tests.support.command_line import CLIENT_ID, CLIENT_SECRET, SECRET_MARK, SIGNING_SECRET


def missing_module(home: Home) -> None:
    home.environ["LATCHKEY_LISTENERS_MODULES"] = "no_such_module_before_a_start"


def module_without_register(home: Home) -> None:
    (home.folder / "idle_app.py").write_text("x = 1\n")
    home.environ["LATCHKEY_LISTENERS_MODULES"] = "idle_app"


def server_and_metrics_on_one_port(home: Home) -> None:
    home.listen("metrics", home.environ["LATCHKEY_SERVER_LISTEN"])


def one_port_under_two_names(home: Home) -> None:
    home.listen("metrics", home.environ["LATCHKEY_SERVER_LISTEN"].replace("127.0.0.1", "localhost"))


def one_port_and_every_address(home: Home) -> None:
    home.listen("metrics", home.environ["LATCHKEY_SERVER_LISTEN"].replace("127.0.0.1", ""))


def host_without_an_address(home: Home) -> None:
    home.listen("server", "no-such-host.invalid:8080")


def host_of_another_machine(home: Home) -> None:
    home.listen("metrics", "192.0.2.1:8080")


def socket_in_a_missing_folder(home: Home) -> None:
    home.listen("server", f"unix:{home.folder}/missing/latchkey.sock")


def socket_that_is_a_file(home: Home) -> None:
    (home.folder / "file").touch()
    home.listen("server", f"unix:{home.folder}/file")


def socket_without_a_public_url(home: Home) -> None:
    del home.environ["LATCHKEY_SERVER_PUBLIC_URL"]
    home.listen("server", f"unix:{home.folder}/latchkey.sock")


def one_path_for_both_ends_of_an_install(home: Home) -> None:
    home.environ |= {"LATCHKEY_INSTALL_PATH": "/add", "LATCHKEY_INSTALL_CALLBACK_PATH": "/add"}


def every_address(home: Home) -> None:
    home.listen("server", ":0")


def every_ipv4_address(home: Home) -> None:
    home.listen("metrics", "0.0.0.0:0")


def no_public_url(home: Home) -> None:
    del home.environ["LATCHKEY_SERVER_PUBLIC_URL"]


def missing_credentials(home: Home) -> None:
    del home.environ["SLACK_CLIENT_SECRET"]


def swapped_credentials(home: Home) -> None:
    home.environ |= {"SLACK_CLIENT_ID": CLIENT_SECRET, "SLACK_CLIENT_SECRET": CLIENT_ID}


def short_signing_secret(home: Home) -> None:
    home.environ["SLACK_SIGNING_SECRET"] = SIGNING_SECRET[:-1]


def readable_secret_file(home: Home) -> None:
    file = home.folder / "signing"
    file.write_text(SIGNING_SECRET)
    file.chmod(0o644)
    home.environ["SLACK_SIGNING_SECRET_FILE"] = str(file)


def writable_configuration(home: Home) -> None:
    (home.folder / "config.toml").chmod(0o666)


def store_that_is_a_folder(home: Home) -> None:
    (home.folder / "data" / "store.sqlite").mkdir(parents=True, mode=0o700)


def store_that_is_not_ours(home: Home) -> None:
    (home.folder / "data").mkdir(mode=0o700)
    (home.folder / "data" / "store.sqlite").write_text("a letter")


def store_below_a_file(home: Home) -> None:
    (home.folder / "data").touch()


def store_and_keyring_in_one_file(home: Home) -> None:
    home.environ["LATCHKEY_STORAGE_KEYRING"] = "data/store.sqlite"


def folder_of_the_store_that_others_can_write_to(home: Home) -> None:
    (home.folder / "data").mkdir()
    (home.folder / "data").chmod(0o777)


def keyring_without_its_store(home: Home) -> None:
    home.create_store()
    (home.folder / "data" / "store.sqlite").unlink()


def keyring_that_is_a_folder(home: Home) -> None:
    home.create_store()
    (home.folder / "keys" / "keyring").unlink()
    (home.folder / "keys" / "keyring").mkdir()


def keyring_that_is_missing(home: Home) -> None:
    home.create_store()
    (home.folder / "keys" / "keyring").unlink()


def keyring_that_others_can_read(home: Home) -> None:
    home.create_store()
    (home.folder / "keys" / "keyring").chmod(0o644)


def keyring_below_a_file(home: Home) -> None:
    (home.folder / "keys").touch()


def backups_below_a_file(home: Home) -> None:
    (home.folder / "backups").touch()


def missing_folder_of_sockets_to_slack(home: Home) -> None:
    home.environ["LATCHKEY_SLACK_UNIX_SOCKETS"] = "missing"


class Case(NamedTuple):
    mistake: Callable[[Home], None]
    code: str
    refused: bool
    """Whether the server refuses to start."""
    said: str


CASES = [
    Case(missing_module, "listeners-failed", True, "no_such_module_before_a_start: there is no such module"),
    Case(module_without_register, "listeners-failed", True, "idle_app: it has no function register(app)"),
    Case(server_and_metrics_on_one_port, "address-unusable", True, "[metrics] listen: {SERVER} is also the server's"),
    Case(one_port_under_two_names, "address-unusable", True, "is also the server's address"),
    Case(one_port_and_every_address, "address-unusable", True, "is also the server's address"),
    Case(host_without_an_address, "address-unusable", True, "no-such-host.invalid:8080: Name or service not known"),
    Case(host_of_another_machine, "address-unusable", True, "192.0.2.1:8080: Cannot assign requested address"),
    Case(socket_in_a_missing_folder, "address-unusable", True, "missing/latchkey.sock: No such file or directory"),
    Case(socket_that_is_a_file, "address-unusable", True, "it exists and is not a socket"),
    Case(socket_without_a_public_url, "config-invalid", True, "[server] public_url: must be set, because"),
    Case(one_path_for_both_ends_of_an_install, "config-invalid", True, "[install] callback_path: must not be the same"),
    Case(every_address, "reachable-by-all", False, "[server] listen: :0 is every address of this machine"),
    Case(every_ipv4_address, "reachable-by-all", False, "[metrics] listen: 0.0.0.0:0 is every address"),
    Case(no_public_url, "public-url-unset", False, "[server] public_url: is not set"),
    Case(missing_credentials, "slack-not-configured", True, "SLACK_CLIENT_SECRET: must be set"),
    Case(swapped_credentials, "credentials-malformed", True, "SLACK_CLIENT_ID and SLACK_CLIENT_SECRET: are swapped"),
    Case(short_signing_secret, "credentials-malformed", True, "SLACK_SIGNING_SECRET: expected 32 hexadecimal digits"),
    Case(readable_secret_file, "secret-permissions", False, "signing: has mode 0644"),
    Case(writable_configuration, "config-permissions", False, "config.toml: has mode 0666"),
    Case(store_that_is_a_folder, "store-refused", True, "store.sqlite is not a regular file"),
    Case(store_that_is_not_ours, "store-refused", True, "is not an SQLite database"),
    Case(store_below_a_file, "store-missing", True, "cannot be created, because"),
    Case(store_and_keyring_in_one_file, "store-missing", True, "the store and the keyring are the same file"),
    Case(folder_of_the_store_that_others_can_write_to, "store-permissions", True, "mode 0777 lets others"),
    Case(keyring_without_its_store, "store-missing", True, "is missing, but its keyring"),
    Case(keyring_that_is_a_folder, "keyring-unusable", True, "keys/keyring: not a regular file"),
    Case(keyring_that_is_missing, "keyring-unusable", True, "keys/keyring: No such file or directory"),
    Case(keyring_that_others_can_read, "keyring-unusable", True, "mode 0644 lets others read or change it"),
    Case(keyring_below_a_file, "store-missing", True, "keys/keyring cannot be created, because"),
    Case(backups_below_a_file, "backups-unwritable", False, "[backup] path: {FOLDER}/backups is not a folder"),
    Case(missing_folder_of_sockets_to_slack, "sockets-missing", False, "[slack] unix_sockets: there is no folder"),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.mistake.__name__)
def test_names_each_mistake(home: Home, case: Case) -> None:
    case.mistake(home)
    [found] = home.findings()
    assert found.code == case.code
    server = home.environ["LATCHKEY_SERVER_LISTEN"]
    assert case.said.format(SERVER=server, FOLDER=home.folder) in found.message
    assert (found.refusal is not None) == case.refused
    assert found.fix
    assert SECRET_MARK not in found.message + found.fix
