"""The unix socket: its mode, and that no other program's file or socket is removed."""

import os
import socket
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from latchkey.errors import LatchkeyError
from latchkey.handlers.transport.connections.sockets import bind_unix, removed_on_exit


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "latchkey.sock"


@pytest.fixture(autouse=True)
def _open_umask() -> Iterator[None]:
    before = os.umask(0)
    yield
    os.umask(before)


@pytest.mark.parametrize("mode", [0o600, 0o660, 0o666])
def test_socket_has_the_configured_mode_with_any_umask(path: Path, mode: int) -> None:
    with bind_unix(path, mode):
        assert stat.S_IMODE(path.stat().st_mode) == mode
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(path))


def test_replaces_the_socket_of_a_killed_server(path: Path) -> None:
    bind_unix(path, 0o600).close()
    assert path.is_socket()
    with bind_unix(path, 0o600), socket.socket(socket.AF_UNIX) as client:
        client.connect(str(path))


def test_keeps_the_socket_of_a_running_server(path: Path) -> None:
    with bind_unix(path, 0o600), pytest.raises(LatchkeyError, match="another program listens on it"):
        bind_unix(path, 0o600)
    assert path.is_socket()


def test_keeps_the_socket_of_a_server_with_a_full_backlog(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as busy:
        busy.bind(str(path))
        busy.listen(0)
        clients = []
        for _ in range(3):
            client = socket.socket(socket.AF_UNIX)
            client.setblocking(False)
            clients.append(client)
            client.connect_ex(str(path))
        with pytest.raises(LatchkeyError, match="another program listens on it"):
            bind_unix(path, 0o600)
        for client in clients:
            client.close()


@pytest.mark.parametrize("kind", ["file", "folder", "link", "dangling link"])
def test_refuses_and_keeps_anything_that_is_not_a_socket(path: Path, kind: str) -> None:
    if kind == "file":
        path.write_text("precious")
    elif kind == "folder":
        path.mkdir()
    else:
        target = path.with_name("target")
        path.symlink_to(target)
        if kind == "link":
            bind_unix(target, 0o600).close()
    before = os.lstat(path)
    with pytest.raises(LatchkeyError, match="not a socket") as caught:
        bind_unix(path, 0o600)
    assert caught.value.hint
    assert os.lstat(path) == before


def test_missing_folder_is_an_error_with_a_hint(tmp_path: Path) -> None:
    with pytest.raises(LatchkeyError, match="No such file or directory") as caught:
        bind_unix(tmp_path / "missing" / "latchkey.sock", 0o600)
    assert "its folder must exist" in caught.value.hint


def test_removes_its_socket_on_exit(path: Path) -> None:
    with removed_on_exit(path):
        bind_unix(path, 0o600).close()
    assert not path.exists()


def test_keeps_a_successors_socket_on_exit(path: Path) -> None:
    with removed_on_exit(path):
        bind_unix(path, 0o600).close()
        successor = bind_unix(path, 0o600)
    assert path.is_socket()
    successor.close()


@pytest.mark.parametrize("kind", ["nothing", "file"])
def test_removes_nothing_else_on_exit(path: Path, kind: str) -> None:
    with removed_on_exit(path):
        if kind == "file":
            path.write_text("precious")
    assert path.exists() == (kind == "file")
