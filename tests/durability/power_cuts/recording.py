"""Records every file operation of a program and its children, with strace."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ACKNOWLEDGEMENTS = "acknowledgements"
"""The program appends a line of JSON to this file, in the recorded folder's parent, for all that it has been promised."""

_CALLS = (
    "open,openat,creat,write,pwrite64,writev,pwritev,lseek,ftruncate,truncate,fallocate,fsync,fdatasync,sync,syncfs,"
    "rename,renameat,renameat2,link,linkat,symlink,symlinkat,unlink,unlinkat,rmdir,mkdir,mkdirat,"
    "copy_file_range,sendfile,chdir,fchdir"
)
_LINE = re.compile(r"^(\d+) +(.*)$")
_RESUMED = re.compile(r"^<\.\.\. \w+ resumed>(.*)$")
_CALL = re.compile(r"^(\w+)\((.*)\) += (-?\d+)(?:<([^>]*)>)?")
_STRING = r'"((?:\\x[0-9a-f]{2})*)"'
_DESCRIPTOR = re.compile(r"^(\d+|AT_FDCWD)<([^>]*)>(\(deleted\))?")


class Operation(NamedTuple):
    """One operation that succeeded, on a file or folder below the recorded folder; paths are relative to it."""

    started: int
    """How many operations had ended when it began. A sync covers only those."""
    kind: str
    """create, write, copy (`data` has its length), truncate, sync, sync all, rename, link, symlink, remove, folder, or acknowledge."""
    path: str = ""
    other: str = ""
    """The new name, the file that is copied, or the target of a symbolic link."""
    offset: int = 0
    """The place of a write, or the size of a truncated file."""
    data: bytes = b""


def record(folder: Path, command: list[str], log: Path, **environ: str) -> list[Operation]:
    """Run the command, which must succeed, and return its operations below `folder`, which is empty, in their order."""
    trace = log.with_suffix(".strace")
    with open(log, "wb") as output:
        subprocess.run(
            ["strace", "-f", "-qq", "-y", "-xx", "-s", "10000000", "--seccomp-bpf", "-e", f"trace={_CALLS}", "-e", "signal=none",
             "-o", str(trace), *command],
            env={"PATH": os.environ["PATH"], **environ}, stdout=output, stderr=output, check=True,
        )  # fmt: skip
    found = list(_Parser(folder.resolve()).operations(trace))
    trace.unlink()
    return found


