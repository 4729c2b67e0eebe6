"""What this process may do: as which user root works in a folder, and that nobody reads this process's memory.

Invariant: root creates, changes and follows nothing in a folder that another user can change. That user could put a
symbolic or a hard link to any file of the system there, between a check and the call after it, and SQLite follows
links. As the folder's owner, the command can do only what that user could do without it.
"""

from __future__ import annotations

import ctypes
import os
import pwd
import resource
import stat
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from latchkey.errors import StoreExposed, StoreRefused

MAX_LINKS = 40
"""Symbolic links on one path, as in the kernel (path_resolution(7))."""
PR_SET_DUMPABLE = 4
"""prctl(2)."""


class Account(NamedTuple):
    """A user and a group; `groups` are the supplementary groups."""

    uid: int
    gid: int
    groups: tuple[int, ...]


ROOT = Account(0, os.getgid(), tuple(os.getgroups()))
"""Root with the groups of this process. Root needs none, so they stay as they are."""


def forbid_core_dumps() -> None:
    """Disable core dumps of this process, and reading its memory, except by root.

    RLIMIT_CORE, which the programs that it starts inherit, has no effect if the kernel pipes core dumps to a program
    (core(5)). A process that is not dumpable has none, and its user can neither trace it nor read its /proc/PID/mem.
    """
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    ctypes.CDLL(None).prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)


_CHANGING = threading.RLock()
"""Held while the acting user changes, so that no other thread sees a half-changed one."""
_ACTING: dict[object, Account] = {}
"""While blocks of `acting_as_owner_of` run, in any thread: the user before the first of them, and the user of each."""


@contextmanager
def acting_as_owner_of(path: Path) -> Iterator[None]:
    """If root has started this process, act as the user that the folders on the way to `path` belong to, meanwhile.

    That is the owner of the first folder or symbolic link, from `/` on, that is not root's; if all are root's, it is
    root. Can be nested. It applies to all threads; if blocks of several threads overlap, the user of the block that
    began last. Raises StoreRefused if that user is unclear.
    """
    if not _root_started():
        yield
        return
    block = _begin(path)
    try:
        yield
    finally:
        _end(block)


def _begin(path: Path) -> object:
    block = object()
    with _CHANGING:
        former = _current()
        try:
            _act_as(ROOT)  # only root can see the owners of all folders
            account = _owner_of(path)
            _act_as(account)
        except BaseException:
            _act_as(former)
            raise
        _ACTING.setdefault(None, former)
        _ACTING[block] = account
    return block


def _end(block: object) -> None:
    """Act as the user of the block that began last and still runs; with none left, as before the first."""
    with _CHANGING:
        del _ACTING[block]
        if _root_started():  # unless `become_owner_of` was called meanwhile
            _act_as(next(reversed(_ACTING.values())))
        if len(_ACTING) == 1:
            _ACTING.clear()


def become_owner_of(path: Path) -> None:
    """The same until this process ends, with no way back. Raises StoreRefused."""
    with acting_as_owner_of(path):
        owner = _current()
    if _root_started() and owner.uid:
        _act_as(ROOT)
        os.setgroups(owner.groups)
        os.setresgid(owner.gid, owner.gid, owner.gid)
        os.setresuid(owner.uid, owner.uid, owner.uid)
        forbid_core_dumps()


def refuse_as_root(path: Path) -> None:
    """Raise StoreRefused if this process acts as root and another user can change a folder on the way to `path`."""
    if os.geteuid() == 0 and (uid := _owner_of(path).uid):
        raise StoreRefused(
            f"{path} is in a folder of the user {_name(uid)}, where root does not open a store",
            hint=f"run the program as that user, for example: runuser -u {_name(uid)} -- …",
        )


def _root_started() -> bool:
    return os.getresuid()[2] == 0


def _current() -> Account:
    with _CHANGING:
        return Account(os.geteuid(), os.getegid(), tuple(os.getgroups()))


def _act_as(account: Account) -> None:
    try:
        with _CHANGING:
            if account == _current():
                return  # in a container, root may lack the privileges for the calls below, and need none of them
            os.seteuid(0)  # only root may change groups
            os.setgroups(account.groups)
            os.setegid(account.gid)
            os.seteuid(account.uid)
    except OSError as error:
        raise StoreRefused(f"cannot act as the user {_name(account.uid)}: {error.strerror}") from None
    # A change of the user resets this to fs.suid_dumpable (proc(5)), which may allow core dumps.
    forbid_core_dumps()


def _owner_of(path: Path) -> Account:
    current, names, links = Path("/"), list(path.absolute().parts[:0:-1]), 0
    while names:
        name = names.pop()
        step = current.parent if name == ".." else current / name
        try:
            status = os.lstat(step)
        except OSError:
            break
        if stat.S_ISLNK(status.st_mode):
            links += 1
            target = step.readlink()
            names += reversed([part for part in target.parts if part != "/"])
            step = Path("/") if target.is_absolute() else current
        elif not stat.S_ISDIR(status.st_mode):
            break
        if status.st_uid:
            return _account(status.st_uid, status.st_gid)
        if stat.S_ISDIR(status.st_mode):
            _refuse_unclear_owner(step, status)
        if links > MAX_LINKS:
            raise StoreRefused(f"{path}: too many symbolic links")
        current = step
    return ROOT


def _refuse_unclear_owner(folder: Path, status: os.stat_result) -> None:
    """Refuse a folder of root in which other users can replace what is not theirs."""
    who = "g" if status.st_mode & stat.S_IWGRP and status.st_gid else ""
    who += "o" if status.st_mode & stat.S_IWOTH else ""
    if who and not status.st_mode & stat.S_ISVTX:
        raise StoreExposed(
            f"{folder}: mode {stat.S_IMODE(status.st_mode):04o} lets others replace the files in it",
            hint=f"chmod {who}-w {folder}",
        )


def _account(uid: int, gid: int) -> Account:
    try:
        return Account(uid, gid, tuple(os.getgrouplist(pwd.getpwuid(uid).pw_name, gid)))
    except KeyError:
        return Account(uid, gid, (gid,))


def _name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"#{uid}"
