"""Root's commands, while the server's user replaces what they use by links: nothing of root's changes."""

import json
import os
import random
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from latchkey.storage import make_backup
from tests.support.stores import FOREIGN, ROOT, fill, give_all_to

pytestmark = pytest.mark.root

ATTACKER = Path(__file__).parent / "link_attacker.py"
COMMANDS_PER_ATTACK = 20
COMMANDS = [
    ["backup", "--keep", "2"],
    ["restore", "--yes", "--offline"],
    ["restore", "--dry-run"],
    ["keys", "rotate", "--yes"],
    ["keys", "add"],
    ["keys", "verify"],
    ["installs", "list"],
    ["installs", "remove", "T3", "--local", "--yes"],
    ["events", "status"],
    ["doctor", "--offline"],
]

# Each command runs in a child of one process that has imported it, which takes a tenth of the time.
DRIVER = """
import importlib, json, os, pkgutil, signal, sys
import latchkey.commands
from latchkey import cli

for module in pkgutil.walk_packages(latchkey.commands.__path__, "latchkey.commands."):
    if "first_listeners" not in module.name:
        importlib.import_module(module.name)

def run(arguments, environ):
    os.environ.clear()
    os.environ.update(environ)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    signal.alarm(20)  # an attack may leave a command waiting
    sys.exit(cli.main(arguments))

for line in sys.stdin:
    child = os.fork()
    if not child:
        run(*json.loads(line))
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""


class Commands:
    """Runs commands as root, one after the other."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process

    def run(self, arguments: list[str], environ: dict[str, str]) -> int:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps([arguments, environ]) + "\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline())


@pytest.fixture
def commands(public_folder: Path) -> Iterator[Commands]:
    with (
        open(public_folder / "stderr", "w") as errors,
        subprocess.Popen(
            [sys.executable, "-c", DRIVER],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            cwd=ROOT,
        ) as process,
    ):
        yield Commands(process)
        process.stdin.close()  # type: ignore[union-attr]


@pytest.fixture(params=["the keyring is root's", "the keyring is the server's"])
def pattern(public_folder: Path, request: pytest.FixtureRequest) -> Path:
    """A folder with `home`, which belongs to the server's user, and `keys`, if they are root's."""
    pattern = public_folder / "pattern"
    pattern.mkdir(mode=0o755)
    home = pattern / "home"
    paths = home / "data" / "store.sqlite", home / "keys" / "keyring"
    fill(paths, "T1", "T2", "T3")
    make_backup(*paths, home / "backups")
    give_all_to(home, *FOREIGN)
    if "root's" in request.param:
        (home / "keys").rename(pattern / "keys")
        for path, mode in ((pattern / "keys", 0o750), (pattern / "keys" / "keyring", 0o640)):
            os.chown(path, 0, FOREIGN[1])
            path.chmod(mode)
    return pattern


@pytest.fixture
def victim(public_folder: Path, pattern: Path) -> Path:
    """Files and folders of root's, named like those that the commands use."""
    victim = public_folder / "victim"
    victim.mkdir(mode=0o755)
    shutil.copy(pattern / "home" / "data" / "store.sqlite", victim / "store.sqlite")
    shutil.copy(next(pattern.rglob("keyring")), victim / "keyring")
    (victim / "shadow").write_text("root's")
    (victim / "public").write_text("everyone may read it")
    (victim / "folder").mkdir(mode=0o700)
    for path in victim.iterdir():
        os.chown(path, 0, 0)
    for name in ("store.sqlite", "keyring", "shadow"):
        (victim / name).chmod(0o600)
    return victim


def state_of(folder: Path) -> dict[str, tuple[object, ...]]:
    """Return owner, mode, time and content of everything in the folder."""
    found: dict[str, tuple[object, ...]] = {}
    for path in (folder, *folder.rglob("*")):
        status = path.lstat()
        content = path.read_bytes() if path.is_file() else sorted(item.name for item in path.iterdir())
        found[str(path)] = (status.st_uid, status.st_gid, status.st_mode, status.st_mtime_ns, content)
    return found


@contextmanager
def attack(seed: int, home: Path, victim: Path) -> Iterator[None]:
    command = [sys.executable, str(ATTACKER), *map(str, (seed, *FOREIGN, home, victim))]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"attacking\n"
        try:
            yield
        finally:
            process.kill()


def run_under_attack(commands: Commands, pattern: Path, victim: Path, times: int) -> Counter[str]:
    before = state_of(victim)
    folder = pattern.with_name("attacked")
    keys = folder / ("keys" if (pattern / "keys").exists() else "home/keys")
    environ = {
        "PATH": os.environ["PATH"],
        "LATCHKEY_STORAGE_PATH": str(folder / "home" / "data" / "store.sqlite"),
        "LATCHKEY_STORAGE_KEYRING": str(keys / "keyring"),
        "LATCHKEY_BACKUP_PATH": str(folder / "home" / "backups"),
    }
    chance = random.Random(times)
    ended: Counter[str] = Counter()
    for seed in range(0, times, COMMANDS_PER_ATTACK):
        subprocess.run(["cp", "-a", str(pattern), str(folder)], check=True)
        with attack(seed, folder / "home", victim):
            for number in range(min(COMMANDS_PER_ATTACK, times - seed)):
                arguments = chance.choice(COMMANDS)
                ended["done" if commands.run(arguments, environ) == 0 else "refused"] += 1
                assert state_of(victim) == before, f"changed by command {seed + number + 1}: {arguments}"
                if folder != keys.parent:
                    continue
                assert (keys / "keyring").stat().st_uid == 0
        shutil.rmtree(folder)
    print(f"{times} commands under attack: {dict(ended)}; nothing of root's changed")
    return ended


def test_a_few_commands_run_by_root_change_nothing_outside_the_stores_folder(
    commands: Commands, pattern: Path, victim: Path
) -> None:
    assert sum(run_under_attack(commands, pattern, victim, 20).values()) == 20


@pytest.mark.long
def test_a_thousand_commands_run_by_root_change_nothing_outside_the_stores_folder(
    commands: Commands, pattern: Path, victim: Path
) -> None:
    ended = run_under_attack(commands, pattern, victim, 1000)
    assert ended["done"] > 100
