"""Which changes of files `latchkey dev` notices."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from latchkey.dev.changes import Changes
from latchkey.dev.mounts import needs_polling

NOTICED_SECONDS = 10.0
UNNOTICED_SECONDS = 0.3


@asynccontextmanager
async def watched(folder: Path) -> AsyncIterator[Changes]:
    changes = Changes(folder / "config.toml")
    changes.watch(folder)
    # The first change that is seen proves that the folder is watched.
    probe = folder / "probe.py"
    while True:
        probe.write_text("")
        try:
            await asyncio.wait_for(changes.arrived(), 0.1)
            break
        except TimeoutError:
            continue
    await changes.next()
    await is_quiet(changes)
    try:
        yield changes
    finally:
        await changes.close()


async def noticed(changes: Changes) -> set[str]:
    return {path.name for path in await asyncio.wait_for(changes.next(), NOTICED_SECONDS)}


async def is_quiet(changes: Changes) -> bool:
    try:
        await asyncio.wait_for(changes.next(), UNNOTICED_SECONDS)
    except TimeoutError:
        return True
    return False


@pytest.mark.gen_test
async def test_notices_modules_packages_and_the_configuration(tmp_path: Path) -> None:
    async with watched(tmp_path) as changes:
        (tmp_path / "ours.py").write_text("")
        assert await noticed(changes) == {"ours.py"}
        (tmp_path / "config.toml").write_text("")
        assert await noticed(changes) == {"config.toml"}
        package = tmp_path / "package"
        package.mkdir()
        assert "package" in await noticed(changes)
        (package / "inner.py").write_text("")
        assert await noticed(changes) == {"inner.py"}
        package.rename(tmp_path / "renamed")
        assert "renamed" in await noticed(changes)


@pytest.mark.gen_test
async def test_ignores_bytecode_editors_files_and_other_folders(tmp_path: Path) -> None:
    for folder in ("__pycache__", ".venv", ".git"):
        (tmp_path / folder).mkdir()
    async with watched(tmp_path) as changes:
        for name in (
            "__pycache__/ours.cpython-311.pyc", ".venv/module.py", ".git/hook.py", "4913", "ours.py~", ".ours.py.swp",
            ".#ours.py", "#ours.py#", "ours.py___jb_tmp___", "sedXYZ", "notes.txt", "other/config.toml",
        ):  # fmt: skip
            if "/" not in name or (tmp_path / name).parent.is_dir():
                (tmp_path / name).write_text("")
        assert await is_quiet(changes)


@pytest.mark.gen_test
async def test_file_that_is_deleted_and_created_again_is_one_change(tmp_path: Path) -> None:
    file = tmp_path / "ours.py"
    file.write_text("")
    async with watched(tmp_path) as changes:
        file.unlink()
        next_changes = asyncio.create_task(noticed(changes))
        await asyncio.wait_for(changes.arrived(), NOTICED_SECONDS)
        file.write_text("")
        assert await next_changes == {"ours.py"}
        assert await is_quiet(changes)


@pytest.mark.gen_test
async def test_thousand_saved_files_are_one_change_or_few(tmp_path: Path) -> None:
    async with watched(tmp_path) as changes:
        for number in range(1000):
            (tmp_path / f"module{number}.py").write_text("")
        found: set[str] = set()
        times = 0
        while len(found) < 1000:
            found |= await noticed(changes)
            times += 1
        assert times <= 10


@pytest.mark.gen_test
async def test_polls_if_inotify_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("latchkey.dev.changes.needs_polling", lambda folder: True)
    async with watched(tmp_path) as changes:
        (tmp_path / "ours.py").write_text("")
        assert await noticed(changes) == {"ours.py"}


@pytest.mark.parametrize(
    ("folder", "polls"),
    [
        ("/home/ada/app", True),
        ("/home/ada/app/inner", True),
        ("/home/ada", False),
        ("/mnt/a share", True),
        ("/mnt/over", False),
    ],
)
def test_polls_on_file_systems_that_other_machines_change(tmp_path: Path, folder: str, polls: bool) -> None:
    mounts = tmp_path / "mountinfo"
    mounts.write_text(
        "22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw\n"
        "23 22 0:5 / /home/ada/app rw - nfs4 server:/app rw\n"
        "24 22 0:6 / /mnt/a\\040share rw - fuse.sshfs ada@host: rw\n"
        "25 22 0:7 / /mnt/over rw - cifs //host/x rw\n"
        "26 25 0:8 / /mnt/over rw - tmpfs tmpfs rw\n"
    )
    assert needs_polling(Path(folder), mounts) is polls


def test_does_not_poll_if_the_file_systems_are_unknown(tmp_path: Path) -> None:
    assert not needs_polling(tmp_path, tmp_path / "missing")