class _Parser:
    """Turns strace's lines into operations."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._acknowledgements = str(folder.parent / ACKNOWLEDGEMENTS)
        self._begun: dict[str, tuple[str, int]] = {}
        self._positions: dict[str, int] = {}
        self._folders: dict[str, str] = {}
        """The current folder of a process that has changed it."""
        self._count = 0

    def operations(self, trace: Path) -> Iterator[Operation]:
        with open(trace) as lines:
            for line in lines:
                for operation in self._ended(line):
                    self._count += 1
                    yield operation

    def _ended(self, line: str) -> Iterator[Operation]:
        found = _LINE.match(line)
        assert found, line
        thread, text = found.groups()
        started = self._count
        if text.endswith("<unfinished ...>"):
            self._begun[thread] = text.removesuffix("<unfinished ...>").rstrip(), started
            return
        if resumed := _RESUMED.match(text):
            begun, started = self._begun.pop(thread)
            text = begun + resumed[1]
        call = _CALL.match(text)
        if call and int(call[3]) >= 0:
            yield from self._operations(thread, started, call[1], call[2], int(call[3]), _decoded(call[4] or ""))

    def _operations(
        self, thread: str, started: int, call: str, arguments: str, result: int, opened: str
    ) -> Iterator[Operation]:
        descriptor = _DESCRIPTOR.match(arguments)
        if descriptor and descriptor[3]:
            return  # the file has lost its name
        target = _decoded(descriptor[2]) if descriptor else ""
        if call in ("sync", "syncfs"):
            yield Operation(started, "sync all")
        elif call in ("fsync", "fdatasync"):
            yield from self._at(target, started, "sync")
        elif call in ("open", "openat", "creat"):
            yield from self._open(started, arguments, opened)
        elif call in ("chdir", "fchdir"):
            self._folders[thread] = target or self._absolute(thread, _strings(arguments)[0].decode())
        elif call.startswith(("rename", "link", "symlink", "unlink", "rmdir", "mkdir")):
            yield from self._names(thread, started, call, arguments)
        else:
            yield from self._content(started, call, arguments, target, result)

    def _content(self, started: int, call: str, arguments: str, target: str, result: int) -> Iterator[Operation]:
        if call in ("write", "pwrite64"):
            yield from self._write(started, call, arguments, target, _strings(arguments)[0][:result])
        elif call == "lseek":
            self._positions[target] = result
        elif call in ("ftruncate", "truncate"):
            size = int(arguments.rpartition(", ")[2])
            yield from self._at(target or _strings(arguments)[0].decode(), started, "truncate", offset=size)
        elif call == "copy_file_range":
            yield from self._copy(started, arguments, result)
        elif call != "fallocate":
            assert self._relative(target) is None, f"cannot replay {call}"

    def _absolute(self, thread: str, path: str) -> str:
        return os.path.join(self._folders.get(thread, "/"), path)

    def _copy(self, started: int, arguments: str, size: int) -> Iterator[Operation]:
        """A copy from another file, whose data strace does not see."""
        source, target = (_decoded(found) for found in re.findall(r"\d+<([^>]*)>", arguments))
        offset = self._positions.get(target, 0)
        self._positions[target] = offset + size
        assert offset == self._positions.get(source, 0), arguments
        self._positions[source] = offset + size
        if self._relative(target) is None or not size:
            return
        other = self._relative(source)
        if other is not None:
            yield from self._at(target, started, "copy", offset=offset, other=other, data=bytes(size))
        else:  # nothing changes it meanwhile
            data = Path(source).read_bytes()[offset : offset + size]
            yield from self._at(target, started, "write", offset=offset, data=data)

    def _open(self, started: int, arguments: str, opened: str) -> Iterator[Operation]:
        flags = re.sub(r'"[^"]*"|<[^>]*>', "", arguments)
        self._positions[opened] = 0
        if "O_CREAT" in flags:
            yield from self._at(opened, started, "create")
        if "O_TRUNC" in flags:
            yield from self._at(opened, started, "truncate")

    def _write(self, started: int, call: str, arguments: str, target: str, data: bytes) -> Iterator[Operation]:
        if target == self._acknowledgements:
            for line in data.splitlines():
                yield Operation(started, "acknowledge", data=line)
            return
        offset = int(arguments.rpartition(", ")[2]) if call == "pwrite64" else self._positions.get(target, 0)
        if call == "write":
            self._positions[target] = offset + len(data)
        yield from self._at(target, started, "write", offset=offset, data=data)

    def _names(self, thread: str, started: int, call: str, arguments: str) -> Iterator[Operation]:
        # Absolute paths, or relative ones after the descriptor of their folder.
        names = re.findall(r"(?:(?:\d+|AT_FDCWD)<([^>]*)>, )?" + _STRING, arguments)
        paths = [self._absolute(thread, os.path.join(_decoded(at), _bytes(name).decode())) for at, name in names]
        if call.startswith("symlink"):
            yield from self._at(paths[1], started, "symlink", other=_bytes(names[0][1]).decode())
        elif call.startswith(("rename", "link")):
            assert "RENAME_EXCHANGE" not in arguments
            other = self._relative(paths[1])
            if other is not None:
                yield from self._at(paths[0], started, "rename" if call.startswith("rename") else "link", other=other)
        else:
            yield from self._at(paths[0], started, "folder" if call.startswith("mkdir") else "remove")

    def _at(self, path: str, started: int, kind: str, **values: object) -> Iterator[Operation]:
        relative = self._relative(path)
        if relative is not None:
            yield Operation(started, kind, relative, **values)  # type: ignore[arg-type]

    def _relative(self, path: str) -> str | None:
        path = os.path.normpath(path)
        if path != str(self._folder) and not path.startswith(f"{self._folder}/"):
            return None
        return os.path.relpath(path, self._folder)


def _strings(arguments: str) -> list[bytes]:
    return [_bytes(found) for found in re.findall(_STRING, arguments)]


def _bytes(text: str) -> bytes:
    return bytes.fromhex(text.replace("\\x", ""))


def _decoded(text: str) -> str:
    return _bytes(text).decode() if text.startswith("\\x") else text


def acknowledge(path: Path, /, **fields: object) -> None:
    """Append to the file of acknowledgements; to be called by the recorded program."""
    with open(path, "ab", buffering=0) as file:
        file.write(json.dumps(fields).encode() + b"\n")
