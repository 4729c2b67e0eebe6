"""A disk that loses power: what has not been synced is lost in part, and in any order.

A sync of a file keeps its content, and a sync of a folder its names, as POSIX promises, and nothing else. Of the writes
to a file since then, each sector of 512 bytes may be there or not. Of the changes of a folder since then, the first ones
are there, as on ext4, XFS and Btrfs, which log them in their order.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

from tests.durability.power_cuts.recording import Operation

SECTOR = 512


@dataclass
class File:
    live: bytearray = field(default_factory=bytearray)
    synced: bytes = b""
    since: list[tuple[int, int, bytes | None]] = field(default_factory=list)
    """Changes since the last sync: number of the operation, offset and data; without data, a truncation to the offset."""
    target: str = ""
    """Of a symbolic link, which is written with its name."""

    def change(self, number: int, offset: int, data: bytes | None) -> None:
        self.since.append((number, offset, data))
        _change(self.live, offset, data)

    def sync(self, started: int) -> None:
        content = bytearray(self.synced)
        for number, offset, data in self.since:
            if number < started:
                _change(content, offset, data)
        self.synced = bytes(content)
        self.since = [change for change in self.since if change[0] >= started]

    def after_power_cut(self, chance: random.Random) -> bytes:
        content = bytearray(self.synced)
        kept = chance.choice([0.0, 0.5, 0.9, 1.0])
        for _, offset, data in self.since:
            if data is None:
                if chance.random() < kept:
                    _change(content, offset, None)
                continue
            first = SECTOR - offset % SECTOR
            for begin, end in pairwise([0, *range(first, len(data), SECTOR), len(data)]):
                if chance.random() < kept:
                    _change(content, offset + begin, data[begin:end])
        return bytes(content)


@dataclass
class Folder:
    live: dict[str, File | Folder] = field(default_factory=dict)
    synced: dict[str, File | Folder] = field(default_factory=dict)
    since: list[tuple[int, dict[str, File | Folder | None]]] = field(default_factory=list)
    """Changes since the last sync: number of the operation, and the new meaning of names; None: removed."""

    def change(self, number: int, names: dict[str, File | Folder | None]) -> None:
        self.since.append((number, names))
        _rename(self.live, names)

    def sync(self, started: int) -> None:
        for number, names in self.since:
            if number < started:
                _rename(self.synced, names)
        self.since = [change for change in self.since if change[0] >= started]

    def after_power_cut(self, chance: random.Random) -> dict[str, File | Folder]:
        found = dict(self.synced)
        for _, names in self.since[: chance.randint(0, len(self.since))]:
            _rename(found, names)
        return found


class Disk:
    """An empty folder, to which operations are applied one after another."""

    def __init__(self, leaves_out: Callable[[str, bool], bool] = lambda path, is_folder: False) -> None:
        """`leaves_out` says which syncs, of this path and of a folder or not, the program would not make."""
        self._root = Folder()
        self._leaves_out = leaves_out
        self._number = 0

    def apply(self, operation: Operation) -> None:
        self._number += 1
        started, kind, path, other, offset, data = operation
        match kind:
            case "create" if self._find(path) is None:
                self._name(path, File())
            case "write" | "truncate":
                file = self._find(path)
                assert isinstance(file, File), path
                file.change(self._number, offset, data if kind == "write" else None)
            case "copy":
                file, source = self._find(path), self._find(other)
                assert isinstance(file, File)
                assert isinstance(source, File)
                file.change(self._number, offset, bytes(source.live[offset : offset + len(data)]))
            case "sync" | "sync all":
                self._sync(started + 1, path if kind == "sync" else None)
            case "rename" | "link":
                self._rename(path, other, keeps=kind == "link")
            case "symlink":
                self._name(path, File(target=other))
            case "remove" | "folder":
                self._name(path, Folder() if kind == "folder" else None)

    def _sync(self, started: int, path: str | None) -> None:
        for place, node in self._all(self._root, "."):
            if path in (None, place) and not self._leaves_out(place, isinstance(node, Folder)):
                node.sync(started)

    def write_after_power_cut(self, chance: random.Random, folder: Path) -> None:
        """Write to a new folder what is there after a power cut now."""
        _write(self._root, chance, folder, {})

    def _rename(self, path: str, other: str, *, keeps: bool) -> None:
        node = self._find(path)
        assert node is not None, path
        removed: dict[str, File | Folder | None] = {} if keeps else {Path(path).name: None}
        if Path(path).parent == Path(other).parent:
            self._parent(other).change(self._number, {**removed, Path(other).name: node})
        else:
            self._parent(other).change(self._number, {Path(other).name: node})
            self._parent(path).change(self._number, removed)

    def _name(self, path: str, node: File | Folder | None) -> None:
        self._parent(path).change(self._number, {Path(path).name: node})

    def _parent(self, path: str) -> Folder:
        parent = self._find(str(Path(path).parent))
        assert isinstance(parent, Folder), path
        return parent

    def _find(self, path: str) -> File | Folder | None:
        node: File | Folder | None = self._root
        for name in Path(path).parts:
            if not isinstance(node, Folder):
                return None
            node = node.live.get(name)
        return node

    def _all(self, folder: Folder, path: str) -> Iterator[tuple[str, File | Folder]]:
        yield path, folder
        for name, node in folder.live.items():
            place = name if path == "." else f"{path}/{name}"
            if isinstance(node, Folder):
                yield from self._all(node, place)
            else:
                yield place, node


def _write(folder: Folder, chance: random.Random, path: Path, written: dict[int, Path]) -> None:
    path.mkdir(mode=0o700)
    for name, node in sorted(folder.after_power_cut(chance).items()):
        if isinstance(node, Folder):
            _write(node, chance, path / name, written)
        elif node.target:
            (path / name).symlink_to(node.target)
        elif id(node) in written:
            (path / name).hardlink_to(written[id(node)])
        else:
            written[id(node)] = path / name
            (path / name).touch(mode=0o600)
            (path / name).write_bytes(node.after_power_cut(chance))


def _change(content: bytearray, offset: int, data: bytes | None) -> None:
    if len(content) < offset:
        content.extend(bytes(offset - len(content)))
    if data is None:
        del content[offset:]
    else:
        content[offset : offset + len(data)] = data


def _rename(names: dict[str, File | Folder], changes: dict[str, File | Folder | None]) -> None:
    for name, node in changes.items():
        if node is None:
            names.pop(name, None)
        else:
            names[name] = node
